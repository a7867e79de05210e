"""Defines the seam: the values and interfaces that wires and transports exchange."""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias, runtime_checkable

from langchain_core.messages import BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from langchain_qwen_workspace.data._servers import OtherServer
from langchain_qwen_workspace.profiles import Profile

Json: TypeAlias = dict[str, Any]
"""A JSON object, as `json.loads` returns it."""

SERVED_BY = "served_by"
"""The key under which a response, or the first event of a stream, names its `Destination` after a failover."""

PARTIAL = "partial_response"
"""The key under which a response, the last event of a stream, and the message's metadata say that the answer may be
incomplete: the service cut it off at its time limit, or ended the stream without a finish reason."""

WORKSPACE_HEADER = "X-DashScope-WorkSpace"
"""The header that names the workspace of a request."""

PROVIDER = "qwen_workspace"
"""The provider's name in messages, in tracing and in the block translator; LangChain requires the same in all three."""


@dataclass(frozen=True, slots=True)
class Destination:
    """What serves a call. Every message's metadata and every error repeat these facts.

    Attributes:
        protocol: The protocol's name.
        region: The region's id, such as `ap-southeast-1`; `None` if it is not known.
        workspace_id: The workspace's id; `None` if the call goes to a shared host without one.
        server: The name of a server that is not Model Studio, such as `vllm`; `None` for Model Studio.
    """

    protocol: str
    region: str | None
    workspace_id: str | None
    server: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that metadata and errors repeat; Model Studio's server has no name."""
        facts = {"protocol": self.protocol, "region": self.region, "workspace_id": self.workspace_id}
        return facts if self.server is None else {**facts, "server": self.server}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """A call to a chat model, in LangChain's types.

    Attributes:
        model: The model's name as the user gave it.
        messages: The conversation, at least one message.
        parameters: All other parameters by their Model Studio names (`temperature`, `tools`, …), none of them `None`.
        stream: Whether the response is an event stream.
        with_usage: Whether a stream ends with the token usage, where the protocol lets the caller choose.
        profile: The facts about the model.
        destination: What serves the call.
        reserves_tool_names: Whether the server is Model Studio, which reserves names of tools.
        server: The server, if it is not Model Studio.
    """

    model: str
    messages: Sequence[BaseMessage]
    parameters: Mapping[str, Any]
    stream: bool = False
    with_usage: bool = True
    profile: Profile
    destination: Destination
    reserves_tool_names: bool = True
    server: OtherServer | None = None


TextType: TypeAlias = Literal["query", "document"]
"""Whether a text is searched for (`query`) or searched in (`document`)."""

VectorKind: TypeAlias = Literal["dense", "sparse", "dense&sparse"]
"""Which vectors an embedding model returns for a text, in the service's words."""

Contents: TypeAlias = tuple[Json, ...]
"""Texts and media that are embedded or ranked as one item: the service's content objects (`{"image": "https://…"}`)."""


@dataclass(frozen=True, slots=True)
class SparseVector:
    """A sparse vector: only the components that are not zero.

    Attributes:
        indices: Their positions, each of which is an entry of the model's vocabulary.
        values: Their weights, one for each index.
        tokens: The pieces of text that the indices stand for, one for each; empty if the service did not return them.
    """

    indices: list[int]
    values: list[float]
    tokens: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[int, float]:
        """Return the weights by index, as some vector stores expect them."""
        return dict(zip(self.indices, self.values, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingCall:
    """One request to an embedding model.

    Attributes:
        model: The model's name as the user gave it.
        inputs: What is embedded, in order and not more than the model accepts in one request: texts, or contents for a
            multimodal model. Each gets one vector.
        text_type: Whether the inputs are searched for (`"query"`) or searched in (`"document"`).
        kind: Dense vectors, sparse vectors, or both.
        dimensions: The number of components of a dense vector; `None` leaves it to the service.
        instruct: The task, for a query.
        parameters: Parameters without a field of their own, sent unchanged.
        profile: The facts about the model.
        destination: What serves the call.
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
        dense: One dense vector for each input; empty if none were requested.
        sparse: One sparse vector for each input; empty if none were requested.
        usage: The token usage; `None` if the service did not return it.
        request_id: The request's id.
        destination: What served the request.
    """

    dense: list[list[float]]
    sparse: list[SparseVector]
    usage: UsageMetadata | None
    request_id: str | None
    destination: Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankCall:
    """A call to a rerank model.

    Attributes:
        model: The model's name as the user gave it.
        query: What is searched for: a text, or a content object for a multimodal model.
        documents: What is ranked, at least one.
        top_n: How many documents to return; `None` returns all.
        instruct: The task.
        parameters: Parameters without a field of their own, sent unchanged.
        destination: What serves the call.
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
        ranking: The documents' positions in the call and their relevance scores, the most relevant first.
        usage: The token usage; `None` if the service did not return it.
        request_id: The request's id.
        destination: What served the call.
    """

    ranking: list[tuple[int, float]]
    usage: UsageMetadata | None
    request_id: str | None
    destination: Destination


class StreamRules(Protocol):
    """Interprets the events of a protocol's stream for the transport, which does not know the protocol's JSON."""

    def classify(self, event: Json) -> tuple[bool, float | None]:
        """Return what an event means for its stream.

        Returns:
            Whether it has something of an answer (a stream without any is sent again), and for how many seconds to wait
            for more events if it completes the answer, else `None`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An encoded request, ready for a transport.

    Attributes:
        path: The route below the protocol's base URL.
        body: The JSON that goes over the network, on every protocol.
        model: The model that is called, since not every response names it; empty for requests without a model.
        destination: What serves the request.
        stream: Whether the response is an event stream.
        headers: Headers that the body needs.
        cumulative: Whether each event repeats the whole text so far, although deltas were requested.
        tool_names: The tools' own names by the names that are sent instead, where the service refuses the own ones.
        method: The HTTP method; `"GET"` sends no body.
        query: The parameters of the URL's query string.
        api_key: The key to send it with, if the connection has none of its own.
        stream_rules: What the events of its stream mean for the stream. Without them, each event begins the answer and
            none completes it.
        other_endpoint: Encodes the same call for the protocol's other endpoint, as its path and body; it returns `None`
            if that one cannot take the call.
        whole_conversation: Returns the body with the whole conversation, for a destination that does not have what the
            body's ids name; it returns `None` if only the caller knows it. Without it, the body has no such ids.
    """

    path: str
    body: Json = field(repr=False)
    model: str
    destination: Destination
    stream: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    cumulative: bool = False
    tool_names: Mapping[str, str] = field(default_factory=dict)
    method: Literal["POST", "GET"] = "POST"
    query: Mapping[str, Any] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)
    stream_rules: StreamRules | None = field(default=None, repr=False)
    other_endpoint: Callable[[], tuple[str, Json] | None] | None = field(default=None, repr=False, compare=False)
    whole_conversation: Callable[[], Json | None] | None = field(default=None, repr=False, compare=False)

    @property
    def error_context(self) -> dict[str, Any]:
        """What every error about this request carries: its model, protocol, region and workspace."""
        return {"model": self.model or None, **self.destination.facts}


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """What is known of a stream at one moment.

    Attributes:
        request_id: The request's id, if an event had it.
        destination: What serves the stream.
        usage: The token usage so far; `None` if it is unknown, which is not zero.
        token_usage: The same in the service's words.
    """

    request_id: str | None
    destination: Destination
    usage: UsageMetadata | None
    token_usage: Json | None = None


@runtime_checkable
class HasSnapshot(Protocol):
    """A chunk that knows its stream. LangChain does not report the usage of a stream that ends early to callbacks."""

    @property
    def snapshot(self) -> StreamSnapshot | None:
        """What is known of the chunk's stream so far."""


class Decoder(Protocol):
    """Turns the events of one stream into LangChain chunks, and holds the stream's state."""

    def feed(self, event: Json) -> Sequence[ChatGenerationChunk]:
        """Return the chunks that one event adds.

        Raises:
            InvalidResponseError: The event does not have the protocol's shape.
        """

    def finish(self) -> Sequence[ChatGenerationChunk]:
        """Return the last chunks, with the usage and the metadata. Called once, after the last event.

        Raises:
            StreamInterruptedError: No event had a finish reason, so the answer is incomplete.
        """


class ChatWire(Protocol):
    """Encodes chat requests and decodes chat responses of one protocol. A module can be a wire.

    A wire is pure: no I/O, clock, environment or SDK.
    """

    def must_stream(self, call: ChatCall) -> bool:
        """Return whether the service refuses the call unless it is streamed."""

    def encode(self, call: ChatCall) -> Request:
        """Return the request for a call.

        Raises:
            UnsupportedInputError: The protocol or the model does not support something in the call.
        """

    def decode(self, body: Json, request: Request) -> ChatResult:
        """Return LangChain's result for a whole response.

        Raises:
            InvalidResponseError: The response does not have the protocol's shape.
        """

    def decoder(self, request: Request) -> Decoder:
        """Return a new decoder for one stream."""


class EmbeddingWire(Protocol):
    """Encodes embedding requests and decodes their responses for one protocol. Pure, like `ChatWire`."""

    supports_text_type: bool
    """Whether the protocol can send `text_type` (query or document) and `instruct` (the task)."""

    def encode(self, call: EmbeddingCall) -> Request:
        """Return the request for a call.

        Raises:
            UnsupportedInputError: The protocol does not support something in the call.
        """

    def decode(self, body: Json, call: EmbeddingCall) -> EmbeddingResponse:
        """Return one vector for each input, in the order of the inputs.

        Raises:
            InvalidResponseError: The response does not have one vector for each input.
        """


class RerankWire(Protocol):
    """Encodes rerank requests and decodes their responses for one protocol. Pure, like `ChatWire`."""

    def encode(self, call: RerankCall) -> Request:
        """Return the request for a call.

        Raises:
            UnsupportedInputError: The protocol does not support something in the call.
        """

    def decode(self, body: Json, call: RerankCall) -> RerankResponse:
        """Return the ranking.

        Raises:
            InvalidResponseError: The response does not rank the documents of the call.
        """


class Transport(Protocol):
    """Sends JSON through one SDK's client for one connection. Knows no protocol's JSON and no LangChain message.

    Each response, and the first event of each stream, has the server's `request_id`.
    """

    def send(self, request: Request) -> Json:
        """Send a request and return the whole response."""

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the response."""

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole response."""

    def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the response."""


class FilesTransport(Transport, Protocol):
    """A transport that also uploads and downloads files."""

    def send_once(self, request: Request) -> Json:
        """Send a request that must not take effect twice, and so is never retried."""

    def upload(self, request: Request, file: BinaryIO, name: str) -> Json:
        """Upload a file, read from its beginning, and return the response."""

    def lines(self, request: Request) -> Iterator[bytes]:
        """Yield the lines of the file at a request's path as they arrive, without the empty ones."""
