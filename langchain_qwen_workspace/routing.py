"""Picks the workspace of each call, by the tenant that the run's config names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from langchain_core.runnables.config import ensure_config
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)

from langchain_qwen_workspace._workspace.arguments import KnownArgumentsOnly
from langchain_qwen_workspace._workspace.endpoints import Service
from langchain_qwen_workspace.data._servers import OtherServer
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace.workspace import QwenWorkspace

DEFAULT_TENANT_KEY = "tenant"
"""The key of a run's `configurable` that names the tenant, unless the router's `key` is another."""

TENANT = "workspace_tenant"
"""The keyword argument that passes a run's tenant down to the call: LangChain does not pass the run's config on."""


@dataclass
class _Derived:
    """What models need for each call and each copy, computed once: there may be thousands of workspaces.

    It follows from the router's fields, so that two of them never differ.

    Attributes:
        servers: The servers that answer calls.
        served: The protocols and services that every workspace is known to serve.
    """

    servers: frozenset[OtherServer | None] | None = field(default=None, compare=False)
    served: set[tuple[str, Service]] = field(default_factory=set, compare=False)


class WorkspaceRouter(KnownArgumentsOnly):
    """Picks a workspace for each call by its tenant, and fails over to the tenant's next workspace on errors.

    Example:
        ```python
        from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceRouter

        router = WorkspaceRouter(tenants={"acme": acme, "globex": [globex_singapore, globex_second]})
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
        llm.invoke("Hello", config={"configurable": {"tenant": "acme"}})
        ```

    Chat models read the tenant from the config that is passed to `invoke`, `stream`, `batch` and the like, or from the
    config of the surrounding chain or graph. LangChain passes no config to embeddings and rerankers, so they read only
    that of the surrounding chain or graph; outside one, give them `router.workspace("acme")`.

    Attributes:
        tenants: The workspace of each tenant, or several in failover order: the first one is called, and the next one
            if that fails.
        default: The workspace of runs that name no tenant, and of tenants that are not listed. Default: none; such
            calls raise `ConfigurationError`.
        key: The key of the run's `configurable` that names the tenant. Default: `"tenant"`.
        across_regions: Whether a tenant's calls, and so its data, may fail over to another region. Default: no. In
            Frankfurt, Tokyo and Hong Kong, a setting of each workspace says whether it computes in its region only or
            anywhere. The package cannot read that setting, so list only workspaces that have the same one.
        fail_over_on: The errors after which the next workspace is called, once the retries of the first one
            (`max_retries`) are used up; never after the first part of a stream. Default: `APIConnectionError`,
            `APITimeoutError`, `ServerError`, `RateLimitError`, and so the errors that inherit from them.

    Raises:
        ValueError: A tenant has no workspace, the same one twice, workspaces of several servers, or of several regions
            without `across_regions`; or two workspaces have the same id but another key or region, or the same key but
            another id.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    tenants: Mapping[str, tuple[QwenWorkspace, ...]]
    default: QwenWorkspace | None = None
    key: str = Field(default=DEFAULT_TENANT_KEY, min_length=1)
    across_regions: bool = False
    fail_over_on: tuple[type[QwenWorkspaceError], ...] = (
        APIConnectionError,
        APITimeoutError,
        ServerError,
        RateLimitError,
    )

    _derived: _Derived = PrivateAttr(default_factory=_Derived)

    if TYPE_CHECKING:  # What may be given, which is more than the fields hold.

        def __init__(
            self,
            *,
            tenants: Mapping[str, QwenWorkspace | Sequence[QwenWorkspace]],
            default: QwenWorkspace | None = None,
            key: str = DEFAULT_TENANT_KEY,
            across_regions: bool = False,
            fail_over_on: Sequence[type[QwenWorkspaceError]] = ...,
        ) -> None: ...

    @field_validator("tenants", mode="before")
    @classmethod
    def _normalize_tenants(cls, tenants: Any) -> Any:
        """Return the tenants with a tuple of workspaces for each."""
        if not isinstance(tenants, Mapping):
            return tenants
        return {
            tenant: (given,) if isinstance(given, QwenWorkspace) else tuple(given) if _is_list(given) else given
            for tenant, given in tenants.items()
        }

    @model_validator(mode="after")
    def _check_workspaces(self) -> Self:
        for tenant, workspaces in self.tenants.items():
            if not workspaces:
                raise ConfigurationError(f"Tenant {tenant!r} has no workspace. Give it one or leave the tenant out.")
            if len({workspace._other_server() for workspace in workspaces}) > 1:  # noqa: SLF001 - a value of this package
                raise ConfigurationError(
                    f"Tenant {tenant!r} would fail over between Model Studio and other servers, or between servers of "
                    "different kinds, but a request is written for one of them. List workspaces of one `server` only."
                )
            regions = list(dict.fromkeys(workspace.region or "an unknown region" for workspace in workspaces))
            if len(regions) > 1 and not self.across_regions:
                raise ConfigurationError(
                    f"Tenant {tenant!r} would fail over from {regions[0]} to {', '.join(regions[1:])}, and its data "
                    "with it. Set `across_regions=True` if its data may leave the region, or list workspaces of one "
                    "region only."
                )
            if len(set(workspaces)) < len(workspaces):
                raise ConfigurationError(f"Tenant {tenant!r} has the same workspace twice. List each one once.")
        _check_ids_and_keys(self.all())
        return self

    @field_serializer("fail_over_on", when_used="json")
    def _class_names(self, kinds: tuple[type[QwenWorkspaceError], ...]) -> list[str]:
        return [kind.__name__ for kind in kinds]

    def __hash__(self) -> int:
        """Return a hash; components need hashable values."""
        return hash((frozenset(self.tenants.items()), self.default, self.key, self.across_regions, self.fail_over_on))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changes, which are not validated."""
        copied = super().model_copy(update=update, deep=deep)
        copied._derived = _Derived()  # noqa: SLF001 - a copy of this router
        return copied

    def _servers(self) -> frozenset[OtherServer | None]:
        """Return the servers that answer calls, `None` for Model Studio."""
        if self._derived.servers is None:
            self._derived.servers = frozenset(workspace._other_server() for workspace in self.all())  # noqa: SLF001 - a value of this package
        return self._derived.servers

    def _check_serves(self, protocol: str, service: Service) -> None:
        """Raise if one of the workspaces cannot be called over a protocol, or has not its service.

        Raises:
            ConfigurationError: One cannot.
        """
        if (protocol, service) not in self._derived.served:
            for workspace in self.all():
                workspace._url_of_service(protocol, service)  # noqa: SLF001 - a value of this package
            self._derived.served.add((protocol, service))

    def all(self) -> tuple[QwenWorkspace, ...]:
        """Return every workspace that a call may go to, without duplicates."""
        listed = [workspace for workspaces in self.tenants.values() for workspace in workspaces]
        return tuple(dict.fromkeys([*listed, *((self.default,) if self.default else ())]))

    def workspace(self, tenant: str) -> QwenWorkspace:
        """Return a tenant's first workspace.

        Raises:
            ConfigurationError: The tenant has no workspace, and there is no default.
        """
        return self.candidates(tenant)[0]

    def candidates(self, tenant: str | None = None) -> tuple[QwenWorkspace, ...]:
        """Return a tenant's workspaces in failover order.

        Args:
            tenant: The tenant. Default: the one that the surrounding run names.

        Raises:
            ConfigurationError: No tenant is named, or it has no workspace, and there is no default.
        """
        name = self.tenant_in(ensure_config()) if tenant is None else tenant
        found = self.tenants.get(name) if name is not None else None
        if found is not None:
            return found
        if self.default is not None:
            return (self.default,)
        if name is None:
            raise ConfigurationError(
                f'The run names no tenant. Expected `config={{"configurable": {{"{self.key}": "…"}}}}`, or a router '
                "with a `default` workspace. Outside chains, give embeddings and rerankers `router.workspace(…)`."
            )
        raise ConfigurationError(
            f"Tenant {name!r} has no workspace. Add it to the router's `tenants`, or give the router a `default`."
        )

    def tenant_in(self, config: Mapping[str, Any] | None) -> str | None:
        """Return the tenant that a run's config names, or `None` if it names none.

        Raises:
            ConfigurationError: The tenant's name is not a string.
        """
        tenant = ((config or {}).get("configurable") or {}).get(self.key)
        if tenant is not None and not isinstance(tenant, str):
            raise ConfigurationError(f"`configurable` names the tenant {tenant!r}. Expected a string.")
        return tenant


def _check_ids_and_keys(workspaces: Iterable[QwenWorkspace]) -> None:
    """Check that no id and no key belongs to two workspaces; one workspace may have several hosts and tenants.

    A key belongs to one workspace, and a workspace to one region (Model Studio docs, get-api-key, 2026-08-11;
    permission management, 2026-08-11).
    """
    by_id: dict[str, QwenWorkspace] = {}
    by_key: dict[SecretStr, QwenWorkspace] = {}
    for workspace in workspaces:
        # What a key provider returns is not known before it is called, and may differ each time.
        if workspace.workspace_id is None or not isinstance(workspace.api_key, SecretStr):
            continue
        name = workspace.workspace_id.lower()
        named = by_id.setdefault(name, workspace)
        for what, mine, theirs in (
            ("keys", workspace.api_key, named.api_key),
            ("regions", workspace.region, named.region),
        ):
            if mine != theirs:
                raise ConfigurationError(
                    f"Two workspaces have the id {workspace.workspace_id!r} but different {what}. Give each its own "
                    "`workspace_id`, or give all tenants of one the same workspace."
                )
        other = by_key.setdefault(workspace.api_key, workspace).workspace_id or ""
        if other.lower() != name:
            raise ConfigurationError(
                f"Workspaces {other!r} and {workspace.workspace_id!r} have the same key, but a key belongs to one "
                "workspace. Give each its own `api_key`."
            )


def _is_list(given: object) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)
