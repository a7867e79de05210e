"""What the server saw, and how a client asks for it."""

import json
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

PATH = "/counts"
"""`GET` reads the counts, `DELETE` reads them and begins anew."""


@dataclass(slots=True)
class Counts:
    """What came to the server since the counts were last reset.

    Attributes:
        requests: Requests for embeddings.
        texts: Texts in them.
        most_in_flight: Most requests at a time that had come and whose answer was not begun. The bytes of an answer
            that are still under way are not counted, so that a client which keeps to a limit never seems to pass it.
        seconds: From the arrival of each request to the begin of its answer, added up.
    """

    requests: int = 0
    texts: int = 0
    most_in_flight: int = 0
    seconds: float = 0.0

    def to_json(self) -> bytes:
        """Return them as the server answers them."""
        return json.dumps(asdict(self)).encode()


def take_counts(origin: str) -> Counts:
    """Return the counts of the server at `origin`, and let it begin anew."""
    connection = HTTPConnection(urlsplit(origin).netloc, timeout=30)
    try:
        connection.request("DELETE", PATH)
        fields: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return Counts(**fields)
