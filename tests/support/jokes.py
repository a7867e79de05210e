"""An object to ask a model for, in every form of schema, and a server that answers with it."""

import asyncio
from collections.abc import Callable
from typing import Any, TypedDict

from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1

from langchain_qwen_workspace._seam import Json
from tests.support.protocols import ProtocolStub
from tests.support.server import Received, Reply
from tests.support.ways import Way, collect

PROMPT = "Tell a joke, as json."
JOKE: Json = {"setup": "Why?", "punchline": "Because 2 > 1."}
JOKE_JSON = '{"setup": "Why?", "punchline": "Because 2 > 1."}'


class Joke(BaseModel):
    """A joke."""

    setup: str = Field(description="How it begins.")
    punchline: str


class JokeV1(BaseModelV1):
    """A joke."""

    setup: str
    punchline: str


class JokeDict(TypedDict):
    """A joke."""

    setup: str
    punchline: str


SCHEMAS: dict[str, Any] = {
    "pydantic": Joke,
    "pydantic v1": JokeV1,
    "typed dict": JokeDict,
    "json schema": convert_to_json_schema(Joke),
    "openai tool": convert_to_openai_tool(Joke),
}


def run(chain: Runnable[Any, Any], way: Way, runner: asyncio.Runner) -> Any:
    """Return a chain's answer to the prompt: its last part, where it is streamed."""
    match way:
        case "invoke":
            return chain.invoke(PROMPT)
        case "ainvoke":
            return runner.run(chain.ainvoke(PROMPT))
        case "stream":
            return list(chain.stream(PROMPT))[-1]
        case "astream":
            return runner.run(collect(chain.astream(PROMPT)))[-1]


def tool_call(name: str, arguments: str, *, id_: str = "call_1") -> Json:
    """Return a message, or a delta of one, that calls a tool."""
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return {"content": "", "tool_calls": [{"index": 0, "id": id_, "type": "function", "function": function}]}


def answer_with_text(
    stub: ProtocolStub, text: str, finish_reason: str = "stop", *, size: int = 6
) -> Callable[[Received], Reply]:
    """Return a handler that answers with a text, whole or in deltas of a size, whichever was asked for."""

    def reply(received: Received) -> Reply:
        if stub.is_streamed(received):
            deltas = [{"content": text[start : start + size]} for start in range(0, len(text), size)]
            return stub.stream_of(deltas, finish_reason)
        return stub.answer_with({"content": text}, finish_reason)

    return reply


def answer_with_joke(stub: ProtocolStub, text: str = JOKE_JSON, *, size: int = 6) -> Callable[[Received], Reply]:
    """Return a handler that answers with JSON: in a call of the request's tool, if it has one, or else as text."""
    as_text = answer_with_text(stub, text, size=size)

    def reply(received: Received) -> Reply:
        tools = stub.parameters(received.json).get("tools")
        if not tools:
            return as_text(received)
        name = tools[0]["function"]["name"]
        if not stub.is_streamed(received):
            return stub.answer_with(tool_call(name, text), "tool_calls")
        pieces = [tool_call("", text[start : start + size], id_="") for start in range(0, len(text), size)]
        return stub.stream_of([tool_call(name, ""), *pieces], "tool_calls")

    return reply
