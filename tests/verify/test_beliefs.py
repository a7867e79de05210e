"""The list of beliefs: complete, exact, and with errors that name the row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._verify.beliefs import Belief, load_beliefs, parse_beliefs, value_at
from langchain_qwen_workspace._verify.checks import CHECKS
from langchain_qwen_workspace.errors import ConfigurationError

BELIEFS = load_beliefs().beliefs


def beliefs_page() -> str:
    """Return the page of the documentation."""
    pytest.importorskip("nbformat", reason="writes the site's pages: dependency group `docs`")
    from docs import _pages  # noqa: PLC0415 - only where its group is installed

    return _pages.beliefs_page()


ROW: dict[str, Any] = {
    "id": "one",
    "group": "group",
    "sentence": "It is so.",
    "source": "A page",
    "date": "2026-10",
    "certainty": "uncertain",
    "check": "response",
    "call": {"protocol": "openai"},
}


def _text(*rows: dict[str, Any]) -> str:
    return json.dumps({"last_verification": None, "beliefs": rows})


@pytest.mark.parametrize("belief", BELIEFS, ids=lambda belief: belief.id)
def test_a_belief_has_a_check_and_a_protocol(belief: Belief) -> None:
    assert belief.check in CHECKS
    assert belief.call.protocol in PROTOCOLS


def test_every_check_is_the_check_of_a_belief() -> None:
    assert set(CHECKS) == {belief.check for belief in BELIEFS}


def test_decisive_beliefs_come_first() -> None:
    decisive = [belief.is_decisive for belief in load_beliefs().select()]
    assert decisive == sorted(decisive, reverse=True)


def test_the_four_decisive_questions_are_asked() -> None:
    names = {belief.id.rpartition("_")[0] for belief in BELIEFS if belief.is_decisive}
    assert names == {"permissions", "finish_reason", "forbidden", "throttled", "json_schema_older"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "malformed at the file"),
        (_text({**ROW, "certainty": "sure"}), "beliefs.0.certainty"),
        (_text({**ROW, "date": "October"}), "beliefs.0.date"),
        (_text(ROW, {**ROW, "id": "Not a name"}), "beliefs.1.id"),
        (_text({**ROW, "colour": "red"}), "beliefs.0.colour"),
        (_text({**ROW, "is_decisive": True}), "needs `if_otherwise`"),
        (_text(ROW, ROW), "repeated ids: one"),
    ],
)
def test_a_malformed_row_is_named(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        parse_beliefs(text)


def test_beliefs_are_selected_by_id_and_group() -> None:
    rows = parse_beliefs(_text(ROW, {**ROW, "id": "two"}, {**ROW, "id": "three", "group": "other"}))
    assert [belief.id for belief in rows.select(["two", "other"])] == ["two", "three"]


def test_an_unknown_name_is_refused_with_the_groups() -> None:
    with pytest.raises(ConfigurationError, match=r"'tols' is neither .*group \(decisive, "):
        load_beliefs().select(["tols"])


@pytest.mark.parametrize("path", ["a.b", "a.0.c", "x", "a.5", "a.0.b.c"])
def test_a_path_without_a_value_is_a_lookup_error(path: str) -> None:
    with pytest.raises(LookupError):
        value_at({"a": [{"b": "text"}]}, path)


def test_a_value_is_found_by_its_path() -> None:
    assert value_at({"a": [{"b": "text"}]}, "a.0.b") == "text"


def test_the_page_says_that_nobody_verified_it_yet() -> None:
    assert "Nobody has verified it" in beliefs_page()


def test_the_page_names_the_last_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    last = {"date": "2026-12-01", "region": "cn-beijing", "models": ["qwen-flash"], "otherwise": ["one"]}
    found = parse_beliefs(json.dumps({"last_verification": last, "beliefs": [ROW]}))
    monkeypatch.setattr("docs._pages.load_beliefs", lambda: found)
    assert "Last verified on 2026-12-01, in cn-beijing, with qwen-flash. Otherwise: `one`." in beliefs_page()


@pytest.mark.parametrize("belief", BELIEFS, ids=lambda belief: belief.id)
def test_the_page_has_every_belief(belief: Belief) -> None:
    assert f"| `{belief.id}`: " in beliefs_page()
