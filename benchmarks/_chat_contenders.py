"""The chat models that are measured: this package over each protocol, the usual alternative, and two baselines."""

import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks._chat_answers import MODEL, RESPONSES_MODEL, words
from benchmarks._server import DASHSCOPE_PATH, OPENAI_PATH

KEY = "sk-of-the-benchmark"


class Chat(Protocol):
    """The calls that are measured."""

    def stream(self, conversation: Any) -> Iterator[object]:
        """Yield the events of an answer."""

    def astream(self, conversation: Any) -> AsyncIterator[object]:
        """Do the same asynchronously."""

    def invoke(self, conversation: Any) -> object:
        """Return an answer."""

    async def ainvoke(self, conversation: Any) -> object:
        """Do the same asynchronously."""


def qwen_openai(origin: str, scenario: str, **others: Any) -> Chat:
    """Return this package's model over the openai protocol."""
    return _qwen("openai", f"{origin}/{scenario}{OPENAI_PATH}", **others)


def qwen_dashscope(origin: str, scenario: str, **others: Any) -> Chat:
    """Return this package's model over the dashscope protocol."""
    return _qwen("dashscope", f"{origin}/{scenario}{DASHSCOPE_PATH}", **others)


def _qwen(protocol: str, base_url: str, **others: Any) -> Chat:
    model = pkgutil.resolve_name("langchain_qwen_workspace:ChatQwenWorkspace")
    chat: Chat = model(protocol=protocol, **{"model": MODEL, "api_key": KEY, **others}, base_url=base_url)
    return chat


def chat_openai(origin: str, scenario: str, **others: Any) -> Chat:
    """Return `ChatOpenAI` with the base URL of the openai protocol, as its users configure it."""
    model = pkgutil.resolve_name("langchain_openai:ChatOpenAI")
    base_url = f"{origin}/{scenario}{OPENAI_PATH}"
    chat: Chat = model(stream_usage=True, **{"model": MODEL, "api_key": KEY, **others}, base_url=base_url)
    return chat


def qwen_responses(origin: str, scenario: str, **others: Any) -> Chat:
    """Return this package's chat model with the protocol `responses`."""
    return _qwen("responses", f"{origin}/{scenario}{OPENAI_PATH}", **{"model": RESPONSES_MODEL, **others})


def chat_openai_responses(origin: str, scenario: str, **others: Any) -> Chat:
    """Return `ChatOpenAI` over OpenAI's Responses API."""
    return chat_openai(origin, scenario, use_responses_api=True, **{"model": RESPONSES_MODEL, **others})


class BareSDK:
    """The `openai` SDK alone: `chat.completions.create`, with its typed responses and streams."""

    def __init__(self, base_url: str) -> None:
        """Create the synchronous and the asynchronous client."""
        openai: Any = pkgutil.resolve_name("openai")
        self._client = openai.OpenAI(api_key=KEY, base_url=base_url)
        self._async_client = openai.AsyncOpenAI(api_key=KEY, base_url=base_url)

    def _arguments(self, conversation: str, *, stream: bool = False) -> dict[str, Any]:
        streamed = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        return {"model": MODEL, "messages": [{"role": "user", "content": conversation}], **streamed}

    def stream(self, conversation: str) -> Iterator[object]:
        """Yield the events of an answer."""
        events: Iterator[object] = self._client.chat.completions.create(**self._arguments(conversation, stream=True))
        return events

    async def astream(self, conversation: str) -> AsyncIterator[object]:
        """Do the same asynchronously."""
        async for event in await self._async_client.chat.completions.create(
            **self._arguments(conversation, stream=True)
        ):
            yield event

    def invoke(self, conversation: str) -> object:
        """Return an answer."""
        return self._client.chat.completions.create(**self._arguments(conversation))

    async def ainvoke(self, conversation: str) -> object:
        """Do the same asynchronously."""
        return await self._async_client.chat.completions.create(**self._arguments(conversation))


def openai_sdk(origin: str, scenario: str) -> Chat:
    """Return the `openai` SDK without LangChain."""
    return BareSDK(f"{origin}/{scenario}{OPENAI_PATH}")


def langchain_baseline(origin: str, scenario: str) -> Chat:  # noqa: ARG001 - calls no server
    """Return a `BaseChatModel` that yields chunks made beforehand: the cost of LangChain itself."""
    model: Any = pkgutil.resolve_name("benchmarks._chat_baseline:PreparedChunks")
    chat: Chat = model(texts=list(words(int(scenario.split("/")[1]))))
    return chat


@dataclass(frozen=True, slots=True)
class Contender:
    """A chat model to measure.

    Attributes:
        name: Its name in the tables.
        build: Creates it; imports what it needs only then.
        protocol: For ours, the protocol.
    """

    name: str
    build: Callable[..., Chat]
    protocol: str = ""


CONTENDERS: dict[str, Contender] = {
    "chat-openai": Contender("ChatOpenAI", chat_openai),
    "openai-sdk": Contender("openai SDK", openai_sdk),
    "langchain": Contender("BaseChatModel", langchain_baseline),
    "chat-openai-responses": Contender("ChatOpenAI", chat_openai_responses),
    "qwen-responses": Contender("ChatQwenWorkspace", qwen_responses, "responses"),
    "qwen-openai": Contender("ChatQwenWorkspace", qwen_openai, "openai"),
    "qwen-dashscope": Contender("ChatQwenWorkspace", qwen_dashscope, "dashscope"),
}
"""By their name on the command line."""

OURS = ("qwen-openai", "qwen-dashscope")
