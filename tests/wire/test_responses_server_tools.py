"""The built-in tools of the Responses API: the items of the official dumps as standard content blocks, and back.

The items are typed in from the reference (Model Studio docs, es 2026-10-23, and the Chinese text of the same
generation), with shortened texts.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.content import KNOWN_BLOCK_TYPES

from langchain_qwen_workspace._chat.streamed_answer import result_of_stream
from langchain_qwen_workspace._seam import ChatCall, Destination, Json, Request
from langchain_qwen_workspace._wire import responses
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden._reading import message_of, without
from tests.wire.golden._row import REQUEST_ID, item_events, response, response_events

MODEL = "qwen3.8-max"
DESTINATION = Destination("responses", "ap-southeast-1", "llm-golden")
USAGE: Json = {
    "input_tokens": 10,
    "output_tokens": 5,
    "total_tokens": 15,
    "x_tools": {"web_search": {"count": 2}, "web_extractor": {"count": 1}},
}
SOURCES: list[Json] = [{"type": "url", "url": "https://a.example/1"}, {"type": "url", "url": "https://b.example/2"}]

THOUGHT: Json = {"id": "msg_r1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "I search."}]}
SEARCH: Json = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "West Lake", "sources": SOURCES},
}
SECOND_THOUGHT: Json = {"id": "msg_r2", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Found."}]}
TEXT: Json = {
    "id": "msg_m1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "It is in Hangzhou.", "annotations": []}],
}
FUNCTION: Json = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"city": "Hangzhou"}',
    "status": "completed",
}
CITATIONS: list[Json] = [
    {"type": "citation", "url": "https://a.example/1"},
    {"type": "citation", "url": "https://b.example/2"},
]

BLOCKS: dict[str, tuple[Json, list[Json]]] = {
    "web search": (
        SEARCH,
        [
            {
                "type": "server_tool_call",
                "id": "ws_1",
                "name": "web_search",
                "args": {"type": "search", "query": "West Lake"},
            },
            {
                "type": "server_tool_result",
                "tool_call_id": "ws_1",
                "status": "success",
                "output": {"sources": SOURCES},
            },
        ],
    ),
    "page extraction": (
        {
            "id": "we_1",
            "type": "web_extractor_call",
            "status": "completed",
            "urls": ["https://a.example/1"],
            "goal": "The lake's area",
            "output": "6.38 square kilometres",
        },
        [
            {
                "type": "server_tool_call",
                "id": "we_1",
                "name": "web_extractor",
                "args": {"urls": ["https://a.example/1"], "goal": "The lake's area"},
            },
            {
                "type": "server_tool_result",
                "tool_call_id": "we_1",
                "status": "success",
                "output": "6.38 square kilometres",
            },
        ],
    ),
    "code interpreter": (
        {
            "id": "ci_1",
            "type": "code_interpreter_call",
            "status": "completed",
            "code": "print(12**3)",
            "container_id": "cntr_1",
            "outputs": [{"type": "logs", "logs": "1728"}],
        },
        [
            {
                "type": "server_tool_call",
                "id": "ci_1",
                "name": "code_interpreter",
                "args": {"code": "print(12**3)"},
                "extras": {"container_id": "cntr_1"},
            },
            {
                "type": "server_tool_result",
                "tool_call_id": "ci_1",
                "status": "success",
                "output": [{"type": "logs", "logs": "1728"}],
            },
        ],
    ),
    "file search": (
        {
            "id": "fs_1",
            "type": "file_search_call",
            "status": "completed",
            "queries": ["refunds"],
            "results": [{"file_id": "f1", "filename": "terms.pdf", "score": 0.9, "text": "30 days"}],
        },
        [
            {"type": "server_tool_call", "id": "fs_1", "name": "file_search", "args": {"queries": ["refunds"]}},
            {
                "type": "server_tool_result",
                "tool_call_id": "fs_1",
                "status": "success",
                "output": [{"file_id": "f1", "filename": "terms.pdf", "score": 0.9, "text": "30 days"}],
            },
        ],
    ),
    "image search by text": (
        {
            "id": "wi_1",
            "type": "web_search_image_call",
            "name": "web_search_image",
            "status": "completed",
            "arguments": '{"queries": ["lake"]}',
            "output": '[{"title": "Lake", "url": "https://a.example/l.png", "index": 1}]',
        },
        [
            {
                "type": "server_tool_call",
                "id": "wi_1",
                "name": "web_search_image",
                "args": {"queries": ["lake"]},
            },
            {
                "type": "server_tool_result",
                "tool_call_id": "wi_1",
                "status": "success",
                "output": [{"title": "Lake", "url": "https://a.example/l.png", "index": 1}],
            },
        ],
    ),
    "image search by image": (
        {
            "id": "is_1",
            "type": "image_search_call",
            "name": "image_search",
            "status": "completed",
            "arguments": '{"img_idx": 0}',
            "output": "nothing similar",
        },
        [
            {"type": "server_tool_call", "id": "is_1", "name": "image_search", "args": {"img_idx": 0}},
            {
                "type": "server_tool_result",
                "tool_call_id": "is_1",
                "status": "success",
                "output": "nothing similar",
            },
        ],
    ),
    "MCP": (
        {
            "id": "mcp_1",
            "type": "mcp_call",
            "name": "maps_geo",
            "server_label": "amap",
            "arguments": '{"address": "West Lake"}',
            "output": '{"lat": 30.2}',
            "status": "completed",
        },
        [
            {
                "type": "server_tool_call",
                "id": "mcp_1",
                "name": "remote_mcp",
                "args": {"address": "West Lake"},
                "extras": {"server_label": "amap", "tool_name": "maps_geo"},
            },
            {
                "type": "server_tool_result",
                "tool_call_id": "mcp_1",
                "status": "success",
                "output": '{"lat": 30.2}',
            },
        ],
    ),
    "MCP that failed": (
        {
            "id": "mcp_2",
            "type": "mcp_call",
            "name": "maps_geo",
            "server_label": "amap",
            "arguments": "not JSON",
            "output": None,
            "error": "no such place",
            "status": "failed",
        },
        [
            {
                "type": "server_tool_call",
                "id": "mcp_2",
                "name": "remote_mcp",
                "args": {"arguments": "not JSON"},
                "extras": {"error": "no such place", "server_label": "amap", "tool_name": "maps_geo"},
            },
            {
                "type": "server_tool_result",
                "tool_call_id": "mcp_2",
                "status": "error",
                "output": "no such place",
            },
        ],
    ),
    "an item that is not known": (
        {"id": "x_1", "type": "future_call", "value": 1},
        [{"type": "non_standard", "value": {"id": "x_1", "type": "future_call", "value": 1}}],
    ),
}

each_tool = pytest.mark.parametrize(("item", "blocks"), BLOCKS.values(), ids=list(BLOCKS))


def call_of(*messages: Any, model: str = MODEL, stream: bool = False, **parameters: Any) -> ChatCall:
    return ChatCall(
        model=model,
        messages=[*messages] or [HumanMessage("Where is the West Lake?")],
        parameters={"tools": [{"type": "web_search"}], **parameters},
        stream=stream,
        profile=profile_of(model),
        destination=DESTINATION,
    )


def request(**parameters: Any) -> Request:
    return responses.encode(call_of(**parameters))


def decode(*items: Json, **parameters: Any) -> AIMessage:
    body = {**response(MODEL, items, USAGE), "request_id": REQUEST_ID}
    message = responses.decode(body, request(**parameters)).generations[0].message
    assert isinstance(message, AIMessage)
    return message


def deltas_of(item: Json) -> list[tuple[str, str]]:
    """Return the deltas of an item, a character each."""
    match item["type"]:
        case "reasoning":
            return [("reasoning_text", char) for part in item["summary"] for char in part["text"]]
        case "message":
            return [("output_text", char) for char in item["content"][0]["text"]]
        case "function_call":
            return [("function_call_arguments", char) for char in item["arguments"]]
        case _:
            return []


def events_of(*items: Json, with_deltas: bool = True) -> list[Json]:
    whole = response(MODEL, items, USAGE)
    parts = [
        event
        for index, item in enumerate(items)
        for event in item_events(item, *(deltas_of(item) if with_deltas else ()), index=index)
    ]
    first, *rest = response_events(whole, *parts)
    return [{**first, "request_id": REQUEST_ID}, *rest]


def decode_events(events: Sequence[Json], **parameters: Any) -> AIMessage:
    decoder = responses.decoder(request(**parameters))
    chunks = [chunk for event in events for chunk in decoder.feed(event)]
    return message_of([*chunks, *decoder.finish()])


def without_indexes(blocks: Sequence[Any]) -> list[Json]:
    return [without(block, "index") for block in blocks]


@each_tool
def test_an_item_is_a_call_and_a_result_in_standard_blocks(item: Json, blocks: list[Json]) -> None:
    assert decode(item).content_blocks == blocks
    assert {block["type"] for block in blocks} <= KNOWN_BLOCK_TYPES


@each_tool
def test_an_item_of_a_stream_has_the_same_blocks(item: Json, blocks: list[Json]) -> None:
    assert without_indexes(decode_events(events_of(item)).content_blocks) == blocks


ORDERED = (THOUGHT, SEARCH, SECOND_THOUGHT, TEXT, FUNCTION)
ORDERED_BLOCKS: list[Json] = [
    {"type": "reasoning", "id": "msg_r1", "reasoning": "I search."},
    *BLOCKS["web search"][1],
    {"type": "reasoning", "id": "msg_r2", "reasoning": "Found."},
    {"type": "text", "id": "msg_m1", "text": "It is in Hangzhou.", "annotations": CITATIONS},
    {"type": "tool_call", "id": "call_1", "name": "get_weather", "args": {"city": "Hangzhou"}},
]


def test_blocks_are_in_the_order_of_the_items() -> None:
    assert decode(*ORDERED).content_blocks == ORDERED_BLOCKS


@pytest.mark.parametrize("with_deltas", [True, False], ids=["deltas", "no deltas"])
def test_the_blocks_of_a_stream_are_those_of_the_whole_response(with_deltas: bool) -> None:
    message = decode_events(events_of(*ORDERED, with_deltas=with_deltas))
    assert without_indexes(message.content_blocks) == ORDERED_BLOCKS


def test_a_stream_that_has_only_its_last_event_has_all_blocks() -> None:
    last = {**events_of(*ORDERED)[-1], "request_id": REQUEST_ID}
    assert without_indexes(decode_events([last]).content_blocks) == ORDERED_BLOCKS


def test_the_last_event_may_lack_the_output() -> None:
    *events, last = events_of(*ORDERED)
    message = decode_events([*events, {**last, "response": without(last["response"], "output")}])
    assert without_indexes(message.content_blocks) == ORDERED_BLOCKS


def test_the_result_of_a_stream_equals_the_whole_response() -> None:
    decoder = responses.decoder(request())
    chunks = [chunk for event in events_of(*ORDERED) for chunk in decoder.feed(event)]
    message = result_of_stream(chunks, decoder.finish()).generations[0].message
    assert message == decode(*ORDERED)


def test_each_chunk_of_text_is_reported_as_a_token() -> None:
    decoder = responses.decoder(request())
    chunks = [chunk for event in events_of(*ORDERED) for chunk in decoder.feed(event)]
    assert "".join(chunk.text for chunk in chunks) == "It is in Hangzhou."


def test_the_answer_of_a_call_with_built_in_tools_is_a_list_of_blocks_even_if_none_was_used() -> None:
    assert decode(TEXT).content == [{"type": "text", "id": "msg_m1", "text": "It is in Hangzhou."}]
    assert isinstance(decode_events(events_of(TEXT)).content, list)


def test_an_answer_that_only_calls_functions_has_no_blocks_of_text() -> None:
    assert decode_events(events_of(FUNCTION)).content == decode(FUNCTION).content == []


def test_a_built_in_tool_that_was_not_asked_for_is_kept() -> None:
    message = decode_events(events_of(TEXT, SEARCH), tools=None)
    assert message.content_blocks[0] == {"type": "text", "text": "It is in Hangzhou."}
    assert without_indexes(message.content_blocks[1:]) == BLOCKS["web search"][1]
    assert decode(TEXT, SEARCH, tools=None).content_blocks[1:] == BLOCKS["web search"][1]


@pytest.mark.parametrize("answer", [decode, lambda *items: decode_events(events_of(*items))], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("item", "block"),
    [
        ({**SEARCH, "id": {"a": 1}}, {"type": "server_tool_call", "id": "{'a': 1}"}),
        ({**THOUGHT, "id": [7]}, {"type": "reasoning", "id": "[7]"}),
        ({"type": [], "id": "n"}, {"type": "non_standard", "value": {"value": {"type": [], "id": "n"}}}),
    ],
    ids=["id of a call", "id of a text", "type"],
)
def test_an_id_or_type_that_is_no_text_is_kept_in_a_form_that_langchain_reads(
    answer: Callable[..., AIMessage], item: Json, block: Json
) -> None:
    message = answer(SEARCH, item, item, TEXT)
    assert any(block.items() <= given.items() for given in without_indexes(message.content))
    assert isinstance(message.content_blocks, list)


def test_an_annotation_of_the_text_is_a_citation() -> None:
    annotations: list[Json] = [
        {"type": "url_citation", "url": "https://c.example", "title": "C", "start_index": 0, "end_index": 2},
        {"type": "file_citation", "file_id": "f1", "filename": "terms.pdf", "index": 3},
        {"type": "other", "x": 1},
    ]
    text = {**TEXT, "content": [{"type": "output_text", "text": "It is.", "annotations": annotations}]}
    expected: list[Json] = [
        {"type": "citation", "url": "https://c.example", "title": "C", "start_index": 0, "end_index": 2},
        {"type": "citation", "title": "terms.pdf", "extras": {"file_id": "f1", "index": 3}},
        {"type": "non_standard_annotation", "value": {"type": "other", "x": 1}},
    ]
    for message in (decode(text), decode_events(events_of(text))):
        assert without(message.content_blocks[0], "index") == {
            "type": "text",
            "id": "msg_m1",
            "text": "It is.",
            "annotations": expected,
        }


def test_a_ciphertext_is_kept_with_its_reasoning() -> None:
    thought = {**THOUGHT, "encrypted_content": "gAAA"}
    expected = {"type": "reasoning", "id": "msg_r1", "reasoning": "I search.", "extras": {"encrypted_content": "gAAA"}}
    for message in (decode(thought, TEXT), decode_events(events_of(thought, TEXT))):
        assert without(message.content_blocks[0], "index") == expected


def test_a_ciphertext_without_a_summary_is_kept() -> None:
    thought = {"id": "msg_r1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
    expected = {"type": "reasoning", "id": "msg_r1", "reasoning": "", "extras": {"encrypted_content": "gAAA"}}
    for message in (decode(thought, TEXT), decode_events(events_of(thought, TEXT))):
        assert without(message.content_blocks[0], "index") == expected


@pytest.mark.parametrize("items", [ORDERED, (SEARCH,)], ids=["everything", "a search"])
def test_halves_of_surrogate_pairs_are_joined(items: Sequence[Json]) -> None:
    text = {**TEXT, "content": [{"type": "output_text", "text": "\ud83c\udfde!\ud83c", "annotations": []}]}
    message = decode_events(events_of(*items[:3], text))
    assert message.text == "\U0001f3de!\ufffd"


# ----------------------------------------------------------------------------------------------------------- replay


def replay(message: AIMessage, **parameters: Any) -> list[Json]:
    """Return the input items of an answer that is sent again."""
    call = call_of(HumanMessage("?"), message, HumanMessage("And?"), **parameters)
    items: list[Json] = responses.encode(call).body["input"]
    return items[1:-1]


REPLAYED: list[Json] = [
    {"type": "reasoning", "id": "msg_r1", "summary": THOUGHT["summary"]},
    SEARCH,
    {"type": "reasoning", "id": "msg_r2", "summary": SECOND_THOUGHT["summary"]},
    {"role": "assistant", "content": "It is in Hangzhou."},
    {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city": "Hangzhou"}'},
]


def test_what_an_answer_has_is_sent_again_in_its_order_with_the_sources() -> None:
    assert replay(decode(*ORDERED)) == REPLAYED


def test_the_sum_of_a_stream_is_sent_again_in_the_same_way() -> None:
    assert replay(decode_events(events_of(*ORDERED))) == REPLAYED


def test_blocks_of_the_v1_format_are_sent_again_in_the_same_way() -> None:
    message = decode(*ORDERED)
    v1 = message.model_copy(
        update={
            "content": message.content_blocks,
            "response_metadata": {**message.response_metadata, "output_version": "v1"},
        }
    )
    assert replay(v1) == REPLAYED


def test_what_a_tool_returned_is_sent_as_a_text_if_its_item_is_no_input() -> None:
    item, _ = BLOCKS["page extraction"]
    [sent] = replay(decode(item, TEXT))
    assert sent["role"] == "assistant"
    assert "6.38 square kilometres" in sent["content"]
    assert sent["content"].endswith("It is in Hangzhou.")


def test_reasoning_is_not_sent_again_without_preserve_thinking() -> None:
    kinds = [item.get("type") for item in replay(decode(*ORDERED), preserve_thinking=False)]
    assert kinds == ["web_search_call", None, "function_call"]


def test_a_ciphertext_goes_only_to_the_model_that_wrote_it() -> None:
    thought = {**THOUGHT, "encrypted_content": "gAAA"}
    body = {**response("qwen4-max", [thought, TEXT], USAGE), "request_id": REQUEST_ID}
    answer = responses.decode(body, request(model="qwen4-max")).generations[0].message
    assert isinstance(answer, AIMessage)

    assert replay(answer, model="qwen4-max")[0]["encrypted_content"] == "gAAA"
    assert "encrypted_content" not in replay(answer)[0]


def test_a_search_that_another_provider_made_is_not_sent_as_this_providers() -> None:
    message = decode(*ORDERED)
    message.response_metadata["model_provider"] = "openai"
    assert "web_search_call" not in [item.get("type") for item in replay(message)]
