"""The servers of the soak run: sandboxes, one that sends the key back in every way, and one whose bytes drip."""

import json
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from langchain_qwen_workspace import QwenWorkspace, WorkspaceRouter
from langchain_qwen_workspace.sandbox import Sandbox

SERVERS = 20
TENANTS = 1000

ServerKind: TypeAlias = Literal["sandbox", "echoing", "dripping"]

_DRIP_SECONDS = 0.05


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients close connections early."""


class _Handler(BaseHTTPRequestHandler):
    """Answers requests in one of several ways, in turn."""

    ways: ClassVar[tuple[Callable[[Any, str], None], ...]] = ()
    _numbers: ClassVar[Iterator[int]] = count()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        key = self.headers["authorization"].removeprefix("Bearer ")
        self.ways[next(self._numbers) % len(self.ways)](self, key)

    def reply(self, status: int, body: str, kind: str = "application/json", **headers: str) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def drip(self, start: bytes, drop: bytes) -> None:
        self.wfile.write(start)
        pause = threading.Event()
        while not pause.wait(_DRIP_SECONDS):
            self.wfile.write(drop)


def _error(key: str) -> str:
    message = f"Incorrect API key provided: {key}. The request had Authorization: Bearer {key}."
    return json.dumps({"error": {"message": message, "code": key}, "message": message, "code": key, "request_id": key})


class _Echoing(_Handler):
    ways = (
        lambda to, key: to.reply(401, _error(key)),
        lambda to, key: to.reply(200, _error(key)),
        lambda to, key: to.reply(400, _error(key), x_request_id=key, set_cookie=f"key={key}"),
        lambda to, key: to.reply(502, f"<html><p>Authorization: Bearer {key}</p></html>", "text/html"),
        lambda to, key: to.reply(200, f"data: {_error(key)}\n\n", "text/event-stream", x_request_id=key),
        lambda to, key: to.reply(200, f"data: Bearer {key}\n\n", "text/event-stream"),
        lambda to, key: to.reply(302, "", location=f"http://127.0.0.1:9/?key={key}"),
    )


_DRIPPING_HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_DRIPPING_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


class _Dripping(_Handler):
    ways = (
        lambda to, _: to.drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        lambda to, _: to.drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        lambda to, _: to.drip(_DRIPPING_HEADERS + b"Content-Length: 99999\r\n\r\n", b" "),
        lambda to, _: to.drip(_DRIPPING_HEADERS.replace(b"200 OK", b"500 No") + b"\r\n", b"x"),
        lambda to, _: to.drip(_DRIPPING_STREAM, b": x\n\n"),
        lambda to, _: to.drip(_DRIPPING_STREAM, b"data: {}\n\n"),
    )


@contextmanager
def _serve(handler: type[_Handler]) -> Iterator[str]:
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class KeyFile:
    """A key provider that reads the key from a file, as a mounted secret: forked processes see a new key too."""

    path: Path

    def __call__(self) -> str:
        """Return the key."""
        return self.path.read_text()

    def write(self, key: str) -> None:
        """Replace the key at once: nobody reads half of it."""
        fresh = self.path.with_suffix(f".{threading.get_ident()}")
        fresh.write_text(key)
        fresh.replace(self.path)


@dataclass(frozen=True)
class Tenant:
    """A tenant with a workspace and a key of its own on one of the servers."""

    name: str
    kind: ServerKind
    workspace: QwenWorkspace
    key_file: KeyFile
    sandbox: Sandbox | None


class Fleet:
    """The servers, the tenants that call them, and every key that there ever was."""

    def __init__(self, sandboxes: list[Sandbox], urls: dict[ServerKind, str], folder: Path) -> None:
        """Give each tenant a workspace: those of sandboxes a key of theirs, the others one of another shape."""
        self.sandboxes = sandboxes
        self.keys: set[str] = set()
        self.rotated = 0
        self._urls, self._folder, self._lock = urls, folder, threading.Lock()
        self.tenants = {tenant.name: tenant for tenant in map(self._tenant, range(TENANTS))}
        self.router = WorkspaceRouter(tenants={name: tenant.workspace for name, tenant in self.tenants.items()})

    def _tenant(self, number: int) -> Tenant:
        name, key_file = f"t{number:04}", KeyFile(self._folder / f"t{number:04}")
        server = number % SERVERS
        sandbox = self.sandboxes[server] if server < len(self.sandboxes) else None
        kind: ServerKind = "sandbox" if sandbox else list(self._urls)[server - len(self.sandboxes)]
        if sandbox is not None:
            url, key = sandbox.base_url, sandbox.add_workspace(name).api_key
        else:
            url, key = self._urls[kind], f"gw/{secrets.token_hex(16)}+="
        self.keys.add(key)
        key_file.write(key)
        workspace = QwenWorkspace(api_key=key_file, workspace_id=f"llm-{name}", base_url=url)
        return Tenant(name, kind, workspace, key_file, sandbox)

    def rotate(self, tenant: Tenant) -> None:
        """Give a tenant of a sandbox a new key; the old one is refused at once."""
        if tenant.sandbox is not None:
            with self._lock:
                key = tenant.sandbox.rotate_key(tenant.name)
                self.keys.add(key)
                tenant.key_file.write(key)
                self.rotated += 1


@contextmanager
def start_fleet() -> Iterator[Fleet]:
    """Start the servers and open the workspaces of all tenants."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls: dict[ServerKind, str] = {
            "echoing": stack.enter_context(_serve(_Echoing)),
            "dripping": stack.enter_context(_serve(_Dripping)),
        }
        sandboxes = [stack.enter_context(Sandbox()) for _ in range(SERVERS - len(urls))]
        yield Fleet(sandboxes, urls, folder)
