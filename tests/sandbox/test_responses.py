"""The Responses protocol's answers, as the raw `openai` SDK sees them."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from tests.sandbox.support import HELLO_ANSWER, PNG, RESPONSES, call_item, create_response, result_item

_THINKER = "qwen3.8-max"


def _types(response: Any) -> list[str]:
    return [item.type for item in response.output]


# --- the body -----------------------------------------------------------------------------------------


def test_a_text_is_answered(openai_client: openai.OpenAI) -> None:
    assert create_response(openai_client, "Hello").output_text == HELLO_ANSWER


async def test_a_text_is_answered_asynchronously(async_openai_client: openai.AsyncOpenAI) -> None:
    response = await async_openai_client.responses.create(model="qwen-plus", input="Hello")
    assert response.output_text == HELLO_ANSWER


def test_the_body_has_the_documented_shape(http: httpx.Client) -> None:
    """Model Studio docs, create-response page, its example of 2026-02."""
    body = http.post(RESPONSES, json={"model": "qwen-plus", "input": "Hello"}).json()
    counts = {"input_tokens": 5, "output_tokens": 20, "total_tokens": 25}
    message = body["output"][0]
    assert body == {
        "created_at": body["created_at"],
        "id": body["id"],
        "model": "qwen-plus",
        "object": "response",
        "output": [
            {
                "content": [{"annotations": [], "text": HELLO_ANSWER, "type": "output_text"}],
                "id": message["id"],
                "role": "assistant",
                "status": "completed",
                "type": "message",
            }
        ],
        "parallel_tool_calls": False,
        "status": "completed",
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            **counts,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
            "x_details": [
                {
                    **counts,
                    "output_tokens_details": {"reasoning_tokens": 0},
                    "prompt_tokens_details": {"cached_tokens": 0},
                    "x_billing_type": "response_api",
                }
            ],
        },
    }


def test_the_id_is_made_of_the_requests_id(http: httpx.Client) -> None:
    response = http.post(RESPONSES, json={"model": "qwen-plus", "input": "Hello"})
    assert response.json()["id"] == f"resp_{response.headers['x-request-id']}"


def test_items_have_ids_of_their_own(openai_client: openai.OpenAI) -> None:
    response = create_response(openai_client, "Hello", model=_THINKER, tools=[{"type": "web_search"}])
    assert len({item.id for item in response.output}) == len(response.output)


def test_tools_are_repeated(openai_client: openai.OpenAI) -> None:
    response = create_response(
        openai_client, "Hello", model=_THINKER, tools=[{"type": "web_search"}], tool_choice="none"
    )
    assert (response.tool_choice, [tool.type for tool in response.tools]) == ("none", ["web_search"])


# --- input --------------------------------------------------------------------------------------------

_ANSWERED_INPUTS: dict[str, Any] = {
    "role and text": [{"role": "user", "content": "Hello"}],
    "typed message": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
    "chat parts": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    "roles": [
        {"role": "system", "content": "a"},
        {"role": "developer", "content": [{"type": "input_text", "text": "b"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "c"}]},
        {"role": "user", "content": "Hello"},
    ],
    "empty fields of the SDK": [
        {"type": "reasoning", "id": "msg_1", "summary": [], "content": None, "encrypted_content": None, "status": None},
        {"role": "user", "content": "Hello"},
    ],
}


@pytest.mark.parametrize("name", _ANSWERED_INPUTS)
def test_input_items_are_answered(openai_client: openai.OpenAI, name: str) -> None:
    assert create_response(openai_client, _ANSWERED_INPUTS[name]).output_text == HELLO_ANSWER


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": PNG},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ],
)
def test_an_image_is_received(openai_client: openai.OpenAI, part: Any) -> None:
    content = [part, {"type": "input_text", "text": "Hello"}]
    response = create_response(openai_client, [{"role": "user", "content": content}], model=_THINKER)
    assert "I received 1 image part." in response.output_text


def test_an_image_is_counted(openai_client: openai.OpenAI) -> None:
    content = [{"type": "input_image", "image_url": PNG}]
    usage = create_response(openai_client, [{"role": "user", "content": content}], model=_THINKER).usage
    details = usage.x_details[0]
    assert (details["image_tokens"], details["input_tokens_details"]["image_tokens"]) == (64, 64)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "format": "wav", "audio_url": "https://example.com/a.wav"},
        {"type": "input_audio", "format": "wav", "data": "data:audio/wav;base64,UklGRg=="},
        {"type": "input_video", "video_url": "https://example.com/a.mp4", "fps": 2},
    ],
)
def test_the_omni_model_hears_and_sees(openai_client: openai.OpenAI, part: Any) -> None:
    content = [part, {"type": "input_text", "text": "Hello"}]
    response = create_response(openai_client, [{"role": "user", "content": content}], model="qwen3.8-omni-flash")
    assert f"I received 1 {part['type'].removeprefix('input_')} part." in response.output_text


def test_instructions_are_read(openai_client: openai.OpenAI) -> None:
    more = create_response(openai_client, "Hello", instructions="one two three").usage.input_tokens
    assert more > create_response(openai_client, "Hello").usage.input_tokens


def test_an_answer_of_every_kind_can_be_sent_back(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello", model="qwen4-max", tools=[{"type": "web_search"}])
    items = [item.to_dict() for item in first.output]
    second = create_response(openai_client, [*items, {"role": "user", "content": "Bye"}])
    assert (second.status, [item["type"] for item in items]) == (
        "completed",
        ["reasoning", "web_search_call", "reasoning", "message"],
    )


def test_sources_of_a_search_are_counted(openai_client: openai.OpenAI) -> None:
    def tokens(sources: list[Any]) -> int:
        action = {"type": "search", "queries": ["a"], "sources": sources}
        search = {"type": "web_search_call", "id": "msg_1", "status": "completed", "action": action}
        return int(create_response(openai_client, [search, {"role": "user", "content": "Hello"}]).usage.input_tokens)

    assert tokens([{"type": "url", "url": "https://example.com/"}]) > tokens([])


def test_a_long_input_is_cut_without_a_sign(openai_client: openai.OpenAI) -> None:
    """The docs: about 80 % of the window, the rest is cut silently."""
    given = [{"role": "user", "content": "x " * 40_000}, {"role": "user", "content": "Hello"}]
    response = create_response(openai_client, given, model="qwen-max")
    assert (response.output_text, response.usage.input_tokens) == (HELLO_ANSWER, 5)


def test_one_text_that_is_too_long_is_cut(openai_client: openai.OpenAI) -> None:
    assert create_response(openai_client, "x " * 40_000, model="qwen-max").usage.input_tokens < 30_720 * 0.8


def test_a_result_without_its_call_after_the_cut_is_left_out(openai_client: openai.OpenAI) -> None:
    call = call_item("x " * 40_000, "c1")
    given = [{"role": "user", "content": "a"}, call, result_item("c1", "sunny"), {"role": "user", "content": "Hello"}]
    assert create_response(openai_client, given, model="qwen-max").usage.input_tokens == 5


@pytest.mark.parametrize(
    "ignored",
    [
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}}},
        {"parallel_tool_calls": False, "include": ["x"], "truncation": "disabled", "metadata": {"a": "b"}},
        {"stop": ["a"], "seed": -1, "thinking_budget": 1, "max_tokens": 1, "background": True, "typo": 1},
    ],
)
def test_parameters_that_are_not_documented_have_no_effect(openai_client: openai.OpenAI, ignored: Any) -> None:
    assert create_response(openai_client, "Hello", extra_body=ignored).output_text == HELLO_ANSWER


# --- reasoning ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "given", "thinks"),
    [
        (_THINKER, {}, True),
        (_THINKER, {"reasoning": {"effort": "none"}}, False),
        (_THINKER, {"extra_body": {"enable_thinking": False}}, False),
        ("qwen-plus", {}, False),
        ("qwen-plus", {"reasoning": {"effort": "minimal"}}, True),
        ("qwen-plus", {"extra_body": {"enable_thinking": True}}, True),
        ("qwen-plus", {"reasoning": {"effort": "high"}, "extra_body": {"enable_thinking": False}}, True),
    ],
)
def test_the_effort_decides_before_enable_thinking(
    openai_client: openai.OpenAI, model: str, given: Any, thinks: bool
) -> None:
    assert ("reasoning" in _types(create_response(openai_client, "Hello", model=model, **given))) is thinks


def test_reasoning_is_a_summary_without_a_status(openai_client: openai.OpenAI) -> None:
    item = create_response(openai_client, "Hello", model=_THINKER).output[0].to_dict()
    assert (set(item), item["summary"][0]["type"]) == ({"id", "summary", "type"}, "summary_text")


def test_reasoning_tokens_are_counted(openai_client: openai.OpenAI) -> None:
    usage = create_response(openai_client, "Hello", model=_THINKER, tools=[{"type": "web_search"}]).usage
    assert 0 < usage.output_tokens_details.reasoning_tokens < usage.output_tokens


def test_a_summary_comes_with_a_ciphertext(openai_client: openai.OpenAI) -> None:
    response = create_response(openai_client, "Hello", model="qwen4-max", reasoning={"summary": "auto"})
    assert response.output[0].encrypted_content


def test_other_models_have_no_ciphertext(openai_client: openai.OpenAI) -> None:
    response = create_response(openai_client, "Hello", model=_THINKER, reasoning={"summary": "auto"})
    assert "encrypted_content" not in response.output[0].to_dict()


def test_a_ciphertext_can_be_sent_back(openai_client: openai.OpenAI) -> None:
    more: Any = {"model": "qwen4-max", "reasoning": {"summary": "auto"}}
    first = create_response(openai_client, "Hello", **more)
    items = [item.to_dict() for item in first.output]
    assert create_response(openai_client, [*items, {"role": "user", "content": "Bye"}], **more).status == "completed"


# --- limits -------------------------------------------------------------------------------------------


def test_a_limit_that_is_reached_makes_the_response_incomplete(openai_client: openai.OpenAI) -> None:
    response = create_response(openai_client, "Hello " * 20, max_output_tokens=16)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_a_cut_message_is_incomplete(openai_client: openai.OpenAI) -> None:
    assert create_response(openai_client, "Hello " * 20, max_output_tokens=16).output[-1].status == "incomplete"


def test_the_limit_counts_the_reasoning_of_qwen_3_8(openai_client: openai.OpenAI) -> None:
    response = create_response(openai_client, "Hello", model=_THINKER, max_output_tokens=16)
    assert (_types(response), response.usage.output_tokens) == (["reasoning"], 16)


def test_the_limit_counts_the_reasoning_before_a_search(openai_client: openai.OpenAI) -> None:
    tools = [{"type": "web_search"}]
    response = create_response(openai_client, "Hello", model=_THINKER, max_output_tokens=30, tools=tools)
    assert response.usage.output_tokens == 30


def test_the_limit_counts_only_the_answer_of_other_models(openai_client: openai.OpenAI) -> None:
    response = create_response(openai_client, "Hello", model="deepseek-v4-pro", max_output_tokens=20)
    assert (response.status, response.output_text) == ("completed", HELLO_ANSWER)
