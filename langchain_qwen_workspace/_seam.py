"""The seam: what a wire and a transport say to each other, and nothing of how either does it."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, Literal, Protocol, Self, TypeAlias

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from langchain_qwen_workspace.profiles import Profile

Json: TypeAlias = dict[str, Any]
"""A JSON object as the standard library reads it."""

SERVED_BY = "served_by"
"""The key under which a response, or the first event of a stream, names its `Destination` after a failover."""

PARTIAL = "partial_response"
"""Under this name an answer, and its message's metadata, says that the service cut it off when its time was over."""

PROVIDER = "qwen_workspace"
"""The provider's name in messages, in tracing and in the block translator; LangChain asks that all agree."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Who answers a call: the facts that every message's metadata and every error repeats."""

    protocol: str
    region: str
    workspace_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """What LangChain asked of a chat model, in LangChain's words.

    Attributes:
        model: The model's name as the user gave it.
        messages: The conversation, at least one message.
        parameters: Every other parameter by its Model Studio name (`temperature`, `tools`, …); `None` was removed.
        stream: Whether the response is an event stream.
        with_usage: Whether a stream must end with the token usage.
        profile: What the model is like.
        destination: Who will answer.
    """

    model: str
    messages: Sequence[BaseMessage]
    parameters: Mapping[str, Any]
    stream: bool = False
    with_usage: bool = True
    profile: Profile
    destination: Destination


TextType: TypeAlias = Literal["query", "document"]
"""Whether a text is searched for or searched in."""

VectorKind: TypeAlias = Literal["dense", "sparse", "dense&sparse"]
"""What an embedding model gives for a text, in the service's words."""

Contents: TypeAlias = tuple[Json, ...]
"""Texts and media that are embedded or ranked as one thing: the service's content objects (`{"image": "https://…"}`)."""


@dataclass(frozen=True, slots=True)
class SparseVector:
    """A vector of which only the components that are not zero are written down.

    Attributes:
        indices: Their places, which stand for entries of the model's vocabulary.
        values: Their weights, as many.
        tokens: The pieces of text that they stand for, as many; empty if the service did not say.
    """

    indices: list[int]
    values: list[float]
    tokens: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[int, float]:
        """Return the weights by place, as some vector stores want them."""
        return dict(zip(self.indices, self.values, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingCall:
    """What LangChain asked of an embedding model in one request.

    Attributes:
        model: The model's name as the user gave it.
        inputs: What is embedded, in order, not more than the model takes in one request: texts, or contents for a
            multimodal model. Each gets one vector.
        text_type: Whether they are searched for (`"query"`) or searched in (`"document"`).
        kind: Dense vectors, sparse ones, or both.
        dimensions: Components of a dense vector; `None` leaves it to the service.
        instruct: The task, for a query.
        parameters: Parameters that the class does not know, sent as they are.
        profile: What the model is like.
        destination: Who will answer.
    """

    model: str
    inputs: Sequence[str | Contents]
    text_type: TextType
    kind: VectorKind = "dense"
    dimensions: int | None = None
    instruct: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    profile: Profile
    destination: Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingResponse:
    """The vectors of one request, in the order of its inputs.

    Attributes:
        dense: One for each input, empty if none were asked for.
        sparse: The same for sparse vectors.
        usage: The tokens that were counted, `None` if the service did not say.
        request_id: The request's id.
        destination: Who answered.
    """

    dense: list[list[float]]
    sparse: list[SparseVector]
    usage: UsageMetadata | None
    request_id: str | None
    destination: Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankCall:
    """What LangChain asked of a rerank model.

    Attributes:
        model: The model's name as the user gave it.
        query: What is searched for: a text, or a content object for a multimodal model.
        documents: What is ranked by it, at least one.
        top_n: How many are wanted; `None` wants all.
        instruct: The task.
        parameters: Parameters that the class does not know, sent as they are.
        destination: Who will answer.
    """

    model: str
    query: str | Json
    documents: Sequence[str | Json]
    top_n: int | None = None
    instruct: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    destination: Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankResponse:
    """A ranking.

    Attributes:
        ranking: Positions of documents and how relevant each is, the most relevant first.
        usage: The tokens that were counted, `None` if the service did not say.
        request_id: The request's id.
        destination: Who answered.
    """

    ranking: list[tuple[int, float]]
    usage: UsageMetadata | None
    request_id: str | None
    destination: Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What goes out, in the server's words.

    Attributes:
        path: The route below the protocol's base URL.
        body: The JSON that goes over the network, on both protocols.
        model: The model asked, since a native answer does not name it; empty where none is.
        destination: Who is asked.
        stream: Whether the answer is an event stream.
        headers: Headers that the body needs beside it.
        cumulative: Whether each event repeats the whole text so far, against what was asked.
        method: How it is sent; `"GET"` has no body.
        query: What stands in the URL behind the path.
        api_key: The key that it is sent with, where the connection has none of its own.
    """

    path: str
    body: Json = field(repr=False)
    model: str
    destination: Destination
    stream: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    cumulative: bool = False
    method: Literal["POST", "GET"] = "POST"
    query: Mapping[str, Any] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)

    @property
    def error_context(self) -> dict[str, Any]:
        """What every error about this request carries: model, protocol, region and workspace."""
        return {"model": self.model or None, **asdict(self.destination)}


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """What a stream had come to when it ended early.

    Attributes:
        request_id: The request's id.
        destination: Who answered.
        usage: The tokens that were counted so far; `None` if none were, which is not zero.
    """

    request_id: str | None
    destination: Destination
    usage: UsageMetadata | None


class Progress(Protocol):
    """How far a stream is."""

    @property
    def so_far(self) -> StreamSnapshot:
        """What the stream has come to by now."""


class Decoder(Protocol):
    """Holds the state of one stream: events in, LangChain chunks out."""

    def feed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        """Return what one event of the stream adds."""

    def finish(self) -> Sequence[ChatGenerationChunk]:
        """Return the last chunks (usage and metadata, once), after the last event.

        Raises:
            StreamInterruptedError: The server never said why it stopped, so the answer is not whole.
        """


class StreamedChunk(ChatGenerationChunk):
    """A chunk that knows its stream, for callbacks: LangChain tells them of a stream that ends early, not its usage."""

    _progress: Progress | None = PrivateAttr(default=None)

    @classmethod
    def restored(cls, message: AIMessageChunk, text: str, *, given: set[str], private: Json) -> Self:
        """Return a chunk without a validator, as pickle restores it, in a third of the time: the text is known.

        Args:
            message: Its message.
            text: The message's text.
            given: The names of the fields that are given.
            private: The values of the private ones.
        """
        chunk = cls.__new__(cls)
        chunk.__setstate__(
            {
                "__dict__": {"text": text, "generation_info": None, "type": "ChatGenerationChunk", "message": message},
                "__pydantic_fields_set__": given,
                "__pydantic_extra__": None,
                "__pydantic_private__": private,
            }
        )
        return chunk

    @property
    def so_far(self) -> StreamSnapshot | None:
        """What the stream has come to by now."""
        return self._progress.so_far if self._progress else None


class ChatWire(Protocol):
    """Encodes chat requests and decodes chat responses of one protocol. A module can be one.

    Pure: no I/O, clock, environment or SDK.
    """

    def must_stream(self, call: ChatCall) -> bool:
        """Return whether the service refuses the call unless it is streamed."""

    def encode(self, call: ChatCall) -> Request:
        """Return the request for a call, or raise an error that names what the wire cannot carry."""

    def decode(self, body: Json, request: Request) -> ChatResult:
        """Return LangChain's result for a whole answer."""

    def decoder(self, request: Request) -> Decoder:
        """Return a fresh decoder for one stream."""


class EmbeddingWire(Protocol):
    """How one protocol speaks about embeddings. Pure, like `ChatWire`."""

    supports_text_type: bool
    """Whether it has words for what a text is (`text_type`) and what the search is for (`instruct`)."""

    def encode(self, call: EmbeddingCall) -> Request:
        """Return the request for a call, or raise an error that names what the wire cannot carry."""

    def decode(self, body: Json, call: EmbeddingCall) -> EmbeddingResponse:
        """Return one vector per input, in the order of the inputs."""


class RerankWire(Protocol):
    """How one protocol speaks about ranking. Pure, like `ChatWire`."""

    def encode(self, call: RerankCall) -> Request:
        """Return the request for a call, or raise an error that names what the wire cannot carry."""

    def decode(self, body: Json, call: RerankCall) -> RerankResponse:
        """Return the ranking."""


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


class FilesTransport(Transport, Protocol):
    """A transport that also carries files, and what is done to them."""

    def send_once(self, request: Request) -> Json:
        """Send a request that must not be done twice: never a second time, whatever happens."""

    def upload(self, request: Request, file: BinaryIO, name: str) -> Json:
        """Send a file, read from its beginning, and return the answer."""

    def lines(self, request: Request) -> Iterator[bytes]:
        """Yield the lines of the file at a request's path as they arrive, empty ones left out."""
