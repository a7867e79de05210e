"""What the routes and the server say to each other: who calls, what arrived, what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._errors import Refusal
from langchain_qwen_workspace.sandbox._models import Model

COMPATIBLE = "/compatible-mode/v1"
NATIVE = "/api/v1/services"
NATIVE_RERANK = f"{NATIVE}/rerank/text-rerank/text-rerank"


@dataclass(frozen=True, slots=True)
class SandboxWorkspace:
    """A workspace of the sandbox.

    Attributes:
        name: What the caller named it.
        workspace_id: Its id.
        api_key: Its key; with another one it is the same workspace.
        region: The region it says it is in.
        models: The models it may call; None means all.
    """

    name: str
    workspace_id: str
    api_key: str = field(compare=False)
    region: str
    models: frozenset[str] | None

    def __repr__(self) -> str:
        return f"SandboxWorkspace(name={self.name!r}, workspace_id={self.workspace_id!r}, region={self.region!r})"


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """A request as it arrived, refused or not.

    Attributes:
        method: The HTTP method.
        path: The path, without the query.
        query: The query string.
        headers: The headers, names in lower case.
        body: The parsed JSON; what is not JSON, such as an uploaded file, stays as bytes; no body is None.
        workspace: The name of the workspace whose key came with it, or None.
        request_id: The id it was answered with.
        usages: What the answer said that it used, as the wire writes it: once for a plain one, for a stream once for
            each event that was sent so far, None where it said nothing; empty while there is no answer.
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
        """The last usage that the answer said, None if it said none."""
        return next((usage for usage in reversed(self.usages) if usage is not None), None)


@dataclass(frozen=True, slots=True)
class Call:
    """What a route needs to know of a request.

    Attributes:
        given: The parsed JSON; what is not JSON stays as bytes, no body is None.
        headers: The headers, names in lower case.
        path: The path, without the query.
        workspace: Who calls.
        request_id: The id of the answer.
        query: The parameters of the query.
        object_id: The id the path names, where the route has one.
    """

    given: Any
    headers: Mapping[str, str]
    path: str
    workspace: SandboxWorkspace
    request_id: str
    query: Mapping[str, str] = field(default_factory=dict)
    object_id: str = ""

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON object of the request; no body is an empty one."""
        if self.given is None:
            return {}
        if not isinstance(self.given, dict):
            raise Refusal("Required body invalid, please check the request body format.")
        return self.given

    def model(self) -> Model:
        """The asked model, if it exists and the workspace may call it."""
        name = self.body.get("model")
        if not isinstance(name, str) or not name:
            raise Refusal("you must provide a model parameter.")
        row = _models.find(name)
        if row is None and self.path == NATIVE_RERANK:
            raise Refusal("Model not exist.")  # recorded 2025-11 on this endpoint
        if row is None:
            missing = f"The model {name} does not exist or you do not have access to it."
            raise Refusal(code="ModelNotFound", compatible=missing)
        if self.workspace.models is not None and name not in self.workspace.models:
            raise Refusal(code="Model.AccessDenied")
        return row

    def may_use_uploads(self) -> bool:
        """Whether `oss://` references are resolved for this request."""
        return self.headers.get("x-dashscope-ossresourceresolve") == "enable"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a route answers: a body, the events of a stream, or the content of a file."""

    body: Mapping[str, Any] | None = None
    events: Iterator[bytes] | None = None
    content: bytes | None = None


Answer = Callable[[Call], Reply]


def wants_stream(headers: Mapping[str, str]) -> bool:
    """Whether a native request wants events."""
    return headers.get("x-dashscope-sse") == "enable" or "text/event-stream" in headers.get("accept", "")
