"""The routes: who calls, may they, which dialect answers. Everything that reads HTTP is here."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from langchain_qwen_workspace.sandbox import (
    _dashscope,
    _embeddings,
    _errors,
    _mind,
    _models,
    _openai,
    _rerank,
)
from langchain_qwen_workspace.sandbox._errors import Refusal, WireName
from langchain_qwen_workspace.sandbox._faults import Fault, Faults
from langchain_qwen_workspace.sandbox._models import ChatModel, EmbeddingModel, Family, Model, RerankModel

_COMPATIBLE = "/compatible-mode/v1"
_NATIVE = "/api/v1/services"
_RERANK_PATHS = ("/compatible-api/v1/reranks", f"{_NATIVE}/rerank/text-rerank/text-rerank")
_FAMILIES: dict[str, Family] = {
    f"{_NATIVE}/aigc/text-generation/generation": "text",
    f"{_NATIVE}/aigc/multimodal-generation/generation": "multimodal",
}
_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY). "
)
_WRONG_URL = "url error, please check url！"  # noqa: RUF001 - the service writes it full-width
_SSE_TYPE = {"compatible": "text/event-stream;charset=utf-8", "native": "text/event-stream;charset=UTF-8"}


@dataclass(frozen=True, slots=True)
class SandboxWorkspace:
    """A workspace of the sandbox.

    Attributes:
        name: What the caller named it.
        workspace_id: Its id.
        api_key: Its key.
        region: The region it says it is in.
        models: The models it may call; None means all.
    """

    name: str
    workspace_id: str
    api_key: str
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
        body: The parsed JSON; what is not JSON stays as bytes, no body is None.
        workspace: The name of the workspace whose key came with it, or None.
        request_id: The id it was answered with.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any
    workspace: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class _Call:
    """What a route needs to know of a request."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    path: str
    workspace: SandboxWorkspace
    request_id: str

    def model(self) -> Model:
        """The asked model, if it exists and the workspace may call it."""
        name = self.body.get("model")
        if not isinstance(name, str) or not name:
            raise Refusal("you must provide a model parameter.")
        row = _models.find(name)
        if row is None and self.path == _RERANK_PATHS[1]:
            raise Refusal("Model not exist.")  # recorded 2025-11 on this endpoint
        if row is None:
            missing = f"The model {name} does not exist or you do not have access to it."
            raise Refusal(code="ModelNotFound", compatible=missing)
        if self.workspace.models is not None and name not in self.workspace.models:
            raise Refusal(code="Model.AccessDenied")
        return row


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a route answers: a body, or the events of a stream."""

    body: Mapping[str, Any] | None = None
    events: Iterator[bytes] | None = None


def build(
    find_workspace: Callable[[str], SandboxWorkspace | None],
    log: Callable[[SandboxRequest], None],
    faults: Faults,
) -> Starlette:
    """The application.

    Args:
        find_workspace: Gives the workspace of a key.
        log: Takes every request that arrives.
        faults: What shall go wrong.

    Returns:
        The ASGI application.
    """

    async def serve(request: Request) -> Response:
        return await _serve(request, find_workspace, log, faults)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", serve, methods=methods)])


async def _serve(
    request: Request,
    find_workspace: Callable[[str], SandboxWorkspace | None],
    log: Callable[[SandboxRequest], None],
    faults: Faults,
) -> Response:
    request_id = str(uuid.uuid4())
    path = request.url.path
    wire: WireName = "native" if path.startswith("/api/") else "compatible"
    raw = await request.body()
    key = _key(request.headers.get("authorization"))
    workspace = find_workspace(key) if key else None
    body = _parsed(raw)
    headers = {name.lower(): value for name, value in request.headers.items()}
    log(
        SandboxRequest(
            method=request.method,
            path=path,
            query=request.url.query,
            headers=headers,
            body=body,
            workspace=None if workspace is None else workspace.name,
            request_id=request_id,
        )
    )
    fault = faults.take(path)
    if fault is not None and fault.after_events is None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.fails:
            return _failed(fault, wire, request_id)
    try:
        _check_route(request.method, path)
        call = _Call(_object(body), headers, path, _admitted(workspace, key, headers), request_id)
        reply = _ROUTES[path](call)
    except Refusal as refusal:
        return _refused(refusal, wire, request_id, stream=_wants_stream(headers))
    if reply.events is None:
        if fault is not None and fault.fails:
            return _failed(fault, wire, request_id)
        return _json(200, reply.body or {}, request_id)
    return _stream(_broken(reply.events, fault, wire, request_id), wire, request_id)


# --- who calls --------------------------------------------------------------------------------------


def _key(header: str | None) -> str | None:
    """The bearer key of a request, if it sent one."""
    scheme, _, key = (header or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def _admitted(workspace: SandboxWorkspace | None, key: str | None, headers: Mapping[str, str]) -> SandboxWorkspace:
    if key is None:
        raise Refusal("No API-key provided.", code="InvalidApiKey", compatible=_NO_KEY, with_id=False, fixed_code=None)
    if workspace is None:
        raise Refusal(code="InvalidApiKey", with_id=False)
    named = headers.get("x-dashscope-workspace")
    if named is not None and named != workspace.workspace_id:
        raise Refusal(code="Workspace.AccessDenied")
    return workspace


def _check_route(method: str, path: str) -> None:
    if path not in _ROUTES:
        raise Refusal(code="NotFound", with_id=False)
    expected = "GET" if path == f"{_COMPATIBLE}/models" else "POST"
    if method != expected:
        raise Refusal(f"Request method '{method}' is not supported.", with_id=False)


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def _object(body: Any) -> Mapping[str, Any]:
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise Refusal("Required body invalid, please check the request body format.")
    return body


def _wants_stream(headers: Mapping[str, str]) -> bool:
    """Whether a native request wants events."""
    return headers.get("x-dashscope-sse") == "enable" or "text/event-stream" in headers.get("accept", "")


# --- routes -----------------------------------------------------------------------------------------


def _compatible_chat(call: _Call) -> _Reply:
    model = call.model()
    if not isinstance(model, ChatModel):
        raise Refusal(f"Unsupported model {model.name} for OpenAI compatibility mode.", code="ModelNotSupported")
    chat = _openai.parse(call.body, model)
    answers = _mind.answers(chat.ask)
    created = int(time.time())
    if chat.stream:
        return _Reply(events=_openai.events(chat, answers, call.request_id, created))
    return _Reply(_openai.render(chat, answers, call.request_id, created))


def _native_chat(call: _Call) -> _Reply:
    model = call.model()
    family = _FAMILIES[call.path]
    if not isinstance(model, ChatModel) or model.family != family:
        raise Refusal(_WRONG_URL)
    uploads = call.headers.get("x-dashscope-ossresourceresolve") == "enable"
    stream = _wants_stream(call.headers)
    generation = _dashscope.parse(call.body, model, family, stream=stream, uploads=uploads)
    answers = _mind.answers(generation.ask)
    if stream:
        return _Reply(events=_dashscope.events(generation, answers, call.request_id))
    return _Reply(_dashscope.render(generation, answers, call.request_id))


def _compatible_embeddings(call: _Call) -> _Reply:
    model = call.model()
    if not isinstance(model, EmbeddingModel):
        raise Refusal(f"Unsupported model {model.name} for OpenAI compatibility mode.", code="ModelNotSupported")
    return _Reply(_embeddings.compatible(call.body, model, call.request_id))


def _native_embeddings(call: _Call) -> _Reply:
    model = call.model()
    if not isinstance(model, EmbeddingModel):
        raise Refusal(_WRONG_URL)
    return _Reply(_embeddings.native(call.body, model, call.request_id))


def _compatible_rerank(call: _Call) -> _Reply:
    model = call.model()
    if not isinstance(model, RerankModel) or not model.compatible:
        raise Refusal(f"Unsupported model {model.name} for OpenAI compatibility mode.", code="ModelNotSupported")
    return _Reply(_rerank.compatible(call.body, model, call.request_id))


def _native_rerank(call: _Call) -> _Reply:
    model = call.model()
    if not isinstance(model, RerankModel):
        raise Refusal(_WRONG_URL)
    return _Reply(_rerank.native(call.body, model, call.request_id))


def _model_list(call: _Call) -> _Reply:
    permitted = call.workspace.models
    names = sorted(_models.CATALOGUE if permitted is None else permitted)
    data = [{"id": n, "object": "model", "created": 1_777_000_000, "owned_by": "system"} for n in names]
    ends = {"first_id": "model-id-0", "last_id": f"model-id-{len(data) - 1}", "has_more": False}
    return _Reply({"object": "list", "data": data, **ends})


_ROUTES: dict[str, Callable[[_Call], _Reply]] = {
    f"{_COMPATIBLE}/chat/completions": _compatible_chat,
    f"{_COMPATIBLE}/embeddings": _compatible_embeddings,
    f"{_COMPATIBLE}/models": _model_list,
    f"{_NATIVE}/embeddings/text-embedding/text-embedding": _native_embeddings,
    _RERANK_PATHS[0]: _compatible_rerank,
    _RERANK_PATHS[1]: _native_rerank,
    **dict.fromkeys(_FAMILIES, _native_chat),
}


# --- answers ----------------------------------------------------------------------------------------


class _HangUp(Response):
    """Closes the connection without a byte: uvicorn gives up on a status that is none."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send({"type": "http.response.start", "status": 0, "headers": []})


class _Dropped(Exception):  # noqa: N818 - a fault that was asked for
    """Ends a stream in the middle; uvicorn then closes the connection."""


def _headers(request_id: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"x-request-id": request_id, "x-dashscope-call-gateway": "true", **(more or {})}


def _json(status: int, body: Mapping[str, Any], request_id: str, more: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(content, status, _headers(request_id, more), media_type="application/json")


def _refused(refusal: Refusal, wire: WireName, request_id: str, *, stream: bool) -> Response:
    if wire == "native" and stream and refusal.by_model:
        return _stream(_once(_dashscope.error_event(refusal, request_id)), wire, request_id)
    return _json(refusal.status, _errors.body(refusal, wire, request_id), request_id)


def _failed(fault: Fault, wire: WireName, request_id: str) -> Response:
    if fault.close:
        return _HangUp()
    if fault.body is not None:
        headers = _headers(request_id, {"content-type": "text/html", **fault.headers})
        return Response(fault.body, fault.status or 200, headers)
    refusal = fault.refusal()
    return _json(refusal.status, _errors.body(refusal, wire, request_id), request_id, fault.headers)


def _stream(events: AsyncIterator[bytes], wire: WireName, request_id: str) -> Response:
    return StreamingResponse(events, 200, _headers(request_id, {"content-type": _SSE_TYPE[wire]}))


async def _once(event: bytes) -> AsyncIterator[bytes]:
    yield event


async def _broken(
    events: Iterator[bytes], fault: Fault | None, wire: WireName, request_id: str
) -> AsyncIterator[bytes]:
    """The events of a stream, up to where a fault breaks it."""
    number = 0
    for number, event in enumerate(events, 1):
        if fault is not None and number - 1 == fault.after_events:
            await asyncio.sleep(fault.delay or 0)
            if fault.fails:
                yield _break(fault, wire, request_id, number)
                return
        yield event
        # Other requests, and news that the client has gone, get their turn between two events.
        await asyncio.sleep(0)
    if fault is not None and fault.after_events is not None and fault.after_events >= number and fault.fails:
        yield _break(fault, wire, request_id, number + 1)


def _break(fault: Fault, wire: WireName, request_id: str, number: int) -> bytes:
    if fault.close:
        raise _Dropped
    if fault.body is not None:
        return fault.body
    if wire == "compatible":
        return _openai.error_event(fault.refusal(), request_id, native=fault.framing == "native")
    return _dashscope.error_event(fault.refusal(), request_id, number, space=fault.framing == "event-space")


def new_key() -> str:
    """A key nobody can guess, plainly the sandbox's."""
    return f"sk-sandbox-{secrets.token_hex(16)}"
