"""Which workspace a call goes to, in a process that has many: by the tenant that the run names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from langchain_core.runnables.config import ensure_config
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer, field_validator, model_validator

from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace.workspace import QwenWorkspace

TENANT = "tenant"
"""The key of a run's `configurable` that names the tenant, unless the router says another."""


class WorkspaceRouter(BaseModel):
    """Picks a workspace for each call by its tenant, and another one when the first does not answer.

    Example:
        ```python
        from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceRouter

        router = WorkspaceRouter(tenants={"acme": acme, "globex": [globex_singapore, globex_second]})
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
        llm.invoke("Hello", config={"configurable": {"tenant": "acme"}})
        ```

    Chat models read the tenant of the run's config in `invoke`, `stream`, `batch` and their kin, and of the chain or
    graph around them. LangChain hands embeddings and rerankers no config: they read that of the chain or graph around
    them; on their own, give them `router.workspace("acme")`.

    Attributes:
        tenants: A tenant's workspace, or several: the first is called, the next ones when it does not answer.
        default: The workspace of runs that name no tenant, and of tenants that are not listed. Default: none, which
            refuses them.
        key: The key of the run's `configurable` that names the tenant. Default: `"tenant"`.
        across_regions: Whether a tenant's calls may fail over to another region, and with them its data. Default: no.
            Where a workspace itself chooses how far from its region it computes (Frankfurt, Tokyo, Hong Kong: there,
            or anywhere), nothing tells the package what it chose: list workspaces that chose the same.
        fail_over_on: The errors after which the next workspace is called, once the first has used up its
            `max_retries`; never after a stream's first part. Default: not reached, timed out, the service failed, too
            many requests.

    Raises:
        ValueError: A tenant has no workspace, or one of another region without `across_regions`; two workspaces have
            the same id but not the same key and region, or the same key but not the same id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    tenants: Mapping[str, tuple[QwenWorkspace, ...]]
    default: QwenWorkspace | None = None
    key: str = Field(default=TENANT, min_length=1)
    across_regions: bool = False
    fail_over_on: tuple[type[QwenWorkspaceError], ...] = (
        APIConnectionError,
        APITimeoutError,
        ServerError,
        RateLimitError,
    )

    @field_validator("tenants", mode="before")
    @classmethod
    def _listed(cls, tenants: Any) -> Any:
        """Make a tuple of each tenant's workspaces."""
        if not isinstance(tenants, Mapping):
            return tenants
        return {
            tenant: (given,) if isinstance(given, QwenWorkspace) else tuple(given) if _is_list(given) else given
            for tenant, given in tenants.items()
        }

    @model_validator(mode="after")
    def _check(self) -> Self:
        for tenant, workspaces in self.tenants.items():
            if not workspaces:
                raise ConfigurationError(f"Tenant {tenant!r} has no workspace. Give it one, or leave it out.")
            regions = list(dict.fromkeys(workspace.region for workspace in workspaces))
            if len(regions) > 1 and not self.across_regions:
                raise ConfigurationError(
                    f"Tenant {tenant!r} would fail over from {regions[0]} to {', '.join(regions[1:])}, and its data "
                    "with it. Say `across_regions=True` if they may leave the region, or list workspaces of one."
                )
            if len(set(workspaces)) < len(workspaces):
                raise ConfigurationError(f"Tenant {tenant!r} has the same workspace twice: list each once.")
        _tell_apart(self.all())
        return self

    @field_serializer("fail_over_on", when_used="json")
    def _named(self, kinds: tuple[type[QwenWorkspaceError], ...]) -> list[str]:
        return [kind.__name__ for kind in kinds]

    def __hash__(self) -> int:
        """Return a hash, as every value that a component is told has one."""
        return hash((frozenset(self.tenants.items()), self.default, self.key, self.across_regions, self.fail_over_on))

    def all(self) -> tuple[QwenWorkspace, ...]:
        """Return every workspace that a call may go to, each once."""
        listed = [workspace for workspaces in self.tenants.values() for workspace in workspaces]
        return tuple(dict.fromkeys([*listed, *((self.default,) if self.default else ())]))

    def workspace(self, tenant: str) -> QwenWorkspace:
        """Return a tenant's first workspace.

        Raises:
            ConfigurationError: It has none.
        """
        return self.candidates(tenant)[0]

    def candidates(self, tenant: str | None = None) -> tuple[QwenWorkspace, ...]:
        """Return a tenant's workspaces in the order in which they are called.

        Args:
            tenant: The tenant. Default: the one that the run around this call names.

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
                "with a `default` workspace. Embeddings and rerankers are given `router.workspace(…)` outside chains."
            )
        raise ConfigurationError(
            f"Tenant {name!r} has no workspace. Add it to the router's `tenants`, or give it a `default`."
        )

    def tenant_in(self, config: Mapping[str, Any] | None) -> str | None:
        """Return the tenant that a run's config names, if it names one.

        Raises:
            ConfigurationError: It is not a string.
        """
        tenant = ((config or {}).get("configurable") or {}).get(self.key)
        if tenant is not None and not isinstance(tenant, str):
            raise ConfigurationError(f"`configurable` names the tenant {tenant!r}. Expected a string.")
        return tenant


def _tell_apart(workspaces: Iterable[QwenWorkspace]) -> None:
    """Raise if an id or a key stands for two workspaces; one may be listed several times, for several hosts or tenants.

    A key belongs to one workspace, and a workspace to one region (Model Studio docs, get-api-key, 2026-08-11;
    permission management, 2026-08-11).
    """
    by_id: dict[str, QwenWorkspace] = {}
    by_key: dict[SecretStr, QwenWorkspace] = {}
    for workspace in workspaces:
        # What a callable returns is not known before it is asked, and it may be another one each time.
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
                    f"Two workspaces are named {workspace.workspace_id!r}: they have different {what}. Give each "
                    "its own `workspace_id`, or all of its tenants the same workspace."
                )
        other = by_key.setdefault(workspace.api_key, workspace).workspace_id or ""
        if other.lower() != name:
            raise ConfigurationError(
                f"Workspaces {other!r} and {workspace.workspace_id!r} have the same key, and a key belongs to one "
                "workspace. Give each its own `api_key`."
            )


def _is_list(given: object) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)
