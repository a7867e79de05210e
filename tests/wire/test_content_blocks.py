"""The content blocks of answers: of chunks, of their sum, in the v1 format, and of whole answers."""

from langchain_core.messages import AIMessage, AIMessageChunk

import langchain_qwen_workspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from tests.wire.golden import ROWS, Json, Row
from tests.wire.golden._reading import (
    decode_stream,
    each_exchange,
    message_of,
    request_of,
    sum_chunks,
    wire_of,
    with_request_id,
    without,
)
from tests.wire.golden._row import dashscope_usage, generation_events
from tests.wire.golden.calls import INVALID_ARGUMENTS, PARALLEL
from tests.wire.golden.thinking import REASONING, REASONING_CALLS


def chunks_of(row: Row, protocol: ProtocolName) -> list[AIMessageChunk]:
    messages = [
        chunk.message for chunk in decode_stream(protocol, request_of(row.model, protocol), row.events(protocol))
    ]
    return [message for message in messages if isinstance(message, AIMessageChunk)]


def in_v1(chunk: AIMessageChunk) -> AIMessageChunk:
    """Return a chunk as LangChain stores it under `output_version="v1"`."""
    metadata = {**chunk.response_metadata, "output_version": "v1"}
    return chunk.model_copy(update={"content": chunk.content_blocks, "response_metadata": metadata})


def test_importing_the_package_registers_the_block_translator() -> None:
    assert langchain_qwen_workspace.__version__
    message = AIMessage(
        "Hi",
        additional_kwargs={"reasoning_content": "Hm."},
        invalid_tool_calls=[{"type": "invalid_tool_call", "name": "t", "args": "{", "id": "c", "error": "cut"}],
        response_metadata={"model_provider": "qwen_workspace"},
    )

    assert message.content_blocks == [
        {"type": "reasoning", "reasoning": "Hm."},
        {"type": "text", "text": "Hi"},
        {"type": "invalid_tool_call", "name": "t", "args": "{", "id": "c", "error": "cut"},
    ]


@each_exchange(ROWS)
def test_a_whole_answer_has_the_expected_blocks(row: Row, protocol: ProtocolName) -> None:
    request = request_of(row.model, protocol, stream=False)

    [generated] = wire_of(protocol).decode(with_request_id(row.response(protocol)), request).generations

    assert [without(block, "error") for block in generated.message.content_blocks] == row.facts.blocks


@each_exchange(ROWS)
def test_each_block_of_a_chunk_has_the_index_of_the_block_it_continues(row: Row, protocol: ProtocolName) -> None:
    *fed, last = chunks_of(row, protocol)

    assert last.content_blocks == []
    for chunk in fed:
        blocks: list[Json] = [dict(block) for block in chunk.content_blocks]
        assert blocks
        for block in blocks:
            match block["type"]:
                case "reasoning":
                    assert block == {
                        **block,
                        "index": "lc_rs_0",
                        "reasoning": chunk.additional_kwargs["reasoning_content"],
                    }
                case "text":
                    assert block == {"type": "text", "index": "lc_txt_0", "text": chunk.content}
                case kind:
                    assert kind == "tool_call_chunk"
                    assert block["index"] in {f"lc_tc_{call['index']}" for call in chunk.tool_call_chunks}
        kinds = [block["type"] for block in blocks]
        assert kinds == sorted(kinds, key=["reasoning", "text", "tool_call_chunk"].index)
        assert len([kind for kind in kinds if kind == "tool_call_chunk"]) == len(chunk.tool_call_chunks)


@each_exchange(
    [row for row in ROWS if row is not INVALID_ARGUMENTS]
)  # LangChain leaves its broken call a chunk in the list
def test_the_sum_of_v1_chunks_has_the_blocks_of_the_whole_answer(row: Row, protocol: ProtocolName) -> None:
    total = sum_chunks(in_v1(chunk) for chunk in chunks_of(row, protocol))

    assert isinstance(total.content, list)
    assert [without(block, "index", "error") for block in total.content] == row.facts.blocks
    assert [without(block, "index", "error") for block in total.content_blocks] == row.facts.blocks
    assert [without(call, "type") for call in total.tool_calls] == list(row.facts.tool_calls)
    assert total.usage_metadata == row.facts.usage


def test_text_and_tool_calls_of_a_stream_are_separate_blocks(protocol: ProtocolName) -> None:
    for total in (
        sum_chunks(chunks_of(PARALLEL, protocol)),
        sum_chunks(in_v1(chunk) for chunk in chunks_of(PARALLEL, protocol)),
    ):
        assert [without(block, "index") for block in total.content_blocks] == [
            {"type": "text", "text": "我查一下。"},
            {
                "type": "tool_call",
                "name": "get_current_weather",
                "args": {"location": "浙江省杭州市"},
                "id": "call_29a870e7106f45deb8add3",
            },
            {
                "type": "tool_call",
                "name": "get_current_weather",
                "args": {"location": "上海市"},
                "id": "call_026e44bb31a74266949a20",
            },
        ]


@each_exchange([REASONING, REASONING_CALLS])
def test_reasoning_is_one_block_and_the_first(row: Row, protocol: ProtocolName) -> None:
    total = sum_chunks(in_v1(chunk) for chunk in chunks_of(row, protocol))

    kinds = [block["type"] for block in total.content_blocks]
    assert kinds.index("reasoning") == 0
    assert kinds.count("reasoning") == 1


SOURCE: Json = {"icon": "", "site_name": "eastday", "index": 2, "title": "杭州天气", "url": "http://a.example/2"}
CITATION: Json = {
    "type": "citation",
    "url": "http://a.example/2",
    "title": "杭州天气",
    "extras": {"icon": "", "site_name": "eastday", "index": 2},
}


def search_events() -> list[Json]:
    events = generation_events(
        ({"content": ""}, "null", {}),
        ({"content": "晴"}, "null", dashscope_usage(700, 1)),
        ({"content": "。[ref_2]"}, "stop", dashscope_usage(700, 4)),
    )
    events[0]["output"]["search_info"] = {"search_results": [SOURCE, {**SOURCE, "index": 3}]}
    for event in events[1:]:
        event["output"]["search_info"] = {"extra_tool_info": [], "search_results": []}
    return events


def test_the_sources_of_a_search_are_citations_of_the_text_block() -> None:
    blocks = [
        {
            "type": "text",
            "text": "晴。[ref_2]",
            "annotations": [CITATION, {**CITATION, "extras": {**CITATION["extras"], "index": 3}}],
        }
    ]
    chunks = decode_stream("dashscope", request_of("qwen-plus", "dashscope"), search_events())
    messages = [chunk.message for chunk in chunks if isinstance(chunk.message, AIMessageChunk)]

    assert message_of(chunks).content_blocks == blocks
    total = sum_chunks(in_v1(message) for message in messages)
    assert [without(block, "index") for block in total.content_blocks] == blocks
