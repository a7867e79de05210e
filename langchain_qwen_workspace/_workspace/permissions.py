"""What a workspace may call, and how fast: asked of the service's native management interface, page by page.

Shapes: Model Studio docs, model permissions and model limits pages, 2026-09-28. They say "an API key" is needed;
whether that of a sub-workspace may read them is not documented, so a refusal is to be expected too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._protocols import transport_for
from langchain_qwen_workspace._seam import Destination, Json, ProtocolName, Request, Transport
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

    def page(self, number: int, destination: Destination) -> Request:
        """Return the request for a page, the first of which is 1."""
        query = {**self.query, "page_no": number, "page_size": _PAGE_SIZE}
        return Request(path=self.path, body={}, model="", destination=destination, method="GET", query=query)


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
    pages = _Pages(listing)
    for request in _requests(workspace, listing):  # pragma: no branch - the last page ends it, or `add` raises
        if pages.add(transport.send(request), request):
            break
    return pages.rows


async def _arows(workspace: QwenWorkspace, listing: _Listing) -> list[Json]:
    transport = transport_for(_PROTOCOL, workspace, timeout=_TIMEOUT, max_retries=_MAX_RETRIES)
    pages = _Pages(listing)
    for request in _requests(workspace, listing):  # pragma: no branch - same
        if pages.add(await transport.asend(request), request):
            break
    return pages.rows


class _Pages:
    """The pages of a list as they come."""

    def __init__(self, listing: _Listing) -> None:
        self.rows: list[Json] = []
        self._listing = listing
        self._last: Sequence[Json] = ()
        self._count = 0

    def add(self, body: Json, request: Request) -> bool:
        """Take a page in, and say whether it was the last one.

        Raises:
            InvalidResponseError: It is no page, or the one before again, or there is no end of pages.
        """
        found, total = _read(body, self._listing, request)
        self._count += 1
        self.rows += found
        if not found or len(self.rows) == total:
            return True
        # The documented answer of the limits has no total (Model Studio docs, model limits, 2026-09-28).
        if (total is None or total < len(self.rows)) and len(found) != _PAGE_SIZE:
            return True
        if found == self._last:
            raise _unreadable(self._listing, f"page {self._count} is the one before it again", body, request)
        if self._count == _MAX_PAGES:
            raise _unreadable(self._listing, f"it has more than {_MAX_PAGES} pages", body, request)
        self._last = found
        return False


def _requests(workspace: QwenWorkspace, listing: _Listing) -> Iterator[Request]:
    destination = Destination(_PROTOCOL, workspace.region, workspace.workspace_id)
    return (listing.page(number, destination) for number in range(1, _MAX_PAGES + 1))


def _read(body: Json, listing: _Listing, request: Request) -> tuple[Sequence[Json], int | None]:
    """Return a page's rows, and how many there are on all pages if it says so."""
    output = body.get("output")
    rows = output.get(listing.rows) if isinstance(output, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_name(row.get("model")) for row in rows):
        raise _unreadable(listing, "expected a list of objects, each with a `model`", body, request)
    total = output.get("total") if isinstance(output, dict) else None
    return rows, total if isinstance(total, int) else None


def _unreadable(listing: _Listing, why: str, body: Json, request: Request) -> InvalidResponseError:
    message = f"The service's list of {listing.rows} cannot be read: {why}."
    return InvalidResponseError(message, request_id=body.get("request_id"), **request.error_context)


def _is_name(given: object) -> bool:
    return isinstance(given, str) and bool(given)


def _permission(row: Json) -> ModelPermission:
    granted = _object(row.get("permissions"))
    return ModelPermission(
        model=row["model"],
        name=str(row.get("name") or row["model"]),
        inference=bool(granted.get("inference")),
        fine_tune=bool(granted.get("fine_tune")),
        deploy=bool(granted.get("deploy")),
    )


def _limits_in(row: Json) -> ModelLimits:
    return ModelLimits(
        model=row["model"],
        workspace_id=row.get("workspace_id"),
        account=_rate(_object(row.get("model_limit"))),
        workspace=_rate(_object(row.get("workspace_limit"))),
    )


def _object(given: object) -> Json:
    return given if isinstance(given, dict) else {}


def _rate(limit: Json) -> RateLimit | None:
    if not limit:
        return None
    return RateLimit(
        requests=limit.get("request_limit"),
        requests_period=limit.get("request_limit_period"),
        usage=limit.get("usage_limit"),
        usage_period=limit.get("usage_limit_period"),
        usage_field=limit.get("usage_limit_field"),
    )
