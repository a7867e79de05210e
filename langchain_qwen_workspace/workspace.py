"""Who am I: the workspace's key, id and region, and from them the host that is called."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, SecretStr, model_validator

from langchain_qwen_workspace._seam import Destination, ProtocolName
from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION, EndpointKind, RegionId, Service
from langchain_qwen_workspace._workspace.keys import ApiKey, KeyProvider, SecretKeyModel, mask_key
from langchain_qwen_workspace.errors import ConfigurationError, MissingApiKeyError, PermissionDeniedError

# dashscope 2.0.2 reads the same names (`DASHSCOPE_WORKSPACE_ID` is the console's wording, seen in the docs' samples).
_ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "api_key": ("DASHSCOPE_API_KEY",),
    "workspace_id": ("DASHSCOPE_WORKSPACE", "DASHSCOPE_WORKSPACE_ID"),
    "region": ("DASHSCOPE_REGION",),
    "base_url": ("DASHSCOPE_BASE_URL",),
}

_PLAN_KEY_PREFIX = "sk-sp-"


SETTLED = "_settled"
"""Marks values that already took from the environment what they take."""

RegionField = Annotated[RegionId, BeforeValidator(endpoints.region_id)]


@dataclass(frozen=True, slots=True)
class ModelPermission:
    """What the service lets a workspace do with a model.

    Attributes:
        model: The model's name, as it is called.
        name: The name that the console shows.
        inference: Whether it may be called.
        fine_tune: Whether it may be fine-tuned.
        deploy: Whether it may be deployed.
    """

    model: str
    name: str
    inference: bool
    fine_tune: bool
    deploy: bool


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How fast a model may be called; `None` is no limit that was told.

    Attributes:
        requests: Requests in `requests_period` seconds.
        requests_period: Those seconds.
        usage: What `usage_field` counts, in `usage_period` seconds.
        usage_period: Those seconds.
        usage_field: What is counted, such as `total_tokens`.
    """

    requests: int | None
    requests_period: int | None
    usage: int | None
    usage_period: int | None
    usage_field: str | None


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """How fast a workspace may call a model.

    Attributes:
        model: The model's name.
        workspace_id: The id of the workspace whose key asked.
        account: The account's limit, which its workspaces share.
        workspace: The workspace's own, if it has one.
    """

    model: str
    workspace_id: str | None
    account: RateLimit | None
    workspace: RateLimit | None


class QwenWorkspace(SecretKeyModel):
    """A workspace of Alibaba Cloud Model Studio, as a value: frozen, hashable, its key hidden.

    What is not given is taken from the environment (`DASHSCOPE_API_KEY`, `DASHSCOPE_WORKSPACE`,
    `DASHSCOPE_REGION`, `DASHSCOPE_BASE_URL`). What is given wins. Nothing of `OPENAI_*` is read.

    Example:
        ```python
        from langchain_qwen_workspace import QwenWorkspace

        team_a = QwenWorkspace(api_key="sk-…", workspace_id="llm-team-a", region="singapore")
        ```

    Attributes:
        api_key: The workspace's key. It may be missing until the first call, which then says so. Or a callable that
            returns it, for keys that are rotated: asked when the key is first needed, and again after the service
            refused it (HTTP 401), when the request is sent once more if the key is another. An `async def` serves
            asynchronous calls only. Give every workspace the same callable, not a new one for each: equal ones share
            connections.
        workspace_id: The workspace's id (`llm-…` or `ws-…`, in the console's workspace details). Names the
            workspace's own host, and is sent as `X-DashScope-WorkSpace` on both protocols.
        region: The region's id, or its everyday name (`beijing`, `singapore`, `virginia`, `hongkong`,
            `frankfurt`, `tokyo`). A key works only in the region it was made in. Default: Singapore.
        endpoint: Which of the region's hosts: `"workspace"` (its own), `"shared"` or `"trial"`. Default: its own
            where `workspace_id` is known, else the shared one, which Frankfurt and Tokyo do not have.
        base_url: Instead of all that, an origin (`http://127.0.0.1:8089`), to which the protocol's path is added,
            or a full base URL, which is used as it is. A Model Studio host in it also tells region and workspace.
            One with a login is refused; plain http to another machine is warned of.
        allowed_models: The models that may be called; any other is refused before anything is sent, whatever the
            service would permit. Default: all.

    Raises:
        ValueError: The values contradict each other, name what does not exist, or the key is one of a Token Plan
            or Coding Plan (`sk-sp-…`), which the pay-as-you-go hosts refuse.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: ApiKey | None = None
    workspace_id: str | None = None
    region: RegionField = DEFAULT_REGION
    endpoint: EndpointKind | None = None
    base_url: str | None = None
    allowed_models: frozenset[str] | None = None

    @model_validator(mode="after")
    def _check(self) -> "QwenWorkspace":
        if self.workspace_id is not None:
            endpoints.workspace_label(self.workspace_id)
        if self.base_url is not None and self.endpoint is not None:
            raise ConfigurationError("`base_url` and `endpoint` both say which host is called: give one of them.")
        located = endpoints.locate(self.origin)
        for name, mine, theirs in (
            ("region", self.region, located.region),
            ("workspace_id", self.workspace_id, located.workspace_id),
        ):
            if theirs is not None and mine is not None and mine.lower() != theirs.lower():
                raise ConfigurationError(
                    f"`base_url` {self.base_url!r} is a host of {name} {theirs!r}, but `{name}` is {mine!r}: "
                    "give one of them, or make them agree."
                )
        if self.base_url is not None and (host := endpoints.insecure_host(self.base_url)):
            warnings.warn(
                f"`base_url` calls {host!r} by plain http: the key and every message can be read on the way. Use "
                "https; for a gateway in a network that is yours, filter this warning.",
                stacklevel=2,
            )
        if isinstance(self.api_key, SecretStr):
            self.check_key(self.api_key)
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """Add what the environment and the base URL tell about the values that are not given."""
        if not isinstance(values, Mapping):
            return values
        given = {name: value for name, value in values.items() if value is not None}
        found = {} if given.pop(SETTLED, False) else _from_environment(given)
        if "endpoint" in given or _contradicts(found.get("base_url"), given):
            found.pop("base_url", None)
        merged = found | given
        if isinstance(base_url := merged.get("base_url"), str):
            located = endpoints.locate(base_url)
            # A host that was given explicitly outranks an id or region from the environment.
            stated = given if "base_url" in given else merged
            told = {"region": located.region, "workspace_id": located.workspace_id}
            merged |= {name: told[name] for name in told if told[name] and name not in stated}
        return merged

    @property
    def origin(self) -> str:
        """The origin, or the full URL that was given as `base_url`."""
        return self.base_url or endpoints.origin(
            region=self.region, workspace_id=self.workspace_id, endpoint=self.endpoint
        )

    def base_url_for(self, protocol: ProtocolName, service: Service = "models") -> str:
        """Return the base URL that a protocol's SDK is given.

        Args:
            protocol: The protocol.
            service: `"models"` for chat and embeddings, `"rerank"` for ranking, `"files"` for files and batches.

        Raises:
            ConfigurationError: `base_url` is the other protocol's.
        """
        return endpoints.with_path(self.origin, protocol, service)

    def check_key(self, key: SecretStr) -> None:
        """Raise if a key is none for the workspace's host.

        Raises:
            ConfigurationError: It is a plan's.
        """
        if key.get_secret_value().startswith(_PLAN_KEY_PREFIX) and endpoints.locate(self.origin).ordinary:
            raise ConfigurationError(
                "`api_key` begins with `sk-sp-`: it belongs to a Token Plan or Coding Plan, whose keys work only on "
                "the plan's own host and whose terms forbid use from programs. Use a workspace's pay-as-you-go key."
            )

    def check_allowed(self, model: str, destination: Destination) -> None:
        """Raise if a model is none of `allowed_models`.

        Raises:
            PermissionDeniedError: It is not; nothing was sent.
        """
        if self.allowed_models is None or model in self.allowed_models:
            return
        allowed = ", ".join(sorted(self.allowed_models)) or "none"
        raise PermissionDeniedError(
            f"Model {model!r} is not among the workspace's `allowed_models` ({allowed}); nothing was sent.",
            model=model,
            protocol=destination.protocol,
            region=destination.region,
            workspace_id=destination.workspace_id,
            hint="Take one of them, or add it to `allowed_models` of the `QwenWorkspace`.",
        )

    def permitted_models(self) -> list[ModelPermission]:
        """Return the models that the service lets this workspace call, in the service's order.

        Raises:
            QwenWorkspaceError: The service refused, as it may for a sub-workspace's key, or was not reached.
        """
        found: list[ModelPermission] = _management().permitted_models(self)
        return found

    async def apermitted_models(self) -> list[ModelPermission]:
        """Return the models that the service lets this workspace call, like `permitted_models`."""
        found: list[ModelPermission] = await _management().apermitted_models(self)
        return found

    def limits(self, model: str | None = None) -> list[ModelLimits]:
        """Return how fast this workspace may call its models; each row also names the workspace's own id.

        Args:
            model: One model. Default: all.

        Raises:
            QwenWorkspaceError: The service refused, as it may for a sub-workspace's key, or was not reached.
        """
        found: list[ModelLimits] = _management().limits(self, model)
        return found

    async def alimits(self, model: str | None = None) -> list[ModelLimits]:
        """Return how fast this workspace may call its models, like `limits`."""
        found: list[ModelLimits] = await _management().alimits(self, model)
        return found

    def key_for(self, destination: Destination) -> str:
        """Return the key in clear, for the SDK; empty where a callable gives each request its own.

        Raises:
            MissingApiKeyError: There is none.
        """
        if self.api_key is None:
            raise MissingApiKeyError(
                "There is no API key for the workspace; nothing was sent.",
                protocol=destination.protocol,
                region=destination.region,
                workspace_id=destination.workspace_id,
                hint="Set the environment variable DASHSCOPE_API_KEY or pass `api_key=`. To try things without a "
                "key, call the offline sandbox: `langchain_qwen_workspace.sandbox.Sandbox`.",
            )
        return "" if isinstance(self.api_key, KeyProvider) else self.api_key.get_secret_value()


def _management() -> Any:
    """Return what asks the service. It calls, and a value does not: it is loaded where it is asked."""
    return import_module("langchain_qwen_workspace._workspace.permissions")


def _from_environment(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, variables in _ENVIRONMENT.items():
        if name in given:
            continue
        values = {variable: value for variable in variables if (value := os.environ.get(variable))}
        if len(set(values.values())) > 1:
            raise ConfigurationError(f"{' and '.join(values)} are both set and differ: unset one of them.")
        if values:
            found[name] = next(iter(values.values()))
    return mask_key(found)


def _contradicts(base_url: str | None, given: Mapping[str, Any]) -> bool:
    """Say whether a base URL from the environment is a host of another region or workspace than was given."""
    if base_url is None:
        return False
    located = endpoints.locate(base_url)
    region, workspace_id = given.get("region"), given.get("workspace_id")
    return bool(
        (isinstance(region, str) and located.region and endpoints.region_id(region) != located.region)
        or (workspace_id and located.workspace_id and workspace_id != located.workspace_id)
    )
