"""Every way of streaming against the sandbox: equal answers, events, errors, and histories sent back."""

import json
from functools import partial
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from langchain_qwen_workspace import ServerError
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import MakeModel
from tests.support.streams import STREAM_WAYS, StreamWay, ask_streaming, blocks_of, model_fields

pytestmark = [
    # LangChain warns that version 3 of its event streams is in beta.
    pytest.mark.filterwarnings("ignore:.*is in beta"),
    # One event loop, and so one async client, for all tests.
    pytest.mark.asyncio(loop_scope="module"),
]

by_way = pytest.mark.parametrize("way", STREAM_WAYS)


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


PROMPT = "Use get_weather for Hangzhou."


@pytest.fixture
def make_model(make_model: MakeModel) -> MakeModel:
    """Return a function that makes chat models which think by default and answer in JSON schemas."""
    return partial(make_model, model="qwen3.7-plus")


@by_way
@pytest.mark.parametrize("name", ["qwen3.7-plus", "qwen-plus", "qwen-turbo"])
async def test_every_way_of_streaming_gives_the_answer_of_invoke(
    make_model: MakeModel, way: StreamWay, name: str
) -> None:
    own = model_fields(way)
    llm = make_model(model=name, enable_thinking=True)
    expected = llm.bind_tools([get_weather]).invoke(PROMPT)

    message = await ask_streaming(
        make_model(model=name, enable_thinking=True, **own).bind_tools([get_weather]),
        way,
        PROMPT,
    )

    assert [block["type"] for block in blocks_of(message)] == ["reasoning", "tool_call"]
    assert blocks_of(message)[0] == blocks_of(expected)[0]
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("get_weather", {"city": "Hangzhou"})]
    assert message.usage_metadata == expected.usage_metadata
    assert message.response_metadata["finish_reason"] == expected.response_metadata["finish_reason"]


@pytest.mark.parametrize("protocol", ["dashscope"])
@by_way
async def test_sources_are_annotations_of_one_text_block(make_model: MakeModel, way: StreamWay) -> None:
    """Only DashScope returns sources."""
    own = model_fields(way)
    search = {"enable_search": True, "search_options": {"enable_source": True}}
    llm = make_model(protocol="dashscope", model="qwen-plus", enable_thinking=True, **search, **own)

    message = await ask_streaming(llm, way)

    reasoning, text = blocks_of(message)
    assert reasoning["type"] == "reasoning"
    assert text["text"].endswith('You said: "Hi"')
    assert [note["url"] for note in text["annotations"]] == ["https://example.com/"]
    assert text["annotations"][0]["extras"]["index"] == 1


async def test_a_chain_reports_the_events_of_its_model(make_model: MakeModel) -> None:
    chain = RunnableLambda(str.upper) | make_model().with_config(run_name="the model", tags=["mine"])

    events = [event async for event in chain.astream_events("hi", version="v2", include_tags=["mine"])]

    kinds = [event["event"] for event in events]
    assert kinds[0] == "on_chat_model_start"
    assert kinds[-1] == "on_chat_model_end"
    assert set(kinds[1:-1]) == {"on_chat_model_stream"}
    assert {event["name"] for event in events} == {"the model"}
    metadata = events[0]["metadata"]
    assert (metadata["ls_provider"], metadata["ls_model_name"]) == ("qwen_workspace", "qwen3.7-plus")
    assert 'You said: "HI"' in "".join(event["data"]["chunk"].text for event in events[1:-1])


@pytest.mark.parametrize("events", [0, 3])
async def test_an_error_in_an_event_stream_is_the_packages_own(
    sandbox: Sandbox, make_model: MakeModel, events: int
) -> None:
    llm = make_model()
    sandbox.fail_next(status=500, after_events=events, times=3)

    stream = llm.stream_events("Hi", version="v3")
    with pytest.raises(ServerError):
        list(stream)
    with pytest.raises(ServerError):
        _ = stream.output
    async_stream = await llm.astream_events("Hi", version="v3")
    with pytest.raises(ServerError):
        await async_stream.output
    with pytest.raises(ServerError):
        [event async for event in llm.astream_events("Hi", version="v2")]


# ------------------------------------------------------------------------------------------------ histories


def history_with(answer: AIMessage) -> list[BaseMessage]:
    [call] = answer.tool_calls
    result = ToolMessage("Sunny in Hangzhou.", tool_call_id=call["id"])
    return [HumanMessage(PROMPT), answer, result, HumanMessage("Thank you.")]


def sent_messages(sandbox: Sandbox, protocol: ProtocolName) -> list[Any]:
    body = sandbox.requests[-1].body
    messages: list[Any] = body["messages"] if protocol == "openai" else body["input"]["messages"]
    return messages


@by_way
@pytest.mark.parametrize("name", ["qwen3.7-plus", "qwen-plus", "qwen3.8-max"])
async def test_an_answer_of_one_protocol_can_be_sent_over_the_other(
    sandbox: Sandbox, make_model: MakeModel, protocol: ProtocolName, way: StreamWay, name: str
) -> None:
    other: ProtocolName = "dashscope" if protocol == "openai" else "openai"
    own = model_fields(way)
    first_model = make_model(model=name, enable_thinking=True, **own)
    answer = await ask_streaming(first_model.bind_tools([get_weather]), way, PROMPT)
    [call] = answer.tool_calls

    reply = make_model(protocol=other, model=name).bind_tools([get_weather]).invoke(history_with(answer))

    written = sent_messages(sandbox, other)[1]
    function = {"name": "get_weather", "arguments": '{"city": "Hangzhou"}'}
    is_list = other == "dashscope" and name != "qwen-plus"
    assert written == {
        "role": "assistant",
        "content": [] if is_list else "",
        "tool_calls": [{"id": call["id"], "type": "function", "function": function}],
        # Only this model gets its reasoning back.
        **({"reasoning_content": blocks_of(answer)[0]["reasoning"]} if name == "qwen3.8-max" else {}),
    }
    assert reply.text.endswith('You said: "Thank you."')


@pytest.mark.parametrize("name", ["qwen3.7-plus", "qwen3.8-max"])
async def test_content_blocks_alone_are_sent_like_the_message(
    sandbox: Sandbox, make_model: MakeModel, protocol: ProtocolName, name: str
) -> None:
    """A history may be stored as content blocks only."""
    llm = make_model(model=name)
    with_tools: Any = llm.bind_tools([get_weather])
    answer = with_tools.stream_events(PROMPT, version="v3").output
    llm.invoke(history_with(answer))
    expected = sent_messages(sandbox, protocol)

    stored = json.loads(json.dumps(answer.content_blocks))
    llm.invoke(history_with(AIMessage(content_blocks=stored, tool_calls=answer.tool_calls)))

    assert sent_messages(sandbox, protocol) == expected


async def test_text_with_sources_is_sent_back_as_text(
    sandbox: Sandbox, make_model: MakeModel, protocol: ProtocolName
) -> None:
    search = {"enable_search": True, "search_options": {"enable_source": True}}
    answer = make_model(protocol="dashscope", model="qwen-plus", **search).stream_events("Hi", version="v3").output

    make_model(model="qwen-plus").invoke([HumanMessage("Hi"), answer, HumanMessage("Thank you.")])

    assert sent_messages(sandbox, protocol)[1] == {"role": "assistant", "content": answer.text}
