"""What a workspace may call and how fast: the native management routes.

Shapes: Model Studio docs, model permissions and model limits pages, 2026-09-28.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._errors import refuse

_MAX_PAGE = 200
_FILTERS = frozenset({"authorization_scope", "action", "name", "model", "page_no", "page_size"})


def permissions(call: Call) -> Reply:
    """Answer `GET /api/v1/models/permissions`: the models that the key's workspace may call, page by page."""
    names = [name for name in _names(call) if call.query.get("model") in (None, name)]
    permitted = _permitted(call)
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
    return _page(call, "permissions", rows)


def limits(call: Call) -> Reply:
    """Answer `GET /api/v1/models/limits`, and `/api/v1/quotas`, as it is called outside China."""
    rows = [
        {
            "model": name,
            "workspace_id": call.workspace.workspace_id,
            "model_limit": {
                "request_limit": 500,
                "request_limit_period": 1,
                "usage_limit": 500_000,
                "usage_limit_field": "total_tokens",
                "usage_limit_period": 6,
                "async_user_queue_limit": None,
                "async_user_concurrency_limit": None,
            },
            "workspace_limit": None,
        }
        for name in _names(call)
        if call.query.get("model") in (None, name)
    ]
    return _page(call, "quotas", rows)


def _names(call: Call) -> list[str]:
    if unknown := call.query.keys() - _FILTERS:
        raise refuse(f"Unknown query parameters: {sorted(unknown)}.")  # own words
    return sorted(_models.CATALOGUE)


def _permitted(call: Call) -> frozenset[str]:
    return frozenset(_models.CATALOGUE) if call.workspace.models is None else call.workspace.models


def _page(call: Call, kind: str, rows: Sequence[dict[str, Any]]) -> Reply:
    number, size = _number(call, "page_no", 1), _number(call, "page_size", 20)
    if size > _MAX_PAGE:
        raise refuse(f"page_size should be between 1 and {_MAX_PAGE}.")  # own words
    shown = rows[(number - 1) * size : number * size]
    output = {"total": len(rows), "page_no": number, "page_size": size, kind: shown}
    return Reply({"code": None, "message": None, "success": True, "output": output, "request_id": call.request_id})


def _number(call: Call, name: str, default: int) -> int:
    given = call.query.get(name, str(default))
    if not given.isdecimal() or int(given) < 1:
        raise refuse(f"{name} should be a positive integer.")  # own words
    return int(given)
