"""The server: who calls, may they, which route answers. Everything that reads or writes HTTP is here."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from langchain_qwen_workspace.sandbox import _errors
from langchain_qwen_workspace.sandbox._calls import Call, Reply, SandboxRequest, SandboxWorkspace, wants_stream
from langchain_qwen_workspace.sandbox._chat import dashscope, openai
from langchain_qwen_workspace.sandbox._errors import Refusal, WireName
from langchain_qwen_workspace.sandbox._http.faults import Fault, Faults
from langchain_qwen_workspace.sandbox._http.routes import Routes

_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY). "
)
_JSON = json.JSONDecoder()
_SSE_TYPE = {"compatible": "text/event-stream;charset=utf-8", "native": "text/event-stream;charset=UTF-8"}


def build(
    find_workspace: Callable[[str], SandboxWorkspace | None],
    log: Callable[[SandboxRequest], None],
    faults: Faults,
    routes: Routes,
) -> Starlette:
    """The application.

    Args:
        find_workspace: Gives the workspace of a key.
        log: Takes every request that arrives.
        faults: What shall go wrong.
        routes: What answers.

    Returns:
        The ASGI application.
    """

    async def serve(request: Request) -> Response:
        return await _serve(request, find_workspace, log, faults, routes)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", serve, methods=methods)])


async def _serve(
    request: Request,
    find_workspace: Callable[[str], SandboxWorkspace | None],
    log: Callable[[SandboxRequest], None],
    faults: Faults,
    routes: Routes,
) -> Response:
    request_id = str(uuid.uuid4())
    path = request.url.path
    wire: WireName = "native" if path.startswith("/api/") else "compatible"
    raw = await request.body()
    key = _key(request.headers.get("authorization"))
    workspace = find_workspace(key) if key else None
    body = _parsed(raw)
    headers = {name.lower(): value for name, value in request.headers.items()}
    arrived = SandboxRequest(
        method=request.method,
        path=path,
        query=request.url.query,
        headers=headers,
        body=body,
        workspace=None if workspace is None else workspace.name,
        request_id=request_id,
    )
    log(arrived)
    fault = faults.take(path)
    if fault is not None and fault.after_events is None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.fails:
            return _failed(fault, wire, request_id)
    try:
        answer, object_id = routes.find(request.method, path)
        admitted = _admitted(workspace, key, headers)
        reply = answer(Call(body, headers, path, admitted, request_id, dict(request.query_params), object_id))
    except Refusal as refusal:
        return _refused(refusal, wire, request_id, stream=wants_stream(headers))
    if reply.events is None:
        if fault is not None and fault.fails:
            return _failed(fault, wire, request_id)
        return _whole(reply, arrived)
    return _stream(_broken(reply.events, fault, wire, arrived), wire, request_id)


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


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw


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


def _whole(reply: Reply, arrived: SandboxRequest) -> Response:
    if reply.content is not None:
        return Response(reply.content, 200, _headers(arrived.request_id))  # recorded 2026-04: no content type
    body = reply.body or {}
    arrived.usages.append(body.get("usage"))
    return _json(200, body, arrived.request_id)


def _refused(refusal: Refusal, wire: WireName, request_id: str, *, stream: bool) -> Response:
    if wire == "native" and stream and refusal.by_model:
        return _stream(_once(dashscope.error_event(refusal, request_id)), wire, request_id)
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


def _usage_in(event: str) -> Mapping[str, Any] | None:
    """What an event says of the usage: its JSON has one such key, and quotes inside texts are escaped."""
    _, key, rest = event.rpartition('"usage":')
    usage: Mapping[str, Any] | None = _JSON.raw_decode(rest.lstrip())[0] if key else None
    return usage


async def _once(event: bytes) -> AsyncIterator[bytes]:
    yield event


async def _broken(
    events: Iterator[bytes], fault: Fault | None, wire: WireName, arrived: SandboxRequest
) -> AsyncIterator[bytes]:
    """The events of a stream, up to where a fault breaks it; what each says of the usage is noted."""
    number, request_id = 0, arrived.request_id
    for number, event in enumerate(events, 1):
        if fault is not None and number - 1 == fault.after_events:
            await asyncio.sleep(fault.delay or 0)
            if fault.fails:
                yield _break(fault, wire, request_id, number)
                return
        arrived.usages.append(_usage_in(event.decode()))
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
        return openai.error_event(fault.refusal(), request_id, native=fault.framing == "native")
    return dashscope.error_event(fault.refusal(), request_id, number, space=fault.framing == "event-space")


def new_key() -> str:
    """A key nobody can guess, plainly the sandbox's."""
    return f"sk-sandbox-{secrets.token_hex(16)}"
