"""The sandbox's life: a server in a thread, its workspaces, what arrived, what shall go wrong."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import uvicorn

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._batch_api.batches import Batches
from langchain_qwen_workspace.sandbox._batch_api.files import Files
from langchain_qwen_workspace.sandbox._calls import SandboxRequest, SandboxWorkspace
from langchain_qwen_workspace.sandbox._http import app
from langchain_qwen_workspace.sandbox._http.faults import Fault, Faults, Framing
from langchain_qwen_workspace.sandbox._http.routes import Routes

if TYPE_CHECKING:
    from langchain_qwen_workspace.workspace import QwenWorkspace

_PATIENCE = 10.0


class Sandbox:
    """An offline Model Studio on loopback, for tests and examples.

    It speaks both wires, refuses what the service refuses, and answers by rules: it is no language model.

    Setup:
        Install the extra: `pip install "langchain-qwen-workspace[sandbox]"`.

    Use:
        ```python
        from langchain_qwen_workspace.sandbox import Sandbox

        with Sandbox() as sandbox:
            workspace = sandbox.workspace("team-a", models=["qwen-plus"])
            sandbox.fail_next(status=429, code="Throttling.RateQuota")
            ...
            print(sandbox.requests[-1].body)
        ```

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._wanted_port = port
        self._port = port
        self._lock = threading.Lock()
        self._workspaces: dict[str, SandboxWorkspace] = {}
        self._requests: list[SandboxRequest] = []
        self._faults = Faults()
        self._files = Files()
        self._batches = Batches(self._files)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Sandbox({self.base_url if self._server else 'not started'})"

    # --- life ---

    def start(self) -> Self:
        """Start to listen; a started sandbox stays as it is.

        Returns:
            The sandbox.

        Raises:
            OSError: If the port is taken.
            RuntimeError: If the server does not come up.
        """
        if self._server is not None:
            return self
        listener = _listener(self._host, self._wanted_port)
        self._port = listener.getsockname()[1]
        routes = Routes(self._files, self._batches)
        application = app.build(self._find_workspace, self._log, self._faults, routes)
        config = uvicorn.Config(
            application,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            # Longer than clients keep a connection that is not used; both do for 5 seconds by default, and one that
            # sends in the moment in which it is closed reads "Server disconnected".
            timeout_keep_alive=60,
            timeout_graceful_shutdown=0,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name=f"sandbox:{self._port}", daemon=True
        )
        thread.start()
        self._server, self._thread = server, thread
        deadline = time.monotonic() + _PATIENCE
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                self.close()
                listener.close()
                raise RuntimeError(f"The sandbox did not start on {self._host}:{self._port} in {_PATIENCE:.0f} s.")
            time.sleep(0.001)
        return self

    def close(self) -> None:
        """Stop to listen and drop what is still running; a closed sandbox can be started again."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.should_exit = True
            thread.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """The origin, without a path: `http://127.0.0.1:PORT`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    # --- workspaces ---

    def workspace(
        self, name: str, *, models: Iterable[str] | None = None, region: str = "ap-southeast-1"
    ) -> QwenWorkspace:
        """Open a workspace and give it as the package's own value, ready to use.

        Args:
            name: Its name; the same name always gives the same workspace.
            models: The models it may call; None permits all, as the default workspace does.
            region: The region it says it is in.

        Returns:
            The workspace, with key, id, region and this sandbox's address.

        Raises:
            ValueError: If a model is unknown to the sandbox, or the name is open with other settings.
        """
        # The island's only door: nothing else here imports the package, and this only when called.
        from langchain_qwen_workspace.workspace import QwenWorkspace  # noqa: PLC0415 - see above

        opened = self.add_workspace(name, models=models, region=region)
        return QwenWorkspace(
            api_key=opened.api_key,
            workspace_id=opened.workspace_id,
            region=opened.region,
            base_url=self.base_url,
        )

    def add_workspace(
        self, name: str, *, models: Iterable[str] | None = None, region: str = "ap-southeast-1"
    ) -> SandboxWorkspace:
        """Open a workspace and give its plain data, for clients other than this package's.

        Args:
            name: Its name; the same name always gives the same workspace.
            models: The models it may call; None permits all, as the default workspace does.
            region: The region it says it is in.

        Returns:
            The workspace's data.

        Raises:
            ValueError: If a model is unknown to the sandbox, or the name is open with other settings.
        """
        if isinstance(models, str):
            raise TypeError(f"`models` is a list of names, not {models!r}.")
        permitted = None if models is None else frozenset(models)
        _models.check_known(permitted or ())
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "workspace"
        with self._lock:
            for known in self._workspaces.values():
                if known.name == name:
                    if (known.models, known.region) != (permitted, region):
                        raise ValueError(f"The workspace {name!r} is open with other models or another region.")
                    return known
            taken = {known.workspace_id for known in self._workspaces.values()}
            workspace_id = f"llm-{slug}"
            while workspace_id in taken:
                workspace_id += "-2"
            opened = SandboxWorkspace(name, workspace_id, app.new_key(), region, permitted)
            self._workspaces[opened.api_key] = opened
            return opened

    def rotate_key(self, name: str) -> str:
        """Give a workspace another key; from now on the one it had is refused (HTTP 401).

        Args:
            name: The workspace's name.

        Returns:
            The key that it has now.

        Raises:
            ValueError: If no workspace has that name.
        """
        with self._lock:
            known = next((known for known in self._workspaces.values() if known.name == name), None)
            if known is None:
                raise ValueError(f"There is no workspace {name!r} to rotate the key of: open it first.")
            del self._workspaces[known.api_key]
            rotated = replace(known, api_key=app.new_key())
            self._workspaces[rotated.api_key] = rotated
        return rotated.api_key

    def _find_workspace(self, key: str) -> SandboxWorkspace | None:
        with self._lock:
            return self._workspaces.get(key)

    # --- what arrived, what fails ---

    @property
    def requests(self) -> list[SandboxRequest]:
        """Every request that arrived, oldest first, refused ones included."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forget the requests so far and the faults still to come; workspaces, files and batches stay."""
        with self._lock:
            self._requests.clear()
        self._faults.clear()

    def _log(self, request: SandboxRequest) -> None:
        with self._lock:
            self._requests.append(request)

    def fail_next(
        self,
        *,
        status: int | None = None,
        code: str | None = None,
        message: str | None = None,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        after_events: int | None = None,
        framing: Framing = "event",
        delay: float | None = None,
        close: bool = False,
        path: str | None = None,
    ) -> None:
        """Let the next requests go wrong; a status or code alone gives the wire's own error body.

        Args:
            status: The HTTP status; inside a stream, the one the error event names.
            code: The error code in either wire's spelling; by default the status's usual one.
            message: The error text; by default the code's usual one.
            times: How many requests.
            headers: Extra headers of the answer, such as `retry-after`.
            body: Raw content to send instead, such as a proxy's HTML page.
            after_events: Break a 200 stream after so many events; without a stream, the plain error.
            framing: An in-stream error's form: `event` as the wire has it, `event-space` for `event: error`
                (native), `native` for the native body on the compatible wire.
            delay: Seconds to wait before the answer or, with `after_events`, the next event; alone, only that.
            close: Drop the connection, without an answer or after the events.
            path: Only requests whose path contains this.

        Raises:
            ValueError: If nothing is asked for.
        """
        fault = Fault(
            status=status,
            code=code,
            message=message,
            headers=dict(headers or {}),
            body=body.encode() if isinstance(body, str) else body,
            after_events=after_events,
            framing=framing,
            delay=delay,
            close=close,
            path=path,
        )
        if not fault.fails and delay is None:
            raise ValueError("Say what shall go wrong: `status`, `code`, `body`, `close` or `delay`.")
        self._faults.add(fault, times)

    def expire_batches(self) -> list[str]:
        """Let every batch that is still running run out of time.

        No clock drives the batches of the sandbox: each `GET /batches/{id}` moves one a state on, and this alone
        makes one expire. What was answered before stays; the other lines go to the error file.

        Returns:
            The ids of the batches that expired, oldest first.
        """
        return self._batches.expire()


def _listener(host: str, port: int) -> socket.socket:
    """A socket that listens, made so that asyncio switches Nagle's algorithm off.

    asyncio does that only for sockets whose protocol is TCP by number (`asyncio.base_events._set_nodelay`), and
    `socket.create_server` leaves it 0: every answer would then wait 40 ms for the client's delayed ACK.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener
