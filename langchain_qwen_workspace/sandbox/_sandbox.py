"""The sandbox: runs the server in a thread, and holds its workspaces, the log of requests and the injected faults."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, cast

import uvicorn

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._admin.account import SITES, Account, describe
from langchain_qwen_workspace.sandbox._admin.control_plane import ControlPlane
from langchain_qwen_workspace.sandbox._admin.signature import AccessKeys, SandboxAccessKey
from langchain_qwen_workspace.sandbox._batch_api.batches import Batches
from langchain_qwen_workspace.sandbox._batch_api.files import Files
from langchain_qwen_workspace.sandbox._calls import Framing, SandboxRequest, SandboxWorkspace
from langchain_qwen_workspace.sandbox._chat.responses import Responses
from langchain_qwen_workspace.sandbox._http import app
from langchain_qwen_workspace.sandbox._http.faults import Fault, Faults
from langchain_qwen_workspace.sandbox._http.hosts import AllowedHosts
from langchain_qwen_workspace.sandbox._http.routes import Router

if TYPE_CHECKING:
    from langchain_qwen_workspace.admin import WorkspaceAdmin
    from langchain_qwen_workspace.workspace import QwenWorkspace

_TIMEOUT = 10.0
_MAX_PORT = 65_535


class Sandbox:
    """An offline Model Studio on loopback, for tests and examples.

    It serves the protocols `openai`, `dashscope` and `responses`, refuses what the service refuses, and answers by
    rules, not with a language model.

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
        host: The address to listen on. Default: `127.0.0.1`.
        port: The port. Default: 0, a free one.
        allow_hosts: Names under which clients reach the sandbox, beside loopback and `host`, such as that of a
            container. Requests with another `Host`, and those of pages in a browser, are refused (HTTP 403) and not
            logged. Default: none.

    Raises:
        ValueError: If a host is not a name or an address, or the port does not exist.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, allow_hosts: Iterable[str] = ()) -> None:
        self._host = host
        self._hosts = AllowedHosts(host, allow_hosts)
        if not 0 <= port <= _MAX_PORT:
            raise ValueError(f"Port {port} does not exist. Expected 0 to {_MAX_PORT}; 0 means any free port.")
        self._requested_port = port
        self._port = port
        self._lock = threading.Lock()
        self._account = Account()
        self._access_keys = AccessKeys()
        # The models that each workspace was opened with, whatever an administrator changed since.
        self._opened_with: dict[str, frozenset[str] | None] = {}
        self._requests: list[SandboxRequest] = []
        self._faults = Faults()
        self._files = Files()
        self._batches = Batches(self._files)
        self._responses = Responses()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Sandbox({self.base_url if self._server else 'not started'})"

    # --- starting and stopping ---

    def start(self) -> Self:
        """Start listening; a sandbox that is running stays as it is.

        Returns:
            The sandbox.

        Raises:
            OSError: If it cannot listen on the port; the error says why.
            RuntimeError: If the server does not start within 10 seconds.
        """
        if self._server is not None:
            return self
        listener = _listener(self._host, self._requested_port)
        self._port = listener.getsockname()[1]
        router = Router(self._files, self._batches, self._responses, self._account)
        control_plane = ControlPlane(self._account, self._access_keys)
        config = uvicorn.Config(
            app.build(self._account, control_plane, self._log, faults=self._faults, router=router, hosts=self._hosts),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            # Longer than clients keep an idle connection. By default both keep it for 5 seconds, and a client that
            # sends just when the server closes the connection fails with "Server disconnected".
            timeout_keep_alive=60,
            timeout_graceful_shutdown=0,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name=f"sandbox:{self._port}", daemon=True
        )
        thread.start()
        self._server, self._thread = server, thread
        deadline = time.monotonic() + _TIMEOUT
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                self.close()
                listener.close()
                raise RuntimeError(f"The sandbox did not start on {self._host}:{self._port} in {_TIMEOUT:.0f} s.")
            time.sleep(0.001)
        return self

    def close(self) -> None:
        """Stop listening, and drop requests that are still in progress; a closed sandbox can be started again."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.should_exit = True
            thread.join(_TIMEOUT)

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
        """Open a workspace and return it as a `QwenWorkspace`, ready to use.

        Args:
            name: Its name; the same name always returns the same workspace.
            models: The models it may call. Default: None, which permits all, as in the default workspace.
            region: The region's id. Default: Singapore's.

        Returns:
            The workspace, with its key, id and region, and this sandbox's address.

        Raises:
            ValueError: If the sandbox does not know a model, or a workspace of that name has other settings.
            TypeError: If `models` is a string.
        """
        # With `admin`, the only import of the package in the sandbox, and only when this is called.
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
        """Open a workspace and return its plain data, for clients other than this package's.

        Args:
            name: Its name; the same name always returns the same workspace.
            models: The models it may call. Default: None, which permits all, as in the default workspace.
            region: The region's id. Default: Singapore's.

        Returns:
            The workspace's data.

        Raises:
            ValueError: If the sandbox does not know a model, or a workspace of that name has other settings.
            TypeError: If `models` is a string.
        """
        if isinstance(models, str):
            raise TypeError(f"`models` is the string {models!r}; expected a list of model names.")
        permitted = None if models is None else frozenset(models)
        _models.check_known(permitted or ())
        with self._account.lock:
            workspace = self._account.find_by_name(name)
            if workspace is None:
                workspace = self._account.add_workspace(name, region, models=permitted)
                self._opened_with[workspace.id] = permitted
                return describe(workspace, self._account.add_key(workspace.id))
            if (self._opened_with.get(workspace.id, workspace.models), workspace.region) != (permitted, region):
                raise ValueError(
                    f"The workspace {name!r} is open with other models or another region; use another name."
                )
            key = self._account.first_key(workspace.id) or self._account.add_key(workspace.id)
            return describe(workspace, key)

    def rotate_key(self, name: str) -> str:
        """Give a workspace a new key; from now on the old one is refused (HTTP 401).

        Args:
            name: The workspace's name.

        Returns:
            The new key.

        Raises:
            ValueError: If no workspace has that name.
        """
        with self._account.lock:
            workspace = self._account.find_by_name(name)
            key = None if workspace is None else self._account.first_key(workspace.id)
            if key is None:
                raise ValueError(f"There is no workspace {name!r}; open it before you rotate its key.")
            return self._account.reset_key(key.id).value

    # --- administration ---

    def admin(self, region: str = "ap-southeast-1", *, actions: Iterable[str] = ("*",)) -> WorkspaceAdmin:
        """Return an administrator of the workspaces of a region, ready to use; see `access_key` for what it changes.

        It needs the extra `admin`.

        Args:
            region: The region's id. Default: Singapore's.
            actions: The actions that its RAM policy allows, as for `access_key`. Default: all.

        Returns:
            The administrator, with an AccessKey of its own and this sandbox's address.

        Raises:
            ValueError: If there is no such region.
        """
        from langchain_qwen_workspace.admin import WorkspaceAdmin  # noqa: PLC0415 - see `workspace`

        key = self.access_key(region, actions=actions)
        return WorkspaceAdmin(
            region=cast("Any", key.region),  # checked by `access_key`
            access_key_id=key.access_key_id,
            access_key_secret=key.access_key_secret,
            base_url=self.base_url,
        )

    @property
    def endpoint(self) -> str:
        """The host and port, which the SDK for administration takes as its `endpoint`: `127.0.0.1:PORT`."""
        return self.base_url.removeprefix("http://")

    def access_key(
        self, region: str = "ap-southeast-1", *, temporary: bool = False, actions: Iterable[str] = ("*",)
    ) -> SandboxAccessKey:
        """Make an AccessKey for the control plane, which manages the workspaces of one region.

        The control plane answers on the sandbox's own port the requests of Alibaba Cloud's SDK
        (`alibabacloud-modelstudio20260210`, the extra `admin`). What it changes has effects: a model that is granted
        answers, a disabled or deleted key is refused (HTTP 401), a key is held to its models and IP ranges, a limit
        that is reached gives HTTP 429. The workspaces that the sandbox opened are listed too.

        The bill has what the sandbox answered: calls that fail by a fault are not billed, a stream is billed in whole
        when it starts. The prices are those of the package's dated list of Beijing (2026-08-20) in CNY, whatever the
        region. Calls of models that are not in the list cost 0, and are shown with `zeroFilter=False`. The days are
        those of Beijing.

        Example:
            ```python
            from alibabacloud_modelstudio20260210.client import Client
            from alibabacloud_tea_openapi.utils_models import Config

            key = sandbox.access_key("cn-beijing")
            client = Client(
                Config(
                    access_key_id=key.access_key_id,
                    access_key_secret=key.access_key_secret,
                    security_token=key.security_token,
                    endpoint=sandbox.endpoint,
                    protocol="http",
                )
            )
            ```

        Args:
            region: The region's id. Default: Singapore's.
            temporary: Whether it has a security token (STS). Default: no.
            actions: The actions that its RAM policy allows, such as `modelstudio:ListWorkspaces`, with `*` for any
                text. Other operations are refused (HTTP 403). Default: all.

        Returns:
            The AccessKey.

        Raises:
            ValueError: If there is no such region.
            TypeError: If `actions` is a string.
        """
        if region not in SITES:
            raise ValueError(f"There is no region {region!r}; expected one of {sorted(SITES)}.")
        if isinstance(actions, str):
            raise TypeError(f"`actions` is the string {actions!r}; expected a list of actions.")
        return self._access_keys.add(region, temporary=temporary, actions=actions)

    # --- requests and faults ---

    @property
    def requests(self) -> list[SandboxRequest]:
        """All requests that arrived, oldest first, including refused ones."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forget the logged requests and the faults that are left; workspaces, files and batches stay."""
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
        """Let the next requests fail; a status or a code alone gives the error body of the request's protocol.

        Args:
            status: The HTTP status; inside a stream, the one that the error event names. Requests of administrators
                fail in the form of Alibaba Cloud's gateway (429: `Throttling.User`).
            code: The error code, as any of the protocols spells it. Default: the usual one of the status.
            message: The error text. Default: the usual one of the code.
            times: The number of requests that fail. Default: 1.
            headers: Extra headers of the response, such as `retry-after`.
            body: Raw content to send instead of a response, such as a proxy's HTML page. An empty one with
                `after_events` ends a stream early without an error.
            after_events: Interrupt a 200 stream after this many events; other requests get the plain error.
            framing: How an error inside a stream is written: `event` as the protocol has it, `event-space` for
                `event: error` with a space (DashScope, Responses), `dashscope` for the DashScope body on the OpenAI
                protocol. On Responses also `openai` for OpenAI's error body, `typed` for an event of the type `error`,
                `failed` and `incomplete` for `response.failed` and `response.incomplete`; `failed` also makes a
                response that is not streamed HTTP 200 with the status `failed`, as the service reports rate limits.
            delay: Seconds to wait before the response or, with `after_events`, before the next event. A delay alone is
                not a failure.
            close: Whether to drop the connection, without a response or after the events. Default: no.
            path: A part of the path; only requests with it fail. For a request of an administrator, also the name of
                the operation, such as `CreateApiKey`. Default: all requests.

        Raises:
            ValueError: If neither a failure nor a delay is given.
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
        if not fault.is_failure and delay is None:
            raise ValueError("`fail_next` has nothing to do; pass `status`, `code`, `body`, `close` or `delay`.")
        self._faults.add(fault, times)

    def expire_batches(self) -> list[str]:
        """Let every batch that is still running expire.

        No clock drives the batches of the sandbox: each `GET /batches/{id}` moves a batch to its next state, and only
        this method lets it expire. Lines that were answered before keep their results; the others go to the error
        file.

        Returns:
            The ids of the batches that expired, oldest first.
        """
        return self._batches.expire()

    def expire_responses(self) -> list[str]:
        """Let the ids of all responses expire, as they do after 7 days.

        Returns:
            The ids that expired.
        """
        return self._responses.expire()


def _listener(host: str, port: int) -> socket.socket:
    """Return a listening socket for which asyncio switches Nagle's algorithm off.

    asyncio does so only for sockets whose protocol is TCP by number (`asyncio.base_events._set_nodelay`), and
    `socket.create_server` leaves the number 0: every response would then wait 40 ms for the client's delayed ACK.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise _listen_error(error, host, port) from error
    return listener


def _listen_error(error: OSError, host: str, port: int) -> OSError:
    """Return the error of listening on a port with what to do about it."""
    match error.errno:
        case errno.EADDRINUSE:
            text = f"Port {port} of {host!r} is taken by another program. Choose another port, or 0 for a free one."
        case errno.EACCES:
            text = f"This user may not listen on port {port}. Choose one of at least 1024, or 0 for a free one."
        case _:
            text = f"The sandbox cannot listen on {host!r}: {error.strerror}. Choose an address of this machine."
    return type(error)(error.errno, text)
