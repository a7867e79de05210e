"""How a component is told its workspace: whole, value by value, or by a router."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError, model_validator

from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace._workspace.endpoints import EndpointKind
from langchain_qwen_workspace._workspace.keys import ApiKey, SecretKeyModel, as_key, checked_key
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.routing import WorkspaceRouter
from langchain_qwen_workspace.workspace import SETTLED, QwenWorkspace, RegionField

_FLAT = ("api_key", "workspace_id", "region", "endpoint", "base_url", "allowed_models")


class WorkspaceFields(SecretKeyModel):
    """The fields by which a LangChain component is told its workspace: whole, or value by value.

    With `workspace` given, the other fields stay as they were given and may only repeat what it says; without it
    they hold the workspace, from the arguments, then the environment, then the defaults.
    """

    workspace: QwenWorkspace | WorkspaceRouter | None = None
    """The workspace as a value, or a router that picks it by the tenant of each run. Instead of it, the fields below.
    """

    api_key: ApiKey | None = None
    """The workspace's key, or a callable that returns it; see `QwenWorkspace`. Default: `DASHSCOPE_API_KEY`."""

    workspace_id: str | None = None
    """The workspace's id. Default: `DASHSCOPE_WORKSPACE`, else none: the region's shared host is called."""

    region: RegionField | None = None
    """The region's id or everyday name. Default: `DASHSCOPE_REGION`, else Singapore."""

    endpoint: EndpointKind | None = None
    """Which of the region's hosts is called; see `QwenWorkspace`."""

    base_url: str | None = None
    """An origin or a full base URL instead of the region's host. Default: `DASHSCOPE_BASE_URL`, else none."""

    allowed_models: frozenset[str] | None = None
    """The models that may be called; any other is refused before anything is sent. Default: all."""

    @model_validator(mode="before")
    @classmethod
    def _resolve_workspace(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        flat = {name: values[name] for name in _FLAT if values.get(name) is not None}
        if values.get("workspace") is None:
            settled = _workspace_of(flat)
            return {**values, **{name: getattr(settled, name) for name in _FLAT}}
        if isinstance(values["workspace"], WorkspaceRouter):
            _alone(flat)
        else:
            _agree(QwenWorkspace.model_validate(values["workspace"]), flat)
        return values

    def resolved_workspace(self, tenant: str | None = None) -> QwenWorkspace:
        """Return the workspace that calls go to, also for a copy made by `model_copy(update=…)`.

        Args:
            tenant: Whose workspace, if a router picks it. Default: the one that the run around this call names.

        Raises:
            ConfigurationError: The copy's `workspace` and its other fields contradict each other, or a router has no
                workspace for the tenant.
        """
        return self.candidates(tenant)[0]

    def candidates(self, tenant: str | None = None) -> tuple[QwenWorkspace, ...]:
        """Return the workspaces that a call may go to, the first at first; more than one only where a router says so.

        Args:
            tenant: Whose, like that of `resolved_workspace`.
        """
        flat = {name: value for name in _FLAT if (value := getattr(self, name)) is not None}
        if isinstance(self.workspace, WorkspaceRouter):
            _alone(flat)
            return self.workspace.candidates(tenant)
        return (_resolve(self.workspace, tuple(flat.items())),)


@lru_cache(maxsize=1024)
def _resolve(workspace: QwenWorkspace | None, flat: tuple[tuple[str, Any], ...]) -> QwenWorkspace:
    if workspace is None:
        return _workspace_of({**dict(flat), SETTLED: True})
    return _agree(workspace, dict(flat))


def _workspace_of(flat: Mapping[str, Any]) -> QwenWorkspace:
    try:
        return QwenWorkspace(**flat)
    except ValidationError as error:
        for line in error.errors():
            if isinstance(cause := line.get("ctx", {}).get("error"), ConfigurationError):
                raise cause from None
        raise


def _alone(flat: Mapping[str, Any]) -> None:
    if flat:
        raise ConfigurationError(
            f"{', '.join(f'`{name}`' for name in flat)} beside a `WorkspaceRouter`: it has whole workspaces. Give them "
            "to the workspaces of the router."
        )


def _agree(workspace: QwenWorkspace, flat: Mapping[str, Any]) -> QwenWorkspace:
    stated = {name: getattr(workspace, name) for name in _FLAT}
    differing = []
    for name, value in flat.items():
        given = endpoints.region_id(value) if name == "region" and isinstance(value, str) else value
        if name == "api_key":
            given = checked_key(as_key(given))
        elif name == "allowed_models":
            given = frozenset(value)
        if given != stated[name]:
            differing.append(name)
    if differing:
        fields = ", ".join(f"`{name}`" for name in differing)
        raise ConfigurationError(
            f"{fields} and `workspace` contradict each other. Give the workspace alone, or make another one: "
            f"`QwenWorkspace(…)` takes {', '.join(f'`{name}`' for name in _FLAT)}."
        )
    return workspace
