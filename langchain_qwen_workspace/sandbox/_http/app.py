"""The ASGI application: authorizes a request, lets its handler answer, and injects faults.

All code of the sandbox that reads or writes HTTP is here.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from langchain_qwen_workspace.sandbox._admin.account import Account, Caller
from langchain_qwen_workspace.sandbox._admin.control_plane import PATH_PREFIX, ControlPlane, HttpRequest
from langchain_qwen_workspace.sandbox._admin.refusals import GatewayRefusal
from langchain_qwen_workspace.sandbox._calls import Call, Protocol, Reply, SandboxRequest, asks_for_stream
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
    account: Account,
    control_plane: ControlPlane,
    log: Callable[[SandboxRequest], None],
    *,
    faults: Faults,
    router: Router,
    hosts: AllowedHosts,
) -> Starlette:
    """Build the ASGI application.

    Args:
        account: The account, which knows the keys.
        control_plane: Answers the requests of administrators.
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
        if request.url.path.startswith(PATH_PREFIX):
            return await _serve_control_plane(request, control_plane, log, faults)
        return await _serve(request, account, log, faults, router)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", serve, methods=methods)])


async def _serve(
    request: Request,
    account: Account,
    log: Callable[[SandboxRequest], None],
    faults: Faults,
    router: Router,
) -> Response:
    request_id = str(uuid.uuid4())
    path = request.url.path
    protocol = protocol_of(path)
    content = _parse_body(await request.body())
    key = _bearer_key(request.headers.get("authorization"))
    caller = account.find_caller(key) if key else None
    logged = _to_log(request, content, request_id, caller)
    log(logged)
    fault = faults.take(path)
    if fault is not None and fault.after_events is None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.is_failure:
            return _fault_response(fault, protocol, request_id)
    try:
        handler, object_id = router.find(request.method, path)
        caller = _authorize(caller, key, request)
        model = content.get("model") if isinstance(content, dict) else None
        caller.admit(model)
        query = request.query_params
        reply = handler(
            Call(
                content,
                logged.headers,
                path,
                protocol,
                caller.workspace,
                request_id,
                caller.key_models,
                caller.bill,
                dict(query),
                object_id,
                {name: query.getlist(name) for name in query},
            )
        )
    except Refusal as refusal:
        return _error_response(refusal, protocol, request_id, stream=asks_for_stream(logged.headers))
    # A request without a model reads what an earlier one made.
    if model is not None and reply.billed_usage and not (fault is not None and fault.is_failure):
        caller.bill(str(model), reply.billed_usage)
    if reply.events is not None:
        events = _send_events(reply.events, fault, protocol, logged)
        return _stream_response(events, protocol, request_id)
    if fault is not None and fault.is_failure:
        return _fault_response(fault, protocol, request_id)
    return _complete_response(reply, logged)


async def _serve_control_plane(
    request: Request, control_plane: ControlPlane, log: Callable[[SandboxRequest], None], faults: Faults
) -> Response:
    request_id = str(uuid.uuid4()).upper()
    raw = await request.body()
    logged = _to_log(request, raw or None, request_id, None)
    log(logged)
    fault = faults.take(f"{request.url.path} {logged.headers.get('x-acs-action', '')}")
    if fault is not None:
        await asyncio.sleep(fault.delay or 0)
        if fault.is_failure and fault.after_events is None:
            return _admin_fault_response(fault, request_id)
    path = request.scope["raw_path"].decode("ascii", "replace")
    status, body = control_plane.answer(
        HttpRequest(request.method, path, request.url.query, logged.headers, raw), request_id
    )
    if fault is not None and fault.is_failure:
        return _admin_fault_response(fault, request_id)
    return _json_response(status, body, request_id)


def _admin_fault_response(fault: Fault, request_id: str) -> Response:
    refusal = GatewayRefusal.of_fault(fault.status, fault.code, fault.message)
    return _raw_fault_response(fault, request_id) or _json_response(
        refusal.status, refusal.body(request_id), request_id, fault.headers
    )


# --- requests ---------------------------------------------------------------------------------------


def _bearer_key(header: str | None) -> str | None:
    """Return the bearer key of an authorization header, if there is one."""
    scheme, _, key = (header or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def _to_log(request: Request, content: Any, request_id: str, caller: Caller | None) -> SandboxRequest:
    return SandboxRequest(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=content,
        workspace=None if caller is None else caller.workspace.name,
        request_id=request_id,
    )


def _authorize(caller: Caller | None, key: str | None, request: Request) -> Caller:
    """Return who calls; refuse a missing or unknown key, another address and the header of another workspace."""
    if key is None:
        text = "No API-key provided."
        raise Refusal(text, code="InvalidApiKey", openai_message=_NO_KEY, with_id=False, openai_code=None)
    if caller is None:
        raise Refusal(code="InvalidApiKey", with_id=False)
    caller.check_address(request.client.host if request.client else "")
    named = request.headers.get("x-dashscope-workspace")
    if named is not None and named != caller.workspace.workspace_id:
        raise Refusal(code="Workspace.AccessDenied")
    return caller


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
    return _json_response(reply.status, body, logged.request_id)


def _error_response(refusal: Refusal, protocol: Protocol, request_id: str, *, stream: bool) -> Response:
    if protocol.has_refusals_in_streams and stream and refusal.by_model:
        event = protocol.error_event(refusal, request_id, 1, "event")
        return _stream_response(_single_event(event), protocol, request_id)
    return _json_response(refusal.status, protocol.error_body(refusal, request_id), request_id)


def _fault_response(fault: Fault, protocol: Protocol, request_id: str) -> Response:
    if (response := _raw_fault_response(fault, request_id)) is not None:
        return response
    refusal = fault.refusal()
    if fault.framing == "failed" and protocol.failed_body is not None:
        return _json_response(200, protocol.failed_body(refusal, request_id), request_id, fault.headers)
    return _json_response(refusal.status, protocol.error_body(refusal, request_id), request_id, fault.headers)


def _raw_fault_response(fault: Fault, request_id: str) -> Response | None:
    """Return the response of a fault that has no error body of the service."""
    if fault.close:
        return _ClosedConnection()
    if fault.body is not None:
        headers = _headers(request_id, {"content-type": "text/html", **fault.headers})
        return Response(fault.body, fault.status or 200, headers)
    return None


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
