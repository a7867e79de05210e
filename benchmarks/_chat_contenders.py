"""Who chats: this package over both of its protocols, the class that people use otherwise, and two floors."""

import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks._chat_answers import MODEL, words
from benchmarks._server import COMPATIBLE_PATH, NATIVE_PATH

KEY = "sk-of-the-benchmark"


class Chat(Protocol):
    """What is measured, however it is called."""

    def stream(self, conversation: Any) -> Iterator[object]:
        """Yield an answer's events."""

    def astream(self, conversation: Any) -> AsyncIterator[object]:
        """Do the same asynchronously."""

    def invoke(self, conversation: Any) -> object:
        """Return an answer."""

    async def ainvoke(self, conversation: Any) -> object:
        """Do the same asynchronously."""


def qwen_openai(origin: str, scenario: str, **others: Any) -> Chat:
    """Return this package's model over the compatible protocol."""
    return _qwen("openai", f"{origin}/{scenario}{COMPATIBLE_PATH}", **others)


def qwen_dashscope(origin: str, scenario: str, **others: Any) -> Chat:
    """Return this package's model over the native protocol."""
    return _qwen("dashscope", f"{origin}/{scenario}{NATIVE_PATH}", **others)


def _qwen(protocol: str, base_url: str, **others: Any) -> Chat:
    model = pkgutil.resolve_name("langchain_qwen_workspace:ChatQwenWorkspace")
    chat: Chat = model(model=MODEL, protocol=protocol, **{"api_key": KEY, **others}, base_url=base_url)
    return chat


def chat_openai(origin: str, scenario: str, **others: Any) -> Chat:
    """Return `ChatOpenAI` as its users point it at the compatible protocol."""
    model = pkgutil.resolve_name("langchain_openai:ChatOpenAI")
    base_url = f"{origin}/{scenario}{COMPATIBLE_PATH}"
    chat: Chat = model(model=MODEL, stream_usage=True, **{"api_key": KEY, **others}, base_url=base_url)
    return chat


class BareSDK:
    """The `openai` SDK alone: `chat.completions.create`, its typed answers and its typed streams."""

    def __init__(self, base_url: str) -> None:
        """Make both clients."""
        openai: Any = pkgutil.resolve_name("openai")
        self._client = openai.OpenAI(api_key=KEY, base_url=base_url)
        self._async_client = openai.AsyncOpenAI(api_key=KEY, base_url=base_url)

    def _arguments(self, conversation: str, *, stream: bool = False) -> dict[str, Any]:
        streamed = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        return {"model": MODEL, "messages": [{"role": "user", "content": conversation}], **streamed}

    def stream(self, conversation: str) -> Iterator[object]:
        """Yield an answer's events."""
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
    return BareSDK(f"{origin}/{scenario}{COMPATIBLE_PATH}")


def langchain_floor(origin: str, scenario: str) -> Chat:  # noqa: ARG001 - asks no server
    """Return a chat model of LangChain's that yields chunks which are ready before."""
    floor: Any = pkgutil.resolve_name("benchmarks._chat_floor:ReadyMade")
    chat: Chat = floor(texts=list(words(int(scenario.split("/")[1]))))
    return chat


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is measured.

    Attributes:
        name: What the table calls it.
        build: Makes it; whatever it needs is imported only then.
        protocol: For ours, over which.
    """

    name: str
    build: Callable[..., Chat]
    protocol: str = ""


CONTENDERS: dict[str, Contender] = {
    "chat-openai": Contender("ChatOpenAI", chat_openai),
    "openai-sdk": Contender("openai SDK", openai_sdk),
    "langchain": Contender("BaseChatModel", langchain_floor),
    "qwen-openai": Contender("ChatQwenWorkspace", qwen_openai, "openai"),
    "qwen-dashscope": Contender("ChatQwenWorkspace", qwen_dashscope, "dashscope"),
}
"""By the name that the command line has for them."""

OURS = ("qwen-openai", "qwen-dashscope")
