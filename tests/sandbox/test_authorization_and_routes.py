"""Keys, workspaces, models, paths and methods: what the gateway refuses before a model is asked."""

from __future__ import annotations

from typing import Any

import dashscope
import httpx
import openai
import pytest
from dashscope.v2.errors import PermissionDeniedError

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.support import (
    DASHSCOPE_EMBEDDINGS,
    DASHSCOPE_MULTIMODAL,
    DASHSCOPE_RERANK,
    DASHSCOPE_TEXT,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RERANK,
    SSE,
    openai_client_of,
    user,
)

_WRONG_URL = (400, "InvalidParameter", "url error, please check url！")  # noqa: RUF001 - verbatim


def test_a_missing_key_is_refused(sandbox: Sandbox) -> None:
    body = {"model": "qwen-plus", "messages": [user("x")]}
    response = httpx.post(f"{sandbox.base_url}{OPENAI_CHAT}", json=body)
    assert response.status_code == 401
    assert response.json() == {
        "error": {
            "message": (
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY). "
            ),
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        },
        "request_id": response.headers["x-request-id"],
    }
    assert httpx.post(f"{sandbox.base_url}{DASHSCOPE_TEXT}", json={}).json()["message"] == "No API-key provided."


def test_a_wrong_key_is_refused(sandbox: Sandbox) -> None:
    headers = {"authorization": "Bearer sk-wrong", "X-DashScope-SSE": "enable"}
    openai_response = httpx.post(f"{sandbox.base_url}{OPENAI_CHAT}", json={}, headers=headers)
    assert openai_response.status_code == 401
    assert openai_response.json()["error"]["code"] == "invalid_api_key"
    dashscope_response = httpx.post(f"{sandbox.base_url}{DASHSCOPE_TEXT}", json={}, headers=headers)
    assert dashscope_response.status_code == 401
    assert dashscope_response.json() == {
        "code": "InvalidApiKey",
        "message": "Invalid API-key provided.",
        "request_id": dashscope_response.headers["x-request-id"],
    }
    assert [request.workspace for request in sandbox.requests] == [None, None]


def test_a_model_that_is_not_permitted_is_refused(sandbox: Sandbox) -> None:
    few = sandbox.add_workspace("one model", models=["qwen-flash"])
    with openai_client_of(sandbox, few) as client:
        with pytest.raises(openai.PermissionDeniedError) as refused:
            client.chat.completions.create(model="qwen-plus", messages=[{"role": "user", "content": "x"}])
        assert (refused.value.code, refused.value.type) == ("Model.AccessDenied", "Model.AccessDenied")
        assert refused.value.request_id is not None
    with dashscope.Client(
        api_key=few.api_key, base_url=f"{sandbox.base_url}/api/v1", config_path="/dev/null"
    ) as client:
        with pytest.raises(PermissionDeniedError) as denied:
            client.chat.completions.create(model="qwen-plus", messages="x")
        assert (denied.value.status_code, denied.value.code) == (403, "Model.AccessDenied")


def test_the_header_of_another_workspace_is_refused(sandbox: Sandbox, http: httpx.Client) -> None:
    other = sandbox.add_workspace("other")
    body = {"model": "qwen-plus", "input": {"prompt": "x"}}
    response = http.post(DASHSCOPE_TEXT, json=body, headers={"X-DashScope-WorkSpace": other.workspace_id})
    assert (response.status_code, response.json()["code"]) == (403, "Workspace.AccessDenied")
    own = http.post(DASHSCOPE_TEXT, json=body, headers={"X-DashScope-WorkSpace": "llm-tests"})
    assert own.status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (OPENAI_CHAT, {"model": "gpt-4", "messages": [user("x")]}, 404, "model_not_found"),
        (OPENAI_CHAT, {"messages": [user("x")]}, 400, "invalid_parameter_error"),
        (OPENAI_CHAT, {"model": "text-embedding-v4", "messages": [user("x")]}, 404, "model_not_supported"),
        (OPENAI_EMBEDDINGS, {"model": "qwen-plus", "input": "x"}, 404, "model_not_supported"),
        (OPENAI_RERANK, {"model": "gte-rerank-v2"}, 404, "model_not_supported"),
        ("/compatible-mode/v1/nowhere", {}, 404, "NotFound"),
    ],
)
def test_openai_refuses_wrong_models_and_paths(
    http: httpx.Client, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    response = http.post(path, json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "model", "refused"),
    [
        (DASHSCOPE_TEXT, "gpt-4", (404, "ModelNotFound", "Model can not be found.")),
        (DASHSCOPE_TEXT, "qwen3.8-max", _WRONG_URL),
        (DASHSCOPE_MULTIMODAL, "qwen-plus", _WRONG_URL),
        (DASHSCOPE_EMBEDDINGS, "qwen-plus", _WRONG_URL),
        (DASHSCOPE_RERANK, "qwen-plus", _WRONG_URL),
        (DASHSCOPE_RERANK, "gpt-4", (400, "InvalidParameter", "Model not exist.")),
        ("/api/v1/services/nowhere", "qwen-plus", (404, "NotFound", "Request path not found.")),
    ],
)
def test_dashscope_refuses_wrong_models_and_paths(
    http: httpx.Client, path: str, model: str, refused: tuple[int, str, str]
) -> None:
    # A stream gets a plain response too: the gateway refuses before it asks a model.
    response = http.post(path, json={"model": model, "input": {}}, headers=SSE)
    assert (response.status_code, response.json()["code"], response.json()["message"]) == refused


def test_body_must_be_a_json_object(http: httpx.Client) -> None:
    for content in (b"{", b"[]"):
        response = http.post(OPENAI_CHAT, content=content)
        assert response.status_code == 400
        assert "Required body invalid" in response.json()["error"]["message"]


def test_a_wrong_method_is_refused(http: httpx.Client) -> None:
    assert "Request method 'GET' is not supported." in http.get(OPENAI_CHAT).text
    assert "Request method 'POST' is not supported." in http.post("/compatible-mode/v1/models").text


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/apps/protocols/compatible-mode/v1/responses",
        "/compatible-mode/v1/completions",
        "/apps/anthropic/v1/messages",
        "/api/v1/uploads",
        "/api/v1/files",
        "/api/v1/tasks",
        "/api/v1/apps/a/completion",
        "/api/v1/tokenizer",
        "/api/v1/tokens",
        "/api/v1/fine-tunes",
        "/api/v1/deployments",
    ],
)
def test_what_the_documentation_says_is_not_there_is_not_found(http: httpx.Client, path: str) -> None:
    assert http.post(path, json={}).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/models/permissions", "/api/v1/models/limits"])
def test_permissions_and_limits_cannot_be_changed(http: httpx.Client, path: str) -> None:
    assert http.post(path, json={}).status_code == 400
