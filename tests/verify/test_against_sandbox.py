"""Every check agrees with the sandbox, and with a sandbox that behaves otherwise, exactly those about it do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace._verify.beliefs import load_beliefs
from tests.verify.conftest import Opened
from tests.verify.support import Answer, otherwise, run_checks, verdicts

COMPATIBLE, NATIVE = "/compatible-mode/v1/chat/completions", "/generation"


def test_every_belief_agrees_with_the_sandbox(opened: Opened) -> None:
    run = run_checks(opened.workspace, admin=opened.admin, transport=opened.service)
    assert verdicts(run) == dict.fromkeys((belief.id for belief in load_beliefs().select()), "as believed")


# ------------------------------------------------------------------------- what the sandbox is changed to do otherwise


def _refuse(
    where: str, when: Callable[[dict[str, Any]], bool], *, status: int = 400, code: str = "InvalidParameter"
) -> Any:
    def change(path: str, body: dict[str, Any], answer: Answer) -> None:
        if where in path and when(body):
            answer.refuse(status, code, "It is otherwise.")

    return change


def _replace(where: str, old: str, new: str, *, if_text: str = "", status: int | None = None) -> Any:
    def change(path: str, _: dict[str, Any], answer: Answer) -> None:
        if where in path and if_text in answer.text and status in {None, answer.status}:
            answer.replace(old, new)

    return change


def _header(where: str, name: str, status: int) -> Any:
    def change(path: str, _: dict[str, Any], answer: Answer) -> None:
        if where in path and answer.status == status:
            answer.headers[name] = "30"

    return change


def _accept(where: str, text: str) -> Any:
    def change(path: str, _: dict[str, Any], answer: Answer) -> None:
        if where in path and text in answer.text:
            answer.status, answer.text = 200, "{}"

    return change


def _reverse_ranking(path: str, _: dict[str, Any], answer: Answer) -> None:
    if "text-rerank" in path and '"relevance_score"' in answer.text:
        body = json.loads(answer.text)
        body["output"]["results"].reverse()
        answer.text = json.dumps(body)


def _in_parameters(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda body: name in {**body, **(body.get("parameters") or {})}


def _asks_for_schema(body: dict[str, Any]) -> bool:
    parameters = {**body, **(body.get("parameters") or {})}
    format_ = parameters.get("response_format") or {}
    return body.get("model") == "qwen-plus" and format_.get("type") == "json_schema"


def _lose_finish_reason_sometimes(path: str, body: dict[str, Any], answer: Answer) -> None:
    """Lose it in the longest of the streams only."""
    if path.endswith(COMPATIBLE) and body.get("max_tokens") == 24:
        answer.text = answer.text.replace('"finish_reason":"stop"', '"finish_reason":null')
        answer.text = answer.text.replace('"finish_reason":"length"', '"finish_reason":null')


ANSWERS = [
    (_refuse("/models/permissions?", lambda _: True, status=403), {"permissions_read"}),
    (_refuse("/models/permissions", lambda body: "models" in body, status=403), {"permissions_write"}),
    (_lose_finish_reason_sometimes, {"finish_reason_openai"}),
    (
        _replace(NATIVE, '"finish_reason":"length"', '"finish_reason":"null"', if_text="data:"),
        {"finish_reason_dashscope"},
    ),
    (_replace(COMPATIBLE, "Model", "Endpoint", status=403, if_text="Model.AccessDenied"), {"forbidden_openai"}),
    (_replace(NATIVE, "Model", "Endpoint", status=403, if_text="Model.AccessDenied"), {"forbidden_dashscope"}),
    (_header(COMPATIBLE, "Retry-After", 429), {"throttled_openai"}),
    (_replace(NATIVE, "Throttling", "TooMany", status=429), {"throttled_dashscope"}),
    (_refuse(COMPATIBLE, _asks_for_schema), {"json_schema_older_openai"}),
    (_refuse(NATIVE, _asks_for_schema), {"json_schema_older_dashscope"}),
    (_replace("/models/limits", "llm-verified", "llm-another"), {"key_names_workspace"}),
    (_replace(COMPATIBLE, '"id":""', '"id":"call_other"', if_text="data:"), {"tool_stream_openai"}),
    (_header(COMPATIBLE, "X-RateLimit-Remaining", 200), {"no_rate_headers_openai"}),
    (_refuse("/embeddings", lambda body: body.get("encoding_format") == "base64"), {"embedding_base64"}),
    (_replace("/text-embedding", '"sparse_embedding":', '"embedding":[0.1],"sparse_embedding":'), {"embedding_sparse"}),
    (_reverse_ranking, {"rerank_dashscope"}),
    (_accept(NATIVE, "url error"), {"wrong_endpoint"}),
    (_refuse(COMPATIBLE, _in_parameters("frequency_penalty")), {"unknown_penalty_openai"}),
    (_replace(COMPATIBLE, '"prompt_tokens_details"', '"details"'), {"cached_tokens_openai"}),
    (_refuse("/responses", _in_parameters("text")), {"format_responses"}),
    (_accept(NATIVE, "should be a message of a certain modal"), {"string_on_multimodal"}),
]


@pytest.mark.parametrize(("change", "expected"), ANSWERS, ids=[min(expected) for _, expected in ANSWERS])
def test_other_answers_are_reported_by_exactly_the_checks_about_them(
    opened: Opened, change: Any, expected: set[str]
) -> None:
    opened.service.change_answer = change
    assert otherwise(run_checks(opened.workspace, admin=opened.admin, transport=opened.service)) == expected


def _ignore_header(_: str, __: dict[str, Any], headers: httpx.Headers) -> None:
    if headers.get("x-dashscope-workspace") == "llm-0000000000000000":
        headers["x-dashscope-workspace"] = "llm-verified"


def _ignore_dimensions(_: str, body: dict[str, Any], __: httpx.Headers) -> None:
    if body.get("model") == "text-embedding-v2":
        body.pop("dimensions", None)


def _accept_required(path: str, body: dict[str, Any], _: httpx.Headers) -> None:
    if path.endswith(COMPATIBLE) and body.get("tool_choice") == "required":
        body["tool_choice"] = "auto"


def _repeat_texts(path: str, body: dict[str, Any], _: httpx.Headers) -> None:
    if path.endswith(NATIVE) and not {"tools", "thinking_budget"} & body["parameters"].keys():
        body["parameters"].pop("incremental_output", None)


REQUESTS = [
    (_ignore_header, {"contradicting_header"}),
    (_ignore_dimensions, {"embedding_old_dimensions"}),
    (_accept_required, {"required_tool_openai"}),
    (_repeat_texts, {"increments_dashscope"}),
]


@pytest.mark.parametrize(("change", "expected"), REQUESTS, ids=[min(expected) for _, expected in REQUESTS])
def test_other_readings_of_requests_are_reported_by_exactly_the_checks_about_them(
    opened: Opened, change: Any, expected: set[str]
) -> None:
    opened.service.change_request = change
    assert otherwise(run_checks(opened.workspace, admin=opened.admin, transport=opened.service)) == expected
