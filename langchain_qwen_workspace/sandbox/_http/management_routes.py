"""The management routes: which models there are, which ones a workspace may call, and at what rate.

Shapes: Model Studio docs, model permissions and model limits pages, 2026-09-28.
`GET /compatible-mode/v1/models` is recorded (2026-04), and not documented.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._errors import Refusal, parameter_error

_MAX_PAGE_SIZE = 200
_MAX_DIGITS = 9
_FILTERS = frozenset({"authorization_scope", "action", "name", "model", "page_no", "page_size"})


def list_models(call: Call) -> Reply:
    """Answer `GET /compatible-mode/v1/models` with the models that the workspace may call."""
    data = [_openai_model(name) for name in sorted(_permitted_models(call))]
    ends = {"first_id": "model-id-0", "last_id": f"model-id-{len(data) - 1}", "has_more": False}
    return Reply({"object": "list", "data": data, **ends})


def show_model(call: Call) -> Reply:
    """Answer `GET /compatible-mode/v1/models/{id}` with a model that the workspace may call."""
    name = call.object_id
    if name not in _permitted_models(call):
        missing = f"The model {name} does not exist or you do not have access to it."
        raise Refusal(code="ModelNotFound", openai_message=missing)
    return Reply(_openai_model(name))


def list_permissions(call: Call) -> Reply:
    """Answer `GET /api/v1/models/permissions` with what the workspace may do with each model, page by page."""
    names = requested_names(call)
    permitted = _permitted_models(call)
    if call.query.get("authorization_scope", "AUTHORIZABLE") == "AUTHORIZED":
        names = [name for name in names if name in permitted]
    rows = [
        {
            "model": name,
            "name": name,
            "permissions": {"inference": name in permitted, "fine_tune": False, "deploy": False},
        }
        for name in names
    ]
    return page(call, "permissions", rows)


def _openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_777_000_000, "owned_by": "system"}


def requested_names(call: Call) -> list[str]:
    """Return the sandbox's models, or the one that the query names.

    Raises:
        Refusal: If the query has a filter that is not known.
    """
    if unknown := call.query.keys() - _FILTERS:
        raise parameter_error(f"Unknown query parameters: {sorted(unknown)}.")  # our text
    return sorted(name for name in _models.CATALOGUE if call.query.get("model") in (None, name))


def _permitted_models(call: Call) -> frozenset[str]:
    return frozenset(_models.CATALOGUE) if call.workspace.models is None else call.workspace.models


def page(call: Call, key: str, rows: Sequence[dict[str, Any]]) -> Reply:
    """Return one page of a list, as the query asks for it.

    Args:
        call: The request.
        key: The field of the rows.
        rows: All rows.

    Raises:
        Refusal: If the query names no page.
    """
    number, size = _read_integer(call, "page_no", 1), _read_integer(call, "page_size", 20)
    if size > _MAX_PAGE_SIZE:
        raise parameter_error(f"page_size should be between 1 and {_MAX_PAGE_SIZE}.")  # our text
    page = rows[(number - 1) * size : number * size]
    output = {"total": len(rows), "page_no": number, "page_size": size, key: page}
    return Reply({"code": None, "message": None, "success": True, "output": output, "request_id": call.request_id})


def _read_integer(call: Call, name: str, default: int) -> int:
    value = call.query.get(name, str(default))
    if not value.isdecimal() or len(value) > _MAX_DIGITS or int(value) < 1:
        raise parameter_error(f"{name} should be a positive integer.")  # our text
    return int(value)
