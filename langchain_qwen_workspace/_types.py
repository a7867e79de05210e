"""The seam: what a wire and a transport say to each other, and nothing of how either does it."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from langchain_qwen_workspace.profiles import Profile

Json: TypeAlias = dict[str, Any]
"""A JSON object as the standard library reads it."""

ProtocolName: TypeAlias = Literal["openai", "dashscope"]
"""The two wires by which Model Studio is reached."""

PROVIDER = "qwen_workspace"
"""The provider's name in messages, in tracing and in the block translator; LangChain asks that all agree."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who answers a call: the facts that every message's metadata and every error repeats."""

    protocol: ProtocolName
    region: str
    workspace_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """What LangChain asked of a chat model, in LangChain's words.

    Attributes:
        model: The model's name as the user gave it.
        messages: The conversation, at least one message.
        parameters: Every other parameter by its Model Studio name (`temperature`, `tools`, …); `None` was removed.
        stream: Whether the answer comes in events.
        profile: What the model is like.
        origin: Who will answer.
    """

    model: str
    messages: Sequence[BaseMessage]
    parameters: Mapping[str, Any]
    stream: bool
    profile: Profile
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingCall:
    """What LangChain asked of an embedding model: the texts of one request, in order.

    Attributes:
        model: The model's name as the user gave it.
        texts: The texts, not more than the model takes in one request.
        kind: Whether the texts are searched for (`"query"`) or searched in (`"document"`).
        dimensions: Components of a vector; `None` leaves it to the service.
        parameters: Parameters that the class does not know, sent as they are.
        origin: Who will answer.
    """

    model: str
    texts: Sequence[str]
    kind: Literal["query", "document"]
    dimensions: int | None
    parameters: Mapping[str, Any]
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What goes out, in the server's words.

    Attributes:
        path: The route below the protocol's base URL.
        body: The JSON that goes over the network, on both protocols.
        model: The model asked, since a native answer does not name it.
        origin: Who is asked.
        stream: Whether the answer is an event stream.
        headers: Headers that the body needs beside it.
        cumulative: Whether each event repeats the whole text so far, against what was asked.
    """

    path: str
    body: Json = field(repr=False)
    model: str
    origin: Origin
    stream: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    cumulative: bool = False

    @property
    def place(self) -> dict[str, Any]:
        """Who was asked what, as the keywords of every error."""
        return {"model": self.model, **asdict(self.origin)}


class Decoder(Protocol):
    """Holds the state of one stream: events in, LangChain chunks out."""

    def feed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        """Return what one event of the stream adds."""

    def finish(self) -> Sequence[ChatGenerationChunk]:
        """Return the last chunks (usage and metadata, once), after the last event.

        Raises:
            StreamInterruptedError: The server never said why it stopped, so the answer is not whole.
        """


class ChatWire(Protocol):
    """How one protocol speaks about chat. Pure: no I/O, clock, environment or SDK; a module can be one."""

    def encode(self, call: ChatCall) -> Request:
        """Return the request for a call, or raise an error that names what the wire cannot carry."""

    def decode(self, body: Json, request: Request) -> ChatResult:
        """Return LangChain's result for a whole answer."""

    def decoder(self, request: Request) -> Decoder:
        """Return a fresh decoder for one stream."""


class EmbeddingWire(Protocol):
    """How one protocol speaks about text embeddings. Pure, like `ChatWire`."""

    def encode(self, call: EmbeddingCall) -> Request:
        """Return the request for one batch of texts."""

    def decode(self, body: Json, call: EmbeddingCall) -> list[list[float]]:
        """Return one vector per text, in the order of the texts."""


class Transport(Protocol):
    """How JSON travels: one SDK's client for one connection. Knows no dialect and no LangChain message.

    Each answer, and the first event of each stream, carries the server's `request_id`.
    """

    def send(self, request: Request) -> Json:
        """Send a request and return the whole answer."""

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the answer."""

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole answer."""

    def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the answer."""
