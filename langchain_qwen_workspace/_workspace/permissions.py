"""Reads the lists of permitted models and of limits from the service's management API, page by page.

Shapes: Model Studio docs, model permissions and model limits pages, 2026-09-28. They say that "an API key" is needed;
whether the key of a sub-workspace may read the lists is not documented, so expect a refusal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._seam import Destination, Json, Request, Transport
from langchain_qwen_workspace.errors import InvalidResponseError

_PAGE_SIZE = 200
_MAX_PAGES = 100
# The same list has two paths (Model Studio docs, model limits, 2026-09-28: China; international).
_LIMITS_PATHS = {"cn-beijing": "/models/limits"}
_LIMITS_PATH = "/quotas"


@dataclass(frozen=True, slots=True)
class ModelPermission:
    """What the service permits a workspace to do with a model.

    Attributes:
        model: The model's name in calls.
        name: The name in the console.
        inference: Whether it may be called.
        fine_tune: Whether it may be fine-tuned.
        deploy: Whether it may be deployed.
    """

    model: str
    name: str
    inference: bool
    fine_tune: bool
    deploy: bool


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit on how fast a model may be called; `None` where the service states no limit.

    Attributes:
        requests: Requests in `requests_period` seconds.
        requests_period: The period in seconds.
        usage: The amount of `usage_field` in `usage_period` seconds.
        usage_period: The period in seconds.
        usage_field: The quantity that is limited, such as `total_tokens`.
    """

    requests: int | None = None
    requests_period: int | None = None
    usage: int | None = None
    usage_period: int | None = None
    usage_field: str | None = None


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """How fast a workspace may call a model.

    Attributes:
        model: The model's name.
        workspace_id: The id of the workspace whose key was used.
        account: The account's limit, which all its workspaces share.
        workspace: The workspace's own limit, if it has one.
    """

    model: str
    workspace_id: str | None
    account: RateLimit | None
    workspace: RateLimit | None


@dataclass(frozen=True, slots=True)
class _Listing:
    """One list of the service.

    Attributes:
        path: Its path.
        rows: The field of a response that holds the rows.
        query: The parameters of the request.
    """

    path: str
    rows: str
    query: Mapping[str, Any]

    def pages(self, destination: Destination) -> Iterator[Request]:
        """Yield the request for each page; the first one has number 1."""
        for number in range(1, _MAX_PAGES + 1):  # pragma: no branch - the caller stops after the last page
            query = {**self.query, "page_no": number, "page_size": _PAGE_SIZE}
            yield Request(path=self.path, body={}, model="", destination=destination, method="GET", query=query)


_PERMISSIONS = _Listing(
    "/models/permissions", "permissions", {"authorization_scope": "AUTHORIZED", "action": "INFERENCE"}
)


def _limits_listing(region: str, model: str | None) -> _Listing:
    return _Listing(_LIMITS_PATHS.get(region, _LIMITS_PATH), "quotas", {} if model is None else {"model": model})


def list_permitted_models(transport: Transport, destination: Destination) -> list[ModelPermission]:
    """Return the models that the service lets a workspace call, in the service's order."""
    return [_to_permission(row) for row in _rows(transport, destination, _PERMISSIONS)]


async def alist_permitted_models(transport: Transport, destination: Destination) -> list[ModelPermission]:
    """Return the models that the service lets a workspace call, like `list_permitted_models`."""
    return [_to_permission(row) for row in await _arows(transport, destination, _PERMISSIONS)]


def list_limits(transport: Transport, destination: Destination, model: str | None) -> list[ModelLimits]:
    """Return how fast a workspace may call each model, or one model."""
    listing = _limits_listing(destination.region, model)
    return [_to_limits(row) for row in _rows(transport, destination, listing)]


async def alist_limits(transport: Transport, destination: Destination, model: str | None) -> list[ModelLimits]:
    """Return how fast a workspace may call each model, or one model, like `list_limits`."""
    listing = _limits_listing(destination.region, model)
    return [_to_limits(row) for row in await _arows(transport, destination, listing)]


def _rows(transport: Transport, destination: Destination, listing: _Listing) -> list[Json]:
    pages = _Pages(listing)
    for request in listing.pages(destination):  # pragma: no branch - the last page ends it, or `add` raises
        if pages.add(transport.send(request), request):
            break
    return pages.rows


async def _arows(transport: Transport, destination: Destination, listing: _Listing) -> list[Json]:
    pages = _Pages(listing)
    for request in listing.pages(destination):  # pragma: no branch - same
        if pages.add(await transport.asend(request), request):
            break
    return pages.rows


class _Pages:
    """Collects the pages of a list."""

    def __init__(self, listing: _Listing) -> None:
        self.rows: list[Json] = []
        self._listing = listing
        self._last: Sequence[Json] = ()
        self._count = 0

    def add(self, body: Json, request: Request) -> bool:
        """Add a page, and return whether it is the last one.

        Raises:
            InvalidResponseError: It is malformed, repeats the page before it, or there are too many pages.
        """
        found, total = _read_page(body, self._listing, request)
        self._count += 1
        self.rows += found
        if not found or len(self.rows) == total:
            return True
        # The documented response of the limits has no total (Model Studio docs, model limits, 2026-09-28).
        if (total is None or total < len(self.rows)) and len(found) != _PAGE_SIZE:
            return True
        if found == self._last:
            raise _invalid_list(
                self._listing, f"page {self._count} has the same rows as the page before it", body, request
            )
        if self._count == _MAX_PAGES:
            raise _invalid_list(self._listing, f"it has more than {_MAX_PAGES} pages", body, request)
        self._last = found
        return False


def _read_page(body: Json, listing: _Listing, request: Request) -> tuple[Sequence[Json], int | None]:
    """Return a page's rows, and the number of rows on all pages if the page states it."""
    output = body.get("output")
    rows = output.get(listing.rows) if isinstance(output, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_name(row.get("model")) for row in rows):
        raise _invalid_list(listing, "expected a list of objects, each with a `model`", body, request)
    total = output.get("total") if isinstance(output, dict) else None
    return rows, total if isinstance(total, int) else None


def _invalid_list(listing: _Listing, why: str, body: Json, request: Request) -> InvalidResponseError:
    message = f"The service's list of {listing.rows} cannot be read: {why}."
    return InvalidResponseError(message, request_id=body.get("request_id"), **request.error_context)


def _is_name(given: object) -> bool:
    return isinstance(given, str) and bool(given)


def _to_permission(row: Json) -> ModelPermission:
    granted = _object(row.get("permissions"))
    return ModelPermission(
        model=row["model"],
        name=str(row.get("name") or row["model"]),
        inference=bool(granted.get("inference")),
        fine_tune=bool(granted.get("fine_tune")),
        deploy=bool(granted.get("deploy")),
    )


def _to_limits(row: Json) -> ModelLimits:
    return ModelLimits(
        model=row["model"],
        workspace_id=row.get("workspace_id"),
        account=_to_rate_limit(_object(row.get("model_limit"))),
        workspace=_to_rate_limit(_object(row.get("workspace_limit"))),
    )


def _object(given: object) -> Json:
    return given if isinstance(given, dict) else {}


def _to_rate_limit(limit: Json) -> RateLimit | None:
    if not limit:
        return None
    return RateLimit(
        requests=limit.get("request_limit"),
        requests_period=limit.get("request_limit_period"),
        usage=limit.get("usage_limit"),
        usage_period=limit.get("usage_limit_period"),
        usage_field=limit.get("usage_limit_field"),
    )
