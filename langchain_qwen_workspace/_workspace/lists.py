"""Reads a list of the service's management API, page by page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._seam import Destination, Json, Request, Transport
from langchain_qwen_workspace.errors import InvalidResponseError

_MAX_PAGES = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the service.

    Attributes:
        path: Its path.
        rows: The field of a response that holds the rows.
        query: The parameters of the request.
        page_size: The number of rows to ask for on a page.
    """

    path: str
    rows: str
    query: Mapping[str, Any]
    page_size: int = 200

    def pages(self, destination: Destination) -> Iterator[Request]:
        """Yield the request for each page; the first one has number 1."""
        for number in range(1, _MAX_PAGES + 1):  # pragma: no branch - the caller stops after the last page
            query = {**self.query, "page_no": number, "page_size": self.page_size}
            yield Request(path=self.path, body={}, model="", destination=destination, method="GET", query=query)


def read_rows(transport: Transport, destination: Destination, listing: Listing) -> list[Json]:
    """Return the rows of a list, in the service's order.

    Raises:
        InvalidResponseError: A page is malformed, repeats the page before it, or there are too many pages.
        QwenWorkspaceError: The service refused, or was not reached.
    """
    pages = _Pages(listing)
    for request in listing.pages(destination):  # pragma: no branch - the last page ends it, or `add` raises
        if pages.add(transport.send(request), request):
            break
    return pages.rows


async def aread_rows(transport: Transport, destination: Destination, listing: Listing) -> list[Json]:
    """Return the rows of a list, like `read_rows`."""
    pages = _Pages(listing)
    for request in listing.pages(destination):  # pragma: no branch - same
        if pages.add(await transport.asend(request), request):
            break
    return pages.rows


class _Pages:
    """Collects the pages of a list."""

    def __init__(self, listing: Listing) -> None:
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
        if (total is None or total < len(self.rows)) and len(found) != self._listing.page_size:
            return True
        if found == self._last:
            raise _invalid_list(
                self._listing, f"page {self._count} has the same rows as the page before it", body, request
            )
        if self._count == _MAX_PAGES:
            raise _invalid_list(self._listing, f"it has more than {_MAX_PAGES} pages", body, request)
        self._last = found
        return False


def _read_page(body: Json, listing: Listing, request: Request) -> tuple[Sequence[Json], int | None]:
    """Return a page's rows, and the number of rows on all pages if the page states it."""
    output = body.get("output")
    rows = output.get(listing.rows) if isinstance(output, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_name(row.get("model")) for row in rows):
        raise _invalid_list(listing, "expected a list of objects, each with a `model`", body, request)
    total = output.get("total") if isinstance(output, dict) else None
    return rows, total if isinstance(total, int) else None


def _invalid_list(listing: Listing, why: str, body: Json, request: Request) -> InvalidResponseError:
    message = f"The service's list of {listing.rows} cannot be read: {why}."
    return InvalidResponseError(message, request_id=body.get("request_id"), **request.error_context)


def _is_name(given: object) -> bool:
    return isinstance(given, str) and bool(given)
