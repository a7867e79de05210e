"""What the server and the handlers exchange: workspaces, requests, replies, and what differs between the protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._errors import INVALID_BODY, Refusal
from langchain_qwen_workspace.sandbox._models import Model

ProtocolName = Literal["openai", "dashscope", "responses"]
# How an error inside a stream is written: as the protocol has it, as `event: error` with a space (DashScope and
# Responses), as the DashScope body on the OpenAI protocol, or, on Responses, as OpenAI's error body, as an event of the
# type `error`, or as the event `response.failed` or `response.incomplete`.
Framing = Literal["event", "event-space", "dashscope", "openai", "typed", "failed", "incomplete"]

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(frozen=True, slots=True)
class SandboxWorkspace:
    """A workspace of the sandbox.

    Attributes:
        name: The name the caller gave it.
        workspace_id: Its id.
        api_key: Its key; workspaces that differ only in the key or the models are equal.
        region: Its region.
        models: The models it may call when this was read; None permits all.
    """

    name: str
    workspace_id: str
    api_key: str = field(compare=False)
    region: str
    models: frozenset[str] | None = field(compare=False)

    def __repr__(self) -> str:
        return f"SandboxWorkspace(name={self.name!r}, workspace_id={self.workspace_id!r}, region={self.region!r})"


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """A request as it arrived, whether it was answered or refused.

    Attributes:
        method: The HTTP method.
        path: The path, without the query.
        query: The query string.
        headers: The headers, names in lower case.
        body: The parsed JSON; bytes if the body is not JSON, such as an uploaded file; None if there is no body.
        workspace: The name of the workspace whose key the request carries, or None.
        request_id: The id of the response.
        usages: The usage that the response reports, as the protocol writes it: one entry for a response that is not
            streamed, one for each event sent so far of a stream, None where an event reports no usage. Empty while
            there is no response, and for refused requests.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any
    workspace: str | None
    request_id: str
    usages: list[Mapping[str, Any] | None] = field(default_factory=list, compare=False)

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """The last usage that the response reported, None if it reported none."""
        return next((usage for usage in reversed(self.usages) if usage is not None), None)


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler needs to know about a request.

    Attributes:
        content: The parsed JSON; bytes if the body is not JSON; None if there is no body.
        headers: The headers, names in lower case.
        path: The path, without the query.
        protocol: The protocol of the path.
        workspace: The workspace that calls.
        request_id: The id of the response.
        key_models: The models that the key may call, if its workspace may; None for all of its workspace's.
        bill: Bills what a call used, given the model and the usage.
        query: The parameters of the query; of one that is repeated, the last value.
        query_lists: All values of each parameter of the query.
        object_id: The id in the path, empty if the route has none; two ids have a slash between them.
    """

    content: Any
    headers: Mapping[str, str]
    path: str
    protocol: Protocol
    workspace: SandboxWorkspace
    request_id: str
    key_models: frozenset[str] | None
    bill: Callable[..., None]
    query: Mapping[str, str] = field(default_factory=dict)
    object_id: str = ""
    query_lists: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON object of the request; empty if there is no body.

        Raises:
            Refusal: If the body is not a JSON object.
        """
        if self.content is None:
            return {}
        if not isinstance(self.content, dict):
            raise Refusal(INVALID_BODY)
        return self.content

    def find_model(self, kind: type[ModelT], *, unknown: str | None = None) -> ModelT:
        """Return the requested model, if it exists, the workspace may call it and this endpoint serves it.

        Args:
            kind: The kind of model that the endpoint serves.
            unknown: The error text for an unknown model, where the endpoint has its own.

        Returns:
            The model.

        Raises:
            Refusal: If the service would refuse the model.
        """
        name = self.body.get("model")
        if not isinstance(name, str) or not name:
            raise Refusal("you must provide a model parameter.")
        model = _models.find(name)
        if model is None and unknown is not None:
            raise Refusal(unknown)
        if model is None:
            missing = f"The model {name} does not exist or you do not have access to it."
            raise Refusal(code="ModelNotFound", openai_message=missing)
        if any(models is not None and name not in models for models in (self.workspace.models, self.key_models)):
            raise Refusal(code="Model.AccessDenied")
        if not isinstance(model, kind) or not self._is_served(model):
            raise self.protocol.unsupported_model_error(name)
        return model

    def _is_served(self, model: Model) -> bool:
        """Return whether the protocol of the request serves a model that its endpoint could serve."""
        return self.protocol.name == "dashscope" or getattr(model, "is_openai_compatible", True)

    def may_use_uploads(self) -> bool:
        """Return whether `oss://` references are resolved for this request."""
        return self.headers.get("x-dashscope-ossresourceresolve") == "enable"


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of a handler: a JSON body, the events of a stream, or the content of a file.

    Attributes:
        body: The JSON body.
        events: The events of a stream.
        content: The content of a file.
        usage: What is billed for a stream; for a body it is the body's `usage`.
        status: The HTTP status of a body.
    """

    body: Mapping[str, Any] | None = None
    events: Iterator[bytes] | None = None
    content: bytes | None = None
    usage: Mapping[str, Any] | None = None
    status: int = 200

    @property
    def billed_usage(self) -> Mapping[str, Any] | None:
        """What is billed, None if nothing is."""
        return self.usage or (self.body or {}).get("usage")


Handler = Callable[[Call], Reply]
Routes = Mapping[str, Mapping[str, Handler]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What is particular to one protocol; the table `_http.protocols.PROTOCOLS` has a row for each.

    Attributes:
        name: The protocol's name.
        path_prefixes: The beginnings of its paths. Where several match a path, the longest one decides.
        routes: Its handlers, by path and HTTP method.
        stream_content_type: The content type of its streams.
        error_body: Renders an error as a JSON body, given the request's id.
        error_event: Renders an error as an event of a stream, given the request's id, the number of the event in the
            stream and the framing.
        failed_body: Renders an error as a response with HTTP 200, given the request's id; None where there is no such.
        has_refusals_in_streams: Whether what the inference service refuses is reported inside a 200 stream.
        unsupported_model_error: Makes the refusal of a model that the endpoint does not serve, given the model's name.
        max_seed: The largest `seed`.
        seed_error: Makes the refusal of a `seed` that is not an integer from 0 to `max_seed`, given both.
        no_messages: The error text for an empty list of messages.
        unknown_role: The error text for an unknown role, a template with `{role}` and `{index}`.
        empty_user_message: The error text for a user message without content; None where such a message is accepted.
    """

    name: ProtocolName
    path_prefixes: tuple[str, ...]
    routes: Routes
    stream_content_type: str
    error_body: Callable[[Refusal, str], dict[str, Any]]
    error_event: Callable[[Refusal, str, int, Framing], bytes]
    failed_body: Callable[[Refusal, str], dict[str, Any]] | None = None
    has_refusals_in_streams: bool
    unsupported_model_error: Callable[[str], Refusal]
    max_seed: int
    seed_error: Callable[[Any, int], Refusal]
    no_messages: str
    unknown_role: str
    empty_user_message: str | None


def asks_for_stream(headers: Mapping[str, str]) -> bool:
    """Return whether the headers ask for a stream, as DashScope requests do."""
    return headers.get("x-dashscope-sse") == "enable" or "text/event-stream" in headers.get("accept", "")
