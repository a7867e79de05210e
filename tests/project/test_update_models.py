"""The script that brings the catalogue of models up to date: catalogue facts first, hand edits last."""

import json
from typing import Any

import pytest

from langchain_qwen_workspace.data._models import built_in_text
from scripts.update_models import read_hand_edits, update


def models() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(built_in_text())
    return data


def catalogue(**rows: Any) -> dict[str, Any]:
    return {"version": 1, "date": "2026-12-01", "source": "x", "defaults": models()["defaults"], "models": rows}


def updated(newer: dict[str, Any], edits: Any = ()) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(update(models(), newer, edits))["models"]
    return data


def test_the_committed_data_is_what_the_script_makes_of_its_inputs() -> None:
    assert update(models(), None, read_hand_edits()) == built_in_text()


def test_every_hand_edit_has_a_reason_a_source_and_a_date() -> None:
    assert [edit for edit in read_hand_edits() if not (edit["reason"] and edit["source"] and edit["date"])] == []


def test_a_model_of_the_catalogue_replaces_the_row_and_keeps_its_note() -> None:
    row = updated(catalogue(**{"qwen3-max": {"kind": "chat", "context": 5}}))["qwen3-max"]
    note = models()["models"]["qwen3-max"]["note"]
    assert row == {"kind": "chat", "context": 5, "as_of": "2026-12-01", "note": note}


def test_a_new_model_of_the_catalogue_is_added() -> None:
    row = updated(catalogue(new={"kind": "chat"}))["new"]
    assert row == {"kind": "chat", "as_of": "2026-12-01"}


def test_a_model_without_a_kind_is_left_out() -> None:
    assert "painter" not in updated(catalogue(painter={"context": 5}))


def test_a_hand_edit_comes_last() -> None:
    edit = {"model": "qwen-plus", "field": "context", "value": "7"}
    assert updated(catalogue(**{"qwen-plus": {"kind": "chat", "context": 5}}), [edit])["qwen-plus"]["context"] == 7


def test_a_hand_edit_to_null_removes_the_fact() -> None:
    edit = {"model": "qwen-plus", "field": "context", "value": "null"}
    assert "context" not in updated(catalogue(), [edit])["qwen-plus"]


def test_a_hand_edit_to_the_default_of_the_kind_is_not_written() -> None:
    edit = {"model": "qwen4-max", "field": "inputs", "value": '["text"]'}
    assert "inputs" not in updated(catalogue(), [edit])["qwen4-max"]


def test_a_hand_edit_of_no_model_is_refused() -> None:
    with pytest.raises(ValueError, match="no model 'gone'"):
        update(models(), None, [{"model": "gone", "field": "context", "value": "1"}])


def test_a_catalogue_with_other_defaults_is_refused() -> None:
    with pytest.raises(ValueError, match="other `defaults`"):
        update(models(), {**catalogue(), "defaults": {}}, [])
