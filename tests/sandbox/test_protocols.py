"""The table of protocols: a row is all that a further protocol needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._errors import Refusal
from langchain_qwen_workspace.sandbox._http.protocols import PROTOCOLS, protocol_of
from langchain_qwen_workspace.sandbox._models import ChatModel

_PATH = "/compatible-mode/v1/third"


def _answer(call: Call) -> Reply:
    return Reply({"model": call.find_model(ChatModel).name})


def _error_body(refusal: Refusal, _request_id: str) -> dict[str, str]:
    return {"third": refusal.code}


@pytest.mark.parametrize(("model", "status", "body"), [("qwen-plus", 200, {"model": "qwen-plus"}), ("x", 404, None)])
def test_a_further_protocol_is_a_row(
    monkeypatch: pytest.MonkeyPatch, model: str, status: int, body: dict[str, str] | None
) -> None:
    row = replace(
        PROTOCOLS["openai"], path_prefixes=(_PATH,), routes={_PATH: {"POST": _answer}}, error_body=_error_body
    )
    name: Any = "third"
    monkeypatch.setitem(PROTOCOLS, name, row)
    with Sandbox() as sandbox:
        headers = {"authorization": f"Bearer {sandbox.add_workspace('a').api_key}"}
        response = httpx.post(sandbox.base_url + _PATH, json={"model": model}, headers=headers, trust_env=False)
    assert (response.status_code, response.json()) == (status, body or {"third": "ModelNotFound"})


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/compatible-mode/v1/chat/completions", "openai"),
        ("/compatible-api/v1/reranks", "openai"),
        ("/compatible-mode/v1/responses", "responses"),
        ("/compatible-mode/v1/conversations/conv_1/items", "responses"),
        ("/nowhere", "openai"),
        ("/api/v1/services/nowhere", "dashscope"),
    ],
)
def test_the_path_decides_the_protocol(path: str, name: str) -> None:
    assert protocol_of(path).name == name
