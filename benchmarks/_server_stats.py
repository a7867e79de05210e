"""Statistics that the embedding server keeps of its requests, and the client's request for them."""

import json
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

PATH = "/stats"
"""`GET` returns the statistics, `DELETE` returns and resets them."""


@dataclass(slots=True)
class ServerStats:
    """What the server has seen since the statistics were last reset.

    Attributes:
        requests: Requests for embeddings.
        texts: Texts in them.
        most_in_flight: The most requests at a time whose response had not begun. A response that is being sent is not
            counted, so that a client that keeps to a limit never seems to exceed it.
        seconds: The sum over all requests of the time from their arrival to the start of their response.
    """

    requests: int = 0
    texts: int = 0
    most_in_flight: int = 0
    seconds: float = 0.0

    def to_json(self) -> bytes:
        """Return the statistics as the body of a response."""
        return json.dumps(asdict(self)).encode()


def take_stats(origin: str) -> ServerStats:
    """Return the statistics of the server at `origin`, and reset them."""
    connection = HTTPConnection(urlsplit(origin).netloc, timeout=30)
    try:
        connection.request("DELETE", PATH)
        fields: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return ServerStats(**fields)
