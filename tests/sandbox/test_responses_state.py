"""What the Responses protocol keeps: responses, conversations and the session cache."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.support import (
    CONVERSATIONS,
    HELLO_ANSWER,
    RESPONSES,
    WEATHER,
    call_item,
    create_response,
    function_tool,
    openai_client_of,
    result_item,
)

_CACHE = {"x-dashscope-session-cache": "enable"}
_LONG = "word " * 1_100
_MISSING = "Previous response with id '{}' not found."


def _refusal(client: openai.OpenAI, given: Any = "Hello", **more: Any) -> str:
    with pytest.raises(openai.BadRequestError) as refused:
        create_response(client, given, **more)
    body: Any = refused.value.body
    return str(body["message"])


# --- previous responses -------------------------------------------------------------------------------


def test_a_response_continues_an_earlier_one(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello")
    second = create_response(openai_client, "Hello", previous_response_id=first.id)
    assert second.usage.input_tokens > first.usage.total_tokens


def test_a_third_response_continues_both(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello")
    second = create_response(openai_client, "Hello", previous_response_id=first.id)
    third = create_response(openai_client, "Hello", previous_response_id=second.id)
    assert third.usage.input_tokens > second.usage.total_tokens


def test_instructions_are_not_carried_over(openai_client: openai.OpenAI) -> None:
    with_some = create_response(openai_client, "Hello", instructions="one two three")
    without = create_response(openai_client, "Hello")
    tokens = [
        create_response(openai_client, "Hello", previous_response_id=first.id).usage.input_tokens
        for first in (with_some, without)
    ]
    assert tokens[0] == tokens[1]


def test_a_result_alone_answers_the_call_of_an_earlier_response(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, 'Weather in "Rome"', tools=[function_tool(WEATHER)])
    result = result_item(first.output[0].call_id, "sunny")
    second = create_response(openai_client, [result], previous_response_id=first.id)
    assert second.output_text.endswith('The tool answered: "sunny"')


def test_results_of_two_calls_of_an_earlier_response_follow_each_other(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Weather in Rome, Oslo", tools=[function_tool(WEATHER)])
    results = [result_item(call.call_id, call.arguments) for call in first.output]
    second = create_response(openai_client, results, previous_response_id=first.id)
    assert second.output_text.endswith('"{"city": "Rome"}"; "{"city": "Oslo"}"')


def test_a_call_whose_arguments_were_cut_can_be_continued(openai_client: openai.OpenAI) -> None:
    prompt = f'Weather in "{"Rome " * 30}"'
    first = create_response(openai_client, prompt, tools=[function_tool(WEATHER)], max_output_tokens=16)
    result = result_item(first.output[0].call_id, "sunny")
    second = create_response(openai_client, [result], previous_response_id=first.id)
    assert (first.status, second.status) == ("incomplete", "completed")


def test_a_call_of_an_earlier_response_without_its_result_is_refused(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, 'Weather in "Rome"', tools=[function_tool(WEATHER)])
    assert "No tool output found" in _refusal(openai_client, previous_response_id=first.id)


def test_a_response_with_built_in_tools_is_continued(openai_client: openai.OpenAI) -> None:
    tools = [{"type": "web_search"}, {"type": "code_interpreter"}]
    first = create_response(openai_client, "Hello", model="qwen3.8-max", tools=tools)
    second = create_response(openai_client, "Hello", previous_response_id=first.id)
    assert second.output_text == HELLO_ANSWER


def test_a_streamed_response_is_continued(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="qwen-plus", input="Hello") as stream:
        first = stream.get_final_response()
    assert create_response(openai_client, "Hello", previous_response_id=first.id).status == "completed"


def test_an_interrupted_stream_is_not_kept(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(body="", after_events=3)
    events: Any = list(openai_client.responses.create(model="qwen-plus", input="Hello", stream=True))
    id_ = events[0].response.id
    assert _MISSING.format(id_) in _refusal(openai_client, previous_response_id=id_)


def test_an_unknown_id_is_refused(http: httpx.Client) -> None:
    body = {"model": "qwen-plus", "input": "Hello", "previous_response_id": "resp_1"}
    response = http.post(RESPONSES, json=body)
    assert (response.status_code, response.json()) == (
        400,
        {
            "code": "InvalidParameter",
            "message": f"[400] previous_response_not_found: {_MISSING.format('resp_1')}",
            "request_id": response.headers["x-request-id"],
        },
    )


def test_a_response_that_is_not_stored_cannot_be_continued(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello", store=False)
    assert _MISSING.format(first.id) in _refusal(openai_client, previous_response_id=first.id)


def test_an_expired_response_cannot_be_continued(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello")
    assert first.id in sandbox.expire_responses()
    assert _MISSING.format(first.id) in _refusal(openai_client, previous_response_id=first.id)


def test_a_response_of_another_workspace_cannot_be_continued(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello")
    with openai_client_of(sandbox, sandbox.add_workspace("other")) as other:
        assert _MISSING.format(first.id) in _refusal(other, previous_response_id=first.id)


def test_a_new_key_keeps_the_responses() -> None:
    with Sandbox() as sandbox:
        with openai_client_of(sandbox, sandbox.add_workspace("a")) as client:
            first = create_response(client, "Hello")
            sandbox.rotate_key("a")
        with openai_client_of(sandbox, sandbox.add_workspace("a")) as client:
            assert create_response(client, "Hello", previous_response_id=first.id).status == "completed"


# --- responses ----------------------------------------------------------------------------------------


def test_a_response_is_retrieved(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello")
    assert openai_client.responses.retrieve(first.id).output_text == HELLO_ANSWER


def test_a_retrieved_response_has_more_fields(http: httpx.Client) -> None:
    """Model Studio docs, retrieve-response page, 2026-05-15."""
    first = http.post(RESPONSES, json={"model": "qwen-plus", "input": "Hello"}).json()
    retrieved = http.get(f"{RESPONSES}/{first['id']}").json()
    extra = {"background": False, "completed_at": first["created_at"], "metadata": {}}
    assert retrieved == {**first, **extra}


def test_a_response_is_deleted(http: httpx.Client) -> None:
    id_ = http.post(RESPONSES, json={"model": "qwen-plus", "input": "Hello"}).json()["id"]
    assert http.delete(f"{RESPONSES}/{id_}").json() == {"id": id_, "deleted": True}
    assert http.get(f"{RESPONSES}/{id_}").status_code == 400


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("DELETE", ""), ("GET", "/input_items")])
def test_a_missing_response_has_a_body_of_its_own(http: httpx.Client, method: str, suffix: str) -> None:
    """Model Studio docs, list-input-items page, 2026-05-15 or newer."""
    response = http.request(method, f"{RESPONSES}/resp_1{suffix}")
    error = {"message": "Response with id 'resp_1' not found.", "type": "InvalidParameter"}
    assert response.json() == {"error": error}


def test_a_response_of_another_workspace_is_missing(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello")
    with openai_client_of(sandbox, sandbox.add_workspace("other")) as other, pytest.raises(openai.BadRequestError):
        other.responses.retrieve(first.id)


def test_input_items_are_all_messages_that_were_read(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello")
    second = create_response(openai_client, "Bye", previous_response_id=first.id)
    items: Any = openai_client.responses.input_items.list(second.id, order="asc").data
    assert [(item.role, item.content[0].text) for item in items] == [
        ("user", "Hello"),
        ("assistant", HELLO_ANSWER),
        ("user", "Bye"),
    ]


def test_input_items_are_listed_newest_first_in_milliseconds(http: httpx.Client) -> None:
    given = [{"role": "user", "content": "Hello"}, {"role": "user", "content": "Bye"}]
    first = http.post(RESPONSES, json={"model": "qwen-plus", "input": given}).json()
    listed = http.get(f"{RESPONSES}/{first['id']}/input_items").json()
    texts = [item["content"][0]["text"] for item in listed.pop("data")]
    assert (texts, listed["id"], listed["model"], listed["created_at"], "previous_response_id" in listed) == (
        ["Bye", "Hello"],
        first["id"],
        "qwen-plus",
        first["created_at"] * 1000,
        False,
    )


def test_input_items_name_the_previous_response(http: httpx.Client) -> None:
    body = {"model": "qwen-plus", "input": "Hello"}
    first = http.post(RESPONSES, json=body).json()["id"]
    second = http.post(RESPONSES, json={**body, "previous_response_id": first}).json()["id"]
    assert http.get(f"{RESPONSES}/{second}/input_items").json()["previous_response_id"] == first


def test_input_items_are_listed_page_by_page(openai_client: openai.OpenAI) -> None:
    given = [{"role": "user", "content": f"Text {number}"} for number in range(5)]
    id_ = create_response(openai_client, given).id
    pages = openai_client.responses.input_items.list(id_, limit=2, order="asc")
    texts: list[Any] = [item.content[0].text for page in pages.iter_pages() for item in page.data]  # type: ignore[union-attr, index]
    assert texts == [f"Text {number}" for number in range(5)]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=x", "after=msg_1"])
def test_a_wrong_page_is_refused(http: httpx.Client, query: str) -> None:
    id_ = http.post(RESPONSES, json={"model": "qwen-plus", "input": "Hello"}).json()["id"]
    response = http.get(f"{RESPONSES}/{id_}/input_items?{query}")
    assert (response.status_code, "invalid_value" in response.text) == (400, True)


# --- conversations ------------------------------------------------------------------------------------


def test_a_conversation_is_created(http: httpx.Client) -> None:
    body = http.post(CONVERSATIONS, json={"metadata": {"topic": "demo"}}).json()
    assert (body.pop("id")[:5], body.pop("created_at") > 1e12, body) == (
        "conv_",
        True,
        {"metadata": {"topic": "demo"}, "object": "conversation"},
    )


def test_a_conversation_is_retrieved(openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create(metadata={"a": "b"})
    assert openai_client.conversations.retrieve(made.id) == made


def test_metadata_is_replaced(openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create(metadata={"a": "b"})
    openai_client.conversations.update(made.id, metadata={"c": "d"})
    assert openai_client.conversations.retrieve(made.id).metadata == {"c": "d"}


def test_a_conversation_is_deleted(http: httpx.Client) -> None:
    id_ = http.post(CONVERSATIONS, json={}).json()["id"]
    deleted = http.delete(f"{CONVERSATIONS}/{id_}").json()
    assert deleted == {"deleted": True, "id": id_, "object": "conversation.deleted"}
    assert http.get(f"{CONVERSATIONS}/{id_}").json()["error"]["message"] == f"Conversation with id '{id_}' not found."


def test_a_response_reads_its_conversation(openai_client: openai.OpenAI) -> None:
    items: Any = [{"type": "message", "role": "user", "content": "one two three"}]
    made = openai_client.conversations.create(items=items)
    more = create_response(openai_client, "Hello", conversation=made.id).usage.input_tokens
    assert more > create_response(openai_client, "Hello").usage.input_tokens


def test_a_response_adds_to_its_conversation(openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create()
    create_response(openai_client, "Hello", conversation=made.id, store=False)
    items: Any = openai_client.conversations.items.list(made.id, order="asc").data
    assert [item.content[0].text for item in items] == ["Hello", HELLO_ANSWER]


def test_a_call_is_answered_in_its_conversation(openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create()
    tools = [function_tool(WEATHER)]
    first = create_response(openai_client, 'Weather in "Rome"', tools=tools, conversation=made.id)
    result = result_item(first.output[0].call_id, "sunny")
    second = create_response(openai_client, [result], tools=tools, conversation=made.id)
    assert second.output_text.endswith('The tool answered: "sunny"')


def test_messages_are_added(openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create()
    added = openai_client.conversations.items.create(
        made.id, items=[{"type": "message", "role": "user", "content": "Hello"}]
    )
    assert [item.id for item in openai_client.conversations.items.list(made.id)] == [added.data[0].id]


def test_a_message_is_retrieved(openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create(items=[{"type": "message", "role": "user", "content": "Hello"}])
    id_ = openai_client.conversations.items.list(made.id).data[0].id
    assert id_ is not None
    item: Any = openai_client.conversations.items.retrieve(id_, conversation_id=made.id)
    assert item.content[0].text == "Hello"


def test_a_message_is_deleted(http: httpx.Client) -> None:
    item = {"type": "message", "role": "user", "content": "Hello"}
    path = f"{CONVERSATIONS}/{http.post(CONVERSATIONS, json={'items': [item]}).json()['id']}/items"
    id_ = http.get(path).json()["data"][0]["id"]
    deleted = http.delete(f"{path}/{id_}").json()
    assert deleted == {"deleted": True, "id": id_, "object": "conversation.item.deleted"}
    assert http.get(f"{path}/{id_}").json()["error"]["message"] == f"Item with id '{id_}' not found."


def test_an_empty_conversation_lists_no_messages(http: httpx.Client) -> None:
    id_ = http.post(CONVERSATIONS, json={}).json()["id"]
    assert http.get(f"{CONVERSATIONS}/{id_}/items").json() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {f"key {number}": "x" for number in range(17)}},
        {"metadata": {"k" * 65: "x"}},
        {"metadata": {"a": "x" * 513}},
        {"metadata": {"a": 1}},
        {"items": [{"role": "user", "content": "Hello"}] * 21},
        {"items": [call_item("Rome", "c1")]},
        {"items": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/a.png"}]}]},
    ],
)
def test_a_wrong_conversation_is_refused(http: httpx.Client, body: Any) -> None:
    assert http.post(CONVERSATIONS, json=body).status_code == 400


@pytest.mark.parametrize("suffix", ["", "/items"])
def test_a_change_of_a_conversation_without_content_is_refused(http: httpx.Client, suffix: str) -> None:
    id_ = http.post(CONVERSATIONS, json={}).json()["id"]
    response = http.post(f"{CONVERSATIONS}/{id_}{suffix}", json={})
    assert (response.status_code, "missing_required_parameter" in response.text) == (400, True)


def test_an_unknown_conversation_is_refused(openai_client: openai.OpenAI) -> None:
    text = "[400] conversation_not_found: Conversation with id 'conv_1' not found."
    assert _refusal(openai_client, conversation="conv_1") == text


def test_a_conversation_of_another_workspace_is_refused(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create()
    with openai_client_of(sandbox, sandbox.add_workspace("other")) as other:
        assert "conversation_not_found" in _refusal(other, conversation=made.id)


def test_a_conversation_and_a_previous_response_exclude_each_other(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, "Hello")
    made = openai_client.conversations.create()
    text = _refusal(openai_client, conversation=made.id, previous_response_id=first.id)
    assert "'previous_response_id' and 'conversation' cannot be used together" in text


def test_regions_without_conversations_have_no_such_path(sandbox: Sandbox) -> None:
    tokyo = sandbox.add_workspace("tokyo", region="ap-northeast-1")
    with openai_client_of(sandbox, tokyo) as client, pytest.raises(openai.NotFoundError):
        client.conversations.create()


# --- session cache ------------------------------------------------------------------------------------


def test_a_long_input_is_written_to_the_session_cache(openai_client: openai.OpenAI) -> None:
    usage = create_response(openai_client, _LONG, extra_headers=_CACHE).usage
    details = usage.input_tokens_details.to_dict()
    assert details == {
        "cached_tokens": 0,
        "cache_creation_input_tokens": usage.input_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.input_tokens},
        "cache_type": "ephemeral",
    }


def test_the_next_turn_hits_the_session_cache(openai_client: openai.OpenAI) -> None:
    first = create_response(openai_client, _LONG, extra_headers=_CACHE)
    second = create_response(openai_client, "Hello", extra_headers=_CACHE, previous_response_id=first.id)
    details = second.usage.input_tokens_details.to_dict()
    assert (details["cached_tokens"], details["cache_creation_input_tokens"]) == (
        first.usage.input_tokens,
        second.usage.input_tokens - first.usage.input_tokens,
    )


def test_the_next_turn_of_a_conversation_hits_the_session_cache(openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create()
    first = create_response(openai_client, _LONG, extra_headers=_CACHE, conversation=made.id)
    second = create_response(openai_client, "Hello", extra_headers=_CACHE, conversation=made.id)
    assert second.usage.input_tokens_details.cached_tokens == first.usage.input_tokens


def test_a_short_input_is_not_cached(openai_client: openai.OpenAI) -> None:
    usage = create_response(openai_client, "Hello", extra_headers=_CACHE).usage
    assert usage.input_tokens_details.to_dict()["cache_creation_input_tokens"] == 0


@pytest.mark.parametrize("headers", [{}, {"x-dashscope-session-cache": "disable"}])
def test_without_the_header_nothing_is_cached(openai_client: openai.OpenAI, headers: dict[str, str]) -> None:
    usage = create_response(openai_client, _LONG, extra_headers=headers).usage
    assert usage.input_tokens_details.to_dict() == {"cached_tokens": 0}
