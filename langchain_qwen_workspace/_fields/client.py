"""The fields that configure calls: protocol, timeout, retries, connections, headers, HTTP clients, guard."""

import inspect
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import AfterValidator, Field, InstanceOf, ValidationInfo, model_validator

from langchain_qwen_workspace._fields.workspace import WorkspaceFields
from langchain_qwen_workspace._process import first_seen_in
from langchain_qwen_workspace._protocols import DEFAULT_PROTOCOL, ProtocolField, transport_for
from langchain_qwen_workspace._seam import WORKSPACE_HEADER, FilesTransport, Transport
from langchain_qwen_workspace._transports.connection import DEFAULT_MAX_RESPONSE_BYTES
from langchain_qwen_workspace._transports.deadline import DeadlineTransport, limit_total_time
from langchain_qwen_workspace._transports.failover import FailoverTarget, FailoverTransport
from langchain_qwen_workspace._transports.guarded import GuardedTransport
from langchain_qwen_workspace._workspace.endpoints import Service
from langchain_qwen_workspace.data._servers import OtherServer
from langchain_qwen_workspace.errors import ConfigurationError, UnsupportedInputError
from langchain_qwen_workspace.guard import WorkspaceGuard
from langchain_qwen_workspace.profiles import Profile, profile_of
from langchain_qwen_workspace.routing import WorkspaceRouter
from langchain_qwen_workspace.workspace import QwenWorkspace

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def check_headers(headers: Mapping[str, str], *, name_of_field: str = "default_headers") -> Mapping[str, str]:
    """Return headers after checking them.

    Raises:
        ConfigurationError: One is not valid in HTTP.
        UnsupportedInputError: One names a workspace: a router, usage records and caches would not know of it.
    """
    if named := [name for name in headers if name.lower() == WORKSPACE_HEADER.lower()]:
        raise UnsupportedInputError(
            f"`{name_of_field}` has `{named[0]}`, which names the workspace that is called. A call goes to its model's "
            'workspace: give the model its `workspace_id`, with `endpoint="shared"` for the shared host, or pass a '
            "`WorkspaceRouter`."
        )
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise ConfigurationError(
                f"`{name_of_field}` has {name!r}, which is not a valid HTTP header. Expected a name and a value of "
                "printable ASCII without line breaks."
            )
    return headers


def _check_client(client: Any, info: ValidationInfo) -> Any:
    if client is None:
        return None
    kind = "AsyncClient" if info.field_name == "http_async_client" else "Client"
    expected = f"Expected an open `httpx.{kind}` or `httpx2.{kind}`."
    if not (hasattr(client, "build_request") and hasattr(client, "send") and hasattr(client, "is_closed")):
        raise ConfigurationError(f"`{info.field_name}` is {client!r:.200}. {expected}")
    if inspect.iscoroutinefunction(client.send) != (kind == "AsyncClient"):
        raise ConfigurationError(
            f"`{info.field_name}` is {type(client).__module__}.{type(client).__name__}. {expected}"
        )
    if client.is_closed:
        raise ConfigurationError(f"`{info.field_name}` is closed. {expected}")
    first_seen_in(client)
    return client


def profile_at(server: OtherServer | None, model: str, base_model: str | None, *, enforced: bool) -> Profile:
    """Return the facts about a model where it is called: the catalogue is about Model Studio's models only.

    Args:
        server: The server, `None` for Model Studio.
        model: The model's name.
        base_model: The catalogue model from which it was made, whose facts then apply at any server.
        enforced: Whether a call that contradicts the facts is refused.
    """
    if server is None:
        return profile_of(model, base_model=base_model, enforced=enforced)
    profile = Profile(enforced=enforced) if base_model is None else profile_of(base_model, enforced=enforced)
    # The chat template of the model leaves out the reasoning that it does not want back.
    facts: dict[str, Any] = {"preserve_thinking": True, **server.facts}
    return replace(profile, **facts, stated=profile.stated | server.facts.keys())


HTTPClient = Annotated[Any, AfterValidator(_check_client)]


class ClientFields(WorkspaceFields):
    """The fields by which a component is given its workspace and its calls are configured."""

    _service: ClassVar[Service] = "models"

    protocol: ProtocolField = DEFAULT_PROTOCOL
    """The protocol of the calls: `"openai"` (OpenAI-compatible), `"dashscope"` or `"responses"`. Default: `"openai"`.

    `"native"` is another name for `"dashscope"`. Only chat models have `"responses"`, the service's Responses API with
    its built-in tools.
    """

    check_capabilities: bool = True
    """Whether a call is refused if it contradicts what is known of the model or the service. Default: yes.

    With `False` the call is sent, with a warning: for a model that can do more than this package's dated facts say.
    Malformed requests (wrong types, negative numbers) are refused in any case.
    """

    timeout: float = Field(default=600.0, gt=0)
    """Seconds to wait for the headers of a response, and then for its next bytes. Default: 600.

    In a stream it is the time until the next event with a part of an answer, on every protocol: comments and empty
    events, which only keep a connection alive, do not count. If a model thinks without showing it, set more than its
    longest pause. The shared hosts end a call after 600 seconds.
    """

    total_timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds that one call may take, with its retries and all that it waits for, on every protocol. Default: no limit.

    All requests of one `embed_documents` count together. Each request of `lazy_embed_documents`, and each of a
    `QwenWorkspaceBatch` (such as the upload of its file), has the whole time for itself. The clock of a stream stops
    while your code handles a chunk. When the time is over, an `APITimeoutError` is raised; its `partial_message` or
    `partial` has what arrived. A retry is not made if the pause before it would take longer. A DNS lookup and a
    synchronous key provider cannot be interrupted.
    """

    max_retries: int = Field(default=2, ge=0)
    """The maximum number of retries of a request that failed before a part of its answer arrived. Default: 2.

    On every protocol, a request is retried after an error that may pass (`QwenWorkspaceError.is_retryable`): a failed
    connection, a timeout, throttling, or a failure of the service, reported by the status or by the first event. The
    pauses are about 0.5, 1, 2, 4 and then 8 seconds, or as long as the service asks for. If it asks for more than 60
    seconds, the error is raised at once.
    """

    max_connections: int = Field(default=1000, ge=1)
    """The maximum number of connections to one host. All components with the same number share them. Default: 1000.

    A call waits at most `timeout` seconds for a free connection. Idle connections are kept for 5 seconds: up to 200 to
    each host, and to half as many hosts as this number, but at least 200 hosts.
    """

    max_response_bytes: int = Field(default=DEFAULT_MAX_RESPONSE_BYTES, ge=1)
    """The maximum number of bytes of one response, or of all events of a stream, decompressed. Default: 128 MiB.

    A longer one raises an `InvalidResponseError`. Of an error's body at most 1 MiB is read.
    """

    default_headers: Annotated[Mapping[str, str], AfterValidator(check_headers)] | None = Field(
        default=None, exclude=True, repr=False
    )
    """Headers sent with every request in addition to the SDK's own. Default: none.

    The header that names the workspace, `X-DashScope-WorkSpace`, is refused: pass `workspace_id`.
    """

    http_client: HTTPClient = Field(default=None, exclude=True, repr=False)
    """Your own `httpx.Client` or `httpx2.Client`, for a proxy or a certificate; you close it.

    Default: clients that all components of the process share.
    """

    http_async_client: HTTPClient = Field(default=None, exclude=True, repr=False)
    """Your own `AsyncClient` of `httpx` or `httpx2`, for asynchronous calls. Default: as for `http_client`.

    It belongs to the event loop that first uses it.
    """

    guard: InstanceOf[WorkspaceGuard] | None = Field(default=None, exclude=True)
    """A `WorkspaceGuard`, which makes calls wait instead of exceeding the workspace's limits. Default: none.

    Give all components that share the limits the same one.
    """

    @model_validator(mode="after")
    def _check_base_url_protocol(self) -> Self:
        if isinstance(self.workspace, WorkspaceRouter):
            self.workspace._check_serves(self.protocol, self._service)  # noqa: SLF001 - a value of this package
        else:
            self.resolved_workspace()._url_of_service(self.protocol, self._service)  # noqa: SLF001 - same
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a deep copy; HTTP clients that the user made are shared, since a pool cannot be copied."""
        memo = {} if memo is None else memo
        memo |= {id(client): client for client in (self.http_client, self.http_async_client) if client is not None}
        return super().__deepcopy__(memo)

    def _other_server(self) -> OtherServer | None:
        """Return the server that answers every call, `None` if it is Model Studio's or not always the same."""
        if isinstance(self.workspace, WorkspaceRouter):
            found = self.workspace._servers()  # noqa: SLF001 - a value of this package
            return next(iter(found)) if len(found) == 1 else None
        with suppress(ValueError):  # The next call of a copy with wrong fields raises it.
            return self.resolved_workspace()._other_server() if self._is_resolved else None  # noqa: SLF001 - same
        return None

    def _reserves_tool_names(self, workspaces: Sequence[QwenWorkspace]) -> bool:
        """Return whether the server refuses tools with reserved names."""
        return self.check_capabilities and any(
            workspace._is_model_studio(self.protocol)  # noqa: SLF001 - a value of this package
            for workspace in workspaces
        )

    def _transport(self, workspaces: Sequence[QwenWorkspace], service: Service = "models") -> Transport:
        """Return the transport of a call, with failover where a router gives several workspaces."""
        targets = [
            FailoverTarget(self._guarded_transport(workspace, service), workspace._destination(self.protocol))  # noqa: SLF001 - a value of this package
            for workspace in workspaces
        ]
        transport = targets[0].transport
        if len(targets) > 1 and isinstance(self.workspace, WorkspaceRouter):
            transport = FailoverTransport(targets, self.workspace.fail_over_on)
        return self._end_in_time(transport)

    def _files_transport(self, workspace: QwenWorkspace) -> FilesTransport:
        """Return the transport of a workspace's files and batches, which no guard limits."""
        # The registry builds what carries files where the protocol has them.
        return cast("FilesTransport", self._end_in_time(self._bare_transport(workspace, "files")))

    def _end_in_time(self, transport: Transport) -> Transport:
        return transport if self.total_timeout is None else DeadlineTransport(transport, self.total_timeout)

    def _limit_time(self) -> AbstractContextManager[None]:
        """Return a context manager in which all requests together take at most `total_timeout`."""
        return limit_total_time(self.total_timeout)

    def _workspaces_for(self, model: str, tenant: str | None = None) -> tuple[QwenWorkspace, ...]:
        """Return the workspaces that a call of a model may go to.

        Raises:
            PermissionDeniedError: The model is not among the `allowed_models` of one of them.
            ConfigurationError: A router has no workspace for the tenant.
        """
        workspaces = self.candidates(tenant)
        for workspace in workspaces:
            workspace.check_allowed(model, self.protocol)
        return workspaces

    def _guarded_transport(self, workspace: QwenWorkspace, service: Service) -> Transport:
        transport = self._bare_transport(workspace, service)
        if self.guard is None:
            return transport
        # Workspaces whose id is not known may have a host in common; their keys tell them apart.
        name = workspace.workspace_id or (workspace.origin, workspace.api_key)
        return GuardedTransport(transport, self.guard, name)

    def _bare_transport(self, workspace: QwenWorkspace, service: Service = "models") -> Transport:
        connection = workspace._connection(  # noqa: SLF001 - a value of this package
            self.protocol,
            service,
            timeout=self.timeout,
            max_retries=self.max_retries,
            max_connections=self.max_connections,
            max_response_bytes=self.max_response_bytes,
            headers=tuple((self.default_headers or {}).items()),
            http_client=self.http_client,
            http_async_client=self.http_async_client,
        )
        return transport_for(self.protocol, connection, service)
