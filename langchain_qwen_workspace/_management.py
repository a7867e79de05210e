"""What a workspace may call, and how fast: asked of the service's native management interface, page by page.

Shapes: Model Studio docs, model permissions and model limits pages, 2026-09-28. They say "an API key" is needed;
whether that of a sub-workspace may read them is not documented, so a refusal is to be expected too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._protocols import transport_for
from langchain_qwen_workspace._types import Json, Origin, ProtocolName, Request, Transport
from langchain_qwen_workspace.errors import InvalidResponseError
from langchain_qwen_workspace.workspace import ModelLimits, ModelPermission, QwenWorkspace, RateLimit

_PROTOCOL: ProtocolName = "dashscope"
_PAGE_SIZE = 200
_MAX_PAGES = 100
_TIMEOUT = 60.0
_MAX_RETRIES = 2
# The same list has two names (Model Studio docs, model limits, 2026-09-28: China; international).
_LIMITS_PATHS = {"cn-beijing": "/models/limits"}
_LIMITS_PATH = "/quotas"


@dataclass(frozen=True, slots=True)
class _Listing:
    """One list of the service.

    Attributes:
        path: Where it is.
        rows: Under which name an answer has its rows.
        query: What is asked for.
    """

    path: str
    rows: str
    query: Mapping[str, Any]

    def page(self, number: int, origin: Origin) -> Request:
        """Return the request for a page, the first of which is 1."""
        query = {**self.query, "page_no": number, "page_size": _PAGE_SIZE}
        return Request(path=self.path, body={}, model="", origin=origin, method="GET", query=query)


def _permissions() -> _Listing:
    return _Listing("/models/permissions", "permissions", {"authorization_scope": "AUTHORIZED", "action": "INFERENCE"})


def _limits(workspace: QwenWorkspace, model: str | None) -> _Listing:
    path = _LIMITS_PATHS.get(workspace.region, _LIMITS_PATH)
    return _Listing(path, "quotas", {} if model is None else {"model": model})


def permitted_models(
    workspace: QwenWorkspace, *, timeout: float = _TIMEOUT, max_retries: int = _MAX_RETRIES
) -> list[ModelPermission]:
    """Return the models that the service lets a workspace call."""
    transport = transport_for(_PROTOCOL, workspace, timeout=timeout, max_retries=max_retries)
    return [_permission(row) for row in _rows(transport, workspace, _permissions())]


async def apermitted_models(workspace: QwenWorkspace) -> list[ModelPermission]:
    """Return the models that the service lets a workspace call."""
    return [_permission(row) for row in await _arows(workspace, _permissions())]


def limits(
    workspace: QwenWorkspace, model: str | None, *, timeout: float = _TIMEOUT, max_retries: int = _MAX_RETRIES
) -> list[ModelLimits]:
    """Return how fast a workspace may call each model, or one."""
    transport = transport_for(_PROTOCOL, workspace, timeout=timeout, max_retries=max_retries)
    return [_limits_in(row) for row in _rows(transport, workspace, _limits(workspace, model))]


async def alimits(workspace: QwenWorkspace, model: str | None) -> list[ModelLimits]:
    """Return how fast a workspace may call each model, or one."""
    return [_limits_in(row) for row in await _arows(workspace, _limits(workspace, model))]


def _rows(transport: Transport, workspace: QwenWorkspace, listing: _Listing) -> list[Json]:
    rows = list[Json]()
    for request in _pages(workspace, listing):
        found, total = _read(transport.send(request), listing, request)
        rows += found
        if not found or len(rows) >= total:
            break
    return rows


async def _arows(workspace: QwenWorkspace, listing: _Listing) -> list[Json]:
    transport = transport_for(_PROTOCOL, workspace, timeout=_TIMEOUT, max_retries=_MAX_RETRIES)
    rows = list[Json]()
    for request in _pages(workspace, listing):
        found, total = _read(await transport.asend(request), listing, request)
        rows += found
        if not found or len(rows) >= total:
            break
    return rows


def _pages(workspace: QwenWorkspace, listing: _Listing) -> Iterator[Request]:
    origin = Origin(_PROTOCOL, workspace.region, workspace.workspace_id)
    return (listing.page(number, origin) for number in range(1, _MAX_PAGES + 1))


def _read(body: Json, listing: _Listing, request: Request) -> tuple[Sequence[Json], int]:
    output = body.get("output")
    rows = output.get(listing.rows) if isinstance(output, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidResponseError(
            f"The answer has no list of {listing.rows}.", request_id=body.get("request_id"), **request.place
        )
    total = output.get("total") if isinstance(output, dict) else None
    return rows, total if isinstance(total, int) else len(rows)


def _permission(row: Json) -> ModelPermission:
    granted = row.get("permissions") or {}
    return ModelPermission(
        model=str(row.get("model")),
        name=str(row.get("name") or row.get("model")),
        inference=bool(granted.get("inference")),
        fine_tune=bool(granted.get("fine_tune")),
        deploy=bool(granted.get("deploy")),
    )


def _limits_in(row: Json) -> ModelLimits:
    return ModelLimits(
        model=str(row.get("model")),
        workspace_id=row.get("workspace_id"),
        account=_rate(row.get("model_limit")),
        workspace=_rate(row.get("workspace_limit")),
    )


def _rate(limit: Json | None) -> RateLimit | None:
    if not limit:
        return None
    return RateLimit(
        requests=limit.get("request_limit"),
        requests_period=limit.get("request_limit_period"),
        usage=limit.get("usage_limit"),
        usage_period=limit.get("usage_limit_period"),
        usage_field=limit.get("usage_limit_field"),
    )
