"""The error bodies and error events of the Responses protocol.

Bodies are those of the DashScope protocol, with texts such as `[400] missing_required_parameter: …`; only a missing
response has a body of its own (Model Studio docs, create-response and list-input-items pages, 2026-08-20 and newer).
Beside these two texts the docs give none: the others were made up for the sandbox, after OpenAI's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from langchain_qwen_workspace.sandbox import _errors
from langchain_qwen_workspace.sandbox._calls import Framing
from langchain_qwen_workspace.sandbox._errors import Refusal


class NotFound(Refusal):
    """A response or conversation does not exist; the docs give its body without a status, so 400 is a guess."""


def missing_error(name: str) -> Refusal:
    """Return the refusal of a request without a required parameter."""
    return Refusal(f"[400] missing_required_parameter: Missing required parameter: '{name}'.")


def value_error(name: str, value: Any, expected: str) -> Refusal:
    """Return the refusal of a parameter's value."""
    given = json.dumps(value, ensure_ascii=False)[:80]
    return Refusal(f"[400] invalid_value: Invalid '{name}': {given}. Expected {expected}.")


def combination_error(message: str) -> Refusal:
    """Return the refusal of parameters that do not go together."""
    return Refusal(f"[400] invalid_request_error: {message}")


def unsupported_model_error(name: str) -> Refusal:
    """Return the refusal of a model that the endpoint does not serve."""
    return Refusal(f"[400] unsupported_model: The model {name} does not support the Responses API.")


def error_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return an error as the body of a response."""
    if isinstance(refusal, NotFound):
        return {"error": {"message": refusal.message, "type": refusal.code}}
    return _errors.dashscope_body(refusal, request_id)


def failed_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return an error as a response with HTTP 200 and the status `failed`, as the docs show it for a rate limit."""
    return {
        "created_at": int(time.time()),
        "error": {"code": "server_error", "message": refusal.message},
        "id": f"resp_{request_id}",
        "model": "",
        "object": "response",
        "output": [],
        "parallel_tool_calls": False,
        "status": "failed",
        "tool_choice": "auto",
        "tools": [],
    }


def event(number: int, type_: str, body: Mapping[str, Any], *, status: int = 200, space: str = "") -> bytes:
    """Return an event of a stream.

    Args:
        number: The number of the event, from 1.
        type_: Its type.
        body: Its data.
        status: The HTTP status that it names.
        space: What stands between `event:` and the type.

    Returns:
        The frame.
    """
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f"id:{number}\nevent:{space}{type_}\n:HTTP_STATUS/{status}\ndata:{data}\n\n".encode()


def error_event(refusal: Refusal, request_id: str, number: int, framing: Framing) -> bytes:
    """Return an error as an event of a stream.

    Args:
        refusal: The error.
        request_id: The request's id.
        number: The number of the event, from 1.
        framing: How the error is written.

    Returns:
        The frame.
    """
    error = {"code": refusal.code, "message": refusal.message}
    if framing == "openai":
        return f"data:{json.dumps({'error': error}, ensure_ascii=False)}\n\n".encode()
    if framing == "typed":
        return event(number, "error", {"type": "error", **error, "sequence_number": number - 1})
    if framing in ("failed", "incomplete"):
        type_ = f"response.{framing}"
        response = failed_body(refusal, request_id)
        if framing == "incomplete":
            response |= {"status": framing, "error": None, "incomplete_details": {"reason": "max_output_tokens"}}
        return event(number, type_, {"sequence_number": number - 1, "type": type_, "response": response})
    space = " " if framing == "event-space" else ""
    body = _errors.dashscope_body(refusal, request_id)
    return event(number, "error", body, status=refusal.status, space=space)
