"""The ASGI application: authorizes a request, lets its handler answer, and injects faults.

All code of the sandbox that reads or writes HTTP is here.
"""

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

from langchain_qwen_workspace.sandbox._calls import (
    Call,
    Protocol,
    Reply,
    SandboxRequest,
    SandboxWorkspace,
    asks_for_stream,
)
from langchain_qwen_workspace.sandbox._errors import Refusal
from langchain_qwen_workspace.sandbox._http.faults import Fault, Faults
from langchain_qwen_workspace.sandbox._http.hosts import AllowedHosts
from langchain_qwen_workspace.sandbox._http.protocols import protocol_of
from langchain_qwen_workspace.sandbox._http.routes import Router
from langchain_qwen_workspace.sandbox._json import read_json

_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY). "
)
_JSON = json.JSONDecoder()


def build(
    find_workspace: Callable[[str], SandboxWorkspace | None],
    log: Callable[[SandboxRequest], None],
    faults: Faults,
    router: Router,
    hosts: AllowedHosts,
) -> Starlette:
    """Build the ASGI application.

    Args:
        find_workspace: Returns the workspace of a key.
        log: Receives every request that arrives.
        faults: The faults to inject.
        router: Finds the handler of a request.
        hosts: The hosts that a request may name; other requests are refused without being logged.

    Returns:
        The application.
    """

    async def serve(request: Request) -> Response:
        try:
            hosts.check(request.headers)
        except Refusal as refusal:
            return _error_response(refusal, protocol_of(request.url.path), str(uuid.uuid4()), stream=False)
        return await _serve(request, find_workspace, log, faults, router)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", serve, methods=methods)])


def new_key() -> str:
    """Return a random key that is recognizable as the sandbox's."""
    return f"sk-sandbox-{secrets.token_hex(16)}"


async def _serve(
    request: Request,
    find_workspace: Callable[[str], SandboxWorkspace | None],
    log: Callable[[SandboxRequest], None],
    faults: Faults,
    router: Router,
) -> Response:
    request_id = str(uuid.uuid4())
    path = request.url.path
    protocol = protocol_of(path)
    content = _parse_body(await request.body())
    key = _bearer_key(request.headers.get("authorization"))
    workspace = find_workspace(key) if key else None
    headers = {name.lower(): value for name, value in request.headers.items()}
    logged = SandboxRequest(
        method=request.method,
        path=path,
        query=request.url.query,
        headers=headers,
        body=content,
        workspace=None if workspace is None else workspace.name,
        request_id=request_id,
    )
    log(logged)
    fault = faults.take(path)
    if fault is not None and fault.after_events is None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.is_failure:
            return _fault_response(fault, protocol, request_id)
    try:
        handler, object_id = router.find(request.method, path)
        caller = _authorize(workspace, key, headers)
        query = dict(request.query_params)
        reply = handler(Call(content, headers, path, protocol, caller, request_id, query, object_id))
    except Refusal as refusal:
        return _error_response(refusal, protocol, request_id, stream=asks_for_stream(headers))
    if reply.events is not None:
        events = _send_events(reply.events, fault, protocol, logged)
        return _stream_response(events, protocol, request_id)
    if fault is not None and fault.is_failure:
        return _fault_response(fault, protocol, request_id)
    return _complete_response(reply, logged)


# --- requests ---------------------------------------------------------------------------------------


def _bearer_key(header: str | None) -> str | None:
    """Return the bearer key of an authorization header, if there is one."""
    scheme, _, key = (header or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def _authorize(workspace: SandboxWorkspace | None, key: str | None, headers: Mapping[str, str]) -> SandboxWorkspace:
    """Return the workspace that calls; refuse a missing or unknown key and the header of another workspace."""
    if key is None:
        text = "No API-key provided."
        raise Refusal(text, code="InvalidApiKey", openai_message=_NO_KEY, with_id=False, openai_code=None)
    if workspace is None:
        raise Refusal(code="InvalidApiKey", with_id=False)
    named = headers.get("x-dashscope-workspace")
    if named is not None and named != workspace.workspace_id:
        raise Refusal(code="Workspace.AccessDenied")
    return workspace


def _parse_body(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return read_json(raw)
    except ValueError:
        return raw


# --- responses --------------------------------------------------------------------------------------


class _ClosedConnection(Response):
    """Closes the connection without sending a byte: uvicorn drops the connection when a status is invalid."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send({"type": "http.response.start", "status": 0, "headers": []})


class _ConnectionDropped(Exception):  # noqa: N818 - an injected fault
    """Ends a stream in the middle; uvicorn then closes the connection."""


def _headers(request_id: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"x-request-id": request_id, "x-dashscope-call-gateway": "true", **(more or {})}


def _json_response(
    status: int, body: Mapping[str, Any], request_id: str, more: Mapping[str, str] | None = None
) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(content, status, _headers(request_id, more), media_type="application/json")


def _complete_response(reply: Reply, logged: SandboxRequest) -> Response:
    if reply.content is not None:
        return Response(reply.content, 200, _headers(logged.request_id))  # recorded 2026-04: no content type
    body = reply.body or {}
    logged.usages.append(body.get("usage"))
    return _json_response(200, body, logged.request_id)


def _error_response(refusal: Refusal, protocol: Protocol, request_id: str, *, stream: bool) -> Response:
    if protocol.has_refusals_in_streams and stream and refusal.by_model:
        event = protocol.error_event(refusal, request_id, 1, "event")
        return _stream_response(_single_event(event), protocol, request_id)
    return _json_response(refusal.status, protocol.error_body(refusal, request_id), request_id)


def _fault_response(fault: Fault, protocol: Protocol, request_id: str) -> Response:
    if fault.close:
        return _ClosedConnection()
    if fault.body is not None:
        headers = _headers(request_id, {"content-type": "text/html", **fault.headers})
        return Response(fault.body, fault.status or 200, headers)
    refusal = fault.refusal()
    if fault.framing == "failed" and protocol.failed_body is not None:
        return _json_response(200, protocol.failed_body(refusal, request_id), request_id, fault.headers)
    return _json_response(refusal.status, protocol.error_body(refusal, request_id), request_id, fault.headers)


def _stream_response(events: AsyncIterator[bytes], protocol: Protocol, request_id: str) -> Response:
    return StreamingResponse(events, 200, _headers(request_id, {"content-type": protocol.stream_content_type}))


async def _single_event(event: bytes) -> AsyncIterator[bytes]:
    yield event


async def _send_events(
    events: Iterator[bytes], fault: Fault | None, protocol: Protocol, logged: SandboxRequest
) -> AsyncIterator[bytes]:
    """Yield the events of a stream, up to where a fault interrupts it, and log the usage of each."""
    number = 0
    for number, event in enumerate(events, 1):
        if fault is not None and number - 1 == fault.after_events:
            await asyncio.sleep(fault.delay or 0)
            if fault.is_failure:
                yield _interrupting_event(fault, protocol, logged.request_id, number)
                return
        logged.usages.append(_usage_in(event.decode()))
        yield event
        # Lets other requests run between two events, and lets uvicorn notice that the client has disconnected.
        await asyncio.sleep(0)
    if fault is not None and fault.after_events is not None and fault.after_events >= number and fault.is_failure:
        yield _interrupting_event(fault, protocol, logged.request_id, number + 1)


def _interrupting_event(fault: Fault, protocol: Protocol, request_id: str, number: int) -> bytes:
    """Return what a fault sends in the middle of a stream.

    Raises:
        _ConnectionDropped: If the fault drops the connection.
    """
    if fault.close:
        raise _ConnectionDropped
    if fault.body is not None:
        return fault.body
    return protocol.error_event(fault.refusal(), request_id, number, fault.framing)


def _usage_in(event: str) -> Mapping[str, Any] | None:
    """Return the usage in an event: its JSON has one such key, because quotes inside texts are escaped."""
    _, key, rest = event.rpartition('"usage":')
    usage: Mapping[str, Any] | None = _JSON.raw_decode(rest.lstrip())[0] if key else None
    return usage
