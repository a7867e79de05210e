"""A server on loopback that answers a request with any bytes, made of the request's head; also an HTTP proxy."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def raw_server(respond: Callable[[bytes], bytes]) -> Iterator[str]:
    """Serve on loopback, one response for each connection, and return the URL.

    Args:
        respond: Returns the response to a request, given the head of the request.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, respond), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, respond: Callable[[bytes], bytes]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            connection.sendall(respond(_read_head(connection)))
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(1)
            # Read to the end: closing with unread bytes resets the connection, and the response may be lost.
            while connection.recv(65536):
                pass


def _read_head(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (data := connection.recv(65536)):
            break
        received += data
    return received.partition(b"\r\n\r\n")[0]
