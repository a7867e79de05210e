"""The fields that set a component's workspace: as a value, field by field, or through a router."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Self

from pydantic import InstanceOf, ValidationError, field_validator, model_validator

from langchain_qwen_workspace._protocols import service_paths
from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace._workspace.endpoints import EndpointKind
from langchain_qwen_workspace._workspace.keys import ApiKey, SecretKeyModel, as_key, validate_api_key
from langchain_qwen_workspace._workspace.servers import other_server
from langchain_qwen_workspace.data._servers import Server
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.routing import WorkspaceRouter
from langchain_qwen_workspace.workspace import QwenWorkspace, RegionField

_CACHE = "_resolved"
_FLAT = ("api_key", "workspace_id", "region", "endpoint", "base_url", "server", "allowed_models")
_values_of = attrgetter("workspace", *_FLAT)
# What only Model Studio has; of another server it counts if it was given for it.
_OF_MODEL_STUDIO = frozenset({"workspace_id", "region"})


class WorkspaceFields(SecretKeyModel):
    """The fields that set the workspace of a LangChain component: as one value, or field by field.

    With `workspace` given, the other fields stay as they were given and may only repeat its values. Without it they
    hold the workspace, from the arguments, then the environment, then the defaults.
    """

    # `InstanceOf`: pydantic would run the validators of each workspace of a router again, for each model.
    workspace: InstanceOf[QwenWorkspace] | InstanceOf[WorkspaceRouter] | None = None
    """A `QwenWorkspace`, or a `WorkspaceRouter`, which picks one by the tenant of each run.

    Default: none; the workspace is then made of the fields below.
    """

    api_key: ApiKey | None = None
    """The workspace's key, or a callable that returns it; see `QwenWorkspace`. Also accepted as `dashscope_api_key`.

    Default: `DASHSCOPE_API_KEY`.
    """

    workspace_id: str | None = None
    """The workspace's id. Default: `DASHSCOPE_WORKSPACE`, else none: the region's shared host is called."""

    region: RegionField | None = None
    """The region's id or everyday name. Default: that of `base_url`, else `DASHSCOPE_REGION`, else Singapore.

    It is `None` if `base_url` is given and its host does not name a region.
    """

    endpoint: EndpointKind | None = None
    """The host to call: `"workspace"` (the workspace's own), `"shared"` (the region's) or `"trial"`.

    Default: the workspace's own if `workspace_id` is known, else the shared one.
    """

    base_url: str | None = None
    """An origin or a full base URL instead of the region's host. Default: `DASHSCOPE_BASE_URL`, else none."""

    server: Server = "auto"
    """What answers at `base_url`: Model Studio, or a server of your own, such as `"vllm"`; see `QwenWorkspace`.

    Default: `"auto"`, which means Model Studio, except at a URL that can only be another server's
    (`http://127.0.0.1:8000/v1`).
    """

    allowed_models: frozenset[str] | None = None
    """The models that may be called; any other is refused before anything is sent. Default: all."""

    @field_validator("workspace", mode="before")
    @classmethod
    def _read_workspace(cls, workspace: Any) -> Any:
        """Build a workspace or router that is given as a dict.

        Raises:
            ConfigurationError: It is neither a workspace nor a router.
        """
        if isinstance(workspace, Mapping):
            return (WorkspaceRouter if "tenants" in workspace else QwenWorkspace).model_validate(workspace)
        if workspace is None or isinstance(workspace, QwenWorkspace | WorkspaceRouter):
            return workspace
        # Its value may be a key, which no error quotes.
        is_text = isinstance(workspace, str)
        advice = " Pass a workspace's id as `workspace_id=` and its key as `api_key=`." if is_text else ""
        raise ConfigurationError(
            f"`workspace` is of type `{type(workspace).__name__}`. Expected a `QwenWorkspace` or a `WorkspaceRouter`."
            f"{advice}"
        )

    @model_validator(mode="after")
    def _resolve_workspace(self) -> Self:
        given = self._flat_values()
        if isinstance(self.workspace, WorkspaceRouter):
            _forbid_flat_fields(given)
        elif self.workspace is not None:
            _check_consistent(self.workspace, given)
            self._cache_workspace(self.workspace)
        else:
            # `model_validate` would call `__init__` as well, and check the values twice.
            workspace = _build_workspace(lambda values: QwenWorkspace(**values), given)
            self.__dict__.update({name: getattr(workspace, name) for name in _FLAT})
            self._cache_workspace(workspace)
        return self

    def resolved_workspace(self, tenant: str | None = None) -> QwenWorkspace:
        """Return the workspace that calls go to, also for a copy made by `model_copy(update=…)`.

        Args:
            tenant: The tenant for which a router picks the workspace. Default: the tenant of the surrounding run.

        Raises:
            ConfigurationError: The copy's `workspace` and its other fields contradict each other, or a router has no
                workspace for the tenant.
        """
        return self.candidates(tenant)[0]

    def candidates(self, tenant: str | None = None) -> tuple[QwenWorkspace, ...]:
        """Return the workspaces that a call may go to, in order; several only where a router lists several.

        Args:
            tenant: The tenant, as for `resolved_workspace`.

        Raises:
            ConfigurationError: As for `resolved_workspace`.
        """
        if isinstance(self.workspace, WorkspaceRouter):
            _forbid_flat_fields(self._flat_values())
            return self.workspace.candidates(tenant)
        cached = self.__dict__.get(_CACHE)
        if cached is None or cached[0] != self._field_values():
            given = self._flat_values()
            if self.workspace is None:
                workspace = _build_workspace(QwenWorkspace._from_resolved, self._without_derived(given))  # noqa: SLF001 - a value of this package
            else:
                workspace = _check_consistent(self.workspace, given)
            cached = self._cache_workspace(workspace)
        return (cached[1],)

    @property
    def _is_resolved(self) -> bool:
        """Whether the fields hold the workspace, which they do not before all of LangChain's validators."""
        return _CACHE in self.__dict__

    def _cache_workspace(self, workspace: QwenWorkspace) -> tuple[tuple[Any, ...], QwenWorkspace]:
        """Keep the workspace with the values of the fields that it stands for, which a copy may change.

        As `functools.cached_property` does it: a private attribute of pydantic would replace the `model_post_init` of
        LangChain's classes.
        """
        cached = self.__dict__[_CACHE] = (self._field_values(), workspace)
        return cached

    def _field_values(self) -> tuple[Any, ...]:
        values: tuple[Any, ...] = _values_of(self)
        return values

    def _flat_values(self) -> dict[str, Any]:
        given = zip(_FLAT, self._field_values()[1:], strict=True)
        return {name: value for name, value in given if value not in (None, "auto")}

    def _without_derived(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return a copy's values without those that belong to the Model Studio host of the model that was copied."""
        derived = _OF_MODEL_STUDIO - self.model_fields_set
        stated = {name: value for name, value in given.items() if name not in derived}
        return given if other_server(stated, service_paths()) is None else stated


def _build_workspace(build: Callable[[Mapping[str, Any]], QwenWorkspace], given: Mapping[str, Any]) -> QwenWorkspace:
    """Return a workspace, or raise the `ConfigurationError` inside pydantic's error."""
    try:
        return build(given)
    except ValidationError as error:
        for line in error.errors():
            if isinstance(cause := line.get("ctx", {}).get("error"), ConfigurationError):
                raise cause from None
        raise


def _forbid_flat_fields(given: Mapping[str, Any]) -> None:
    if given:
        fields = ", ".join(f"`{name}`" for name in given)
        raise ConfigurationError(
            f"{fields} cannot be combined with a `WorkspaceRouter`; set {'it' if len(given) == 1 else 'them'} on the "
            "router's workspaces."
        )


def _check_consistent(workspace: QwenWorkspace, given: Mapping[str, Any]) -> QwenWorkspace:
    """Return the workspace, if the flat fields only repeat its values.

    Raises:
        ConfigurationError: One differs.
    """
    differing = [name for name, value in given.items() if _normalize(name, value) != getattr(workspace, name)]
    if differing:
        fields = ", ".join(f"`{name}`" for name in differing)
        raise ConfigurationError(
            f"{fields} and `workspace` contradict each other. Give the workspace alone, or make another one: "
            f"`QwenWorkspace(…)` takes {', '.join(f'`{name}`' for name in _FLAT)}."
        )
    return workspace


def _normalize(name: str, value: Any) -> Any:
    """Return a flat field's value as a `QwenWorkspace` holds it; `model_copy` does not validate what it is given."""
    if name == "region":
        return endpoints.region_id(value)
    if name == "api_key":
        return validate_api_key(as_key(value))
    return frozenset(value) if name == "allowed_models" else value
