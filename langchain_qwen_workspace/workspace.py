"""`QwenWorkspace`: a workspace's key, id and region, and the host that follows from them."""

import hashlib
import hmac
import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, Unpack

from pydantic import BeforeValidator, ConfigDict, SecretStr, ValidationInfo, model_validator

from langchain_qwen_workspace._protocols import (
    MANAGEMENT_PROTOCOL,
    base_paths,
    check_serves_others,
    protocol_name,
    service_paths,
    transport_for,
)
from langchain_qwen_workspace._seam import Destination, Transport
from langchain_qwen_workspace._transports.connection import Connection
from langchain_qwen_workspace._transports.deadline import DeadlineTransport
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace._workspace import catalogue, endpoints, management, servers
from langchain_qwen_workspace._workspace.arguments import KnownArgumentsOnly
from langchain_qwen_workspace._workspace.catalogue import Catalogue, CatalogueFilters, Difference
from langchain_qwen_workspace._workspace.endpoints import (
    DEFAULT_REGION,
    AnyRegionId,
    EndpointKind,
    RegionArgument,
    Service,
)
from langchain_qwen_workspace._workspace.keys import (
    ApiKey,
    ApiKeyArgument,
    EnvironmentKey,
    KeyProvider,
)
from langchain_qwen_workspace._workspace.permissions import ModelLimits, ModelPermission, RateLimit
from langchain_qwen_workspace.data._servers import SERVER_PATH, OtherServer, Server
from langchain_qwen_workspace.errors import ConfigurationError, MissingApiKeyError, PermissionDeniedError

__all__ = [
    "Catalogue",
    "CatalogueFilters",
    "Difference",
    "ModelLimits",
    "ModelPermission",
    "QwenWorkspace",
    "RateLimit",
]

# dashscope 2.0.2 reads the same names (`DASHSCOPE_WORKSPACE_ID` is the console's wording, seen in the docs' samples).
_ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "api_key": ("DASHSCOPE_API_KEY",),
    "workspace_id": ("DASHSCOPE_WORKSPACE", "DASHSCOPE_WORKSPACE_ID"),
    "region": ("DASHSCOPE_REGION",),
    "base_url": ("DASHSCOPE_BASE_URL",),
}

# The same in every process, so that caches on a disk or a server survive a restart.
_CACHE_LABEL = b"langchain-qwen-workspace cache identity"

# The validation context of values that were already completed from the environment.
_RESOLVED: dict[str, Any] = {}

RegionField = Annotated[AnyRegionId, BeforeValidator(endpoints.region_id)]


class QwenWorkspace(KnownArgumentsOnly, management.ManagedByKey):
    """A workspace of Alibaba Cloud Model Studio, as a value: frozen and hashable, with a hidden key.

    Values that are not given come from the environment (`DASHSCOPE_API_KEY`, `DASHSCOPE_WORKSPACE` or
    `DASHSCOPE_WORKSPACE_ID`, `DASHSCOPE_REGION`, `DASHSCOPE_BASE_URL`); given values take precedence. No `OPENAI_*`
    variable is read.

    Example:
        ```python
        from langchain_qwen_workspace import QwenWorkspace

        team_a = QwenWorkspace(api_key="sk-…", workspace_id="llm-team-a", region="singapore")
        ```

    Attributes:
        api_key: The workspace's key, also accepted as `dashscope_api_key`. If there is none, the first call raises
            `MissingApiKeyError`. For keys that are rotated, a callable that returns the key: it is called when the key
            is first needed, and again after the service refused the key (HTTP 401); if the new key differs, the request
            is sent once more. An `async def` works for asynchronous calls only. Give every workspace the same callable,
            not a new one for each: equal ones share connections.
        workspace_id: The workspace's id (`llm-…` or `ws-…`, in the console's workspace details). Names the
            workspace's own host, and is sent as the header `X-DashScope-WorkSpace` on every protocol.
        region: The region's id, or its everyday name (`beijing`, `singapore`, `virginia`, `hongkong`,
            `frankfurt`, `tokyo`; `finance` for the finance cloud). A key works only in the region in which it was
            created. Default: that of `base_url`, which is `None` if its host does not name a region; without
            `base_url`, Singapore.
        endpoint: The host to call: `"workspace"` (the workspace's own), `"shared"` (the region's) or `"trial"`.
            Default: the workspace's own if `workspace_id` is known, else the shared one, which Frankfurt and Tokyo do
            not have.
        base_url: Replaces the region's host: an origin (`http://127.0.0.1:8089`), to which the protocol's path is
            added, or a full base URL, which is used unchanged. A Model Studio host in it also sets region and
            workspace. A URL with a login is refused; plain http to another machine gives a warning, except over a
            private connection (PrivateLink), which has no https.
        server: The server at `base_url`: Model Studio, or another one that runs Qwen, such as a vLLM of your own.
            Default: `"auto"`, which means Model Studio unless the URL can only be another server's: it has a host and a
            path (such as `/v1`) that are not Model Studio's, and neither `workspace_id` nor `endpoint` is given. Name
            another server to have parameters sent in its form: `"vllm"`, `"sglang"`, `"ollama"`, `"llama_cpp"`,
            `"lm_studio"`, or `"openai"` for any other, which is what `"auto"` assumes. Another server needs no key. It
            never gets the environment's key or a header of Model Studio, and no fact about Model Studio's models
            applies to it. `"model_studio"` is for a gateway to Model Studio.
        allowed_models: The models that may be called. Calls of any other model are refused before anything is sent,
            even if the service would permit them. Default: all.

    Raises:
        ValueError: The values contradict each other, name what does not exist, or the key is one of a Token Plan
            or Coding Plan (`sk-sp-…`), which the pay-as-you-go hosts refuse.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        defer_build=False, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    api_key: ApiKey | None = None
    workspace_id: str | None = None
    region: RegionField | None = None
    endpoint: EndpointKind | None = None
    base_url: str | None = None
    server: Server = "auto"
    allowed_models: frozenset[str] | None = None

    if TYPE_CHECKING:  # What may be given, which is more than the fields hold.

        def __init__(
            self,
            *,
            api_key: ApiKeyArgument | None = None,
            dashscope_api_key: ApiKeyArgument | None = None,
            workspace_id: str | None = None,
            region: RegionArgument | None = None,
            endpoint: EndpointKind | None = None,
            base_url: str | None = None,
            server: Server = "auto",
            allowed_models: Collection[str] | None = None,
        ) -> None: ...

    @model_validator(mode="after")
    def _check(self) -> "QwenWorkspace":
        if self.workspace_id is not None:
            endpoints.workspace_label(self.workspace_id)
        if self.base_url is not None and self.endpoint is not None:
            raise ConfigurationError("`base_url` and `endpoint` both set the host: give only one of them.")
        server = self._other_server()
        if server is not None:
            servers.check_server(server, vars(self))
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
        sends_key = server is None or self.api_key is not None
        if self.base_url is not None and sends_key and (host := endpoints.insecure_host(self.base_url)):
            warn_user(
                f"`base_url` calls {host!r} by plain http: the key and every message can be read on the way. Use "
                "https; for a gateway in a network that is yours, filter this warning."
            )
        if isinstance(self.api_key, SecretStr):
            self.check_key(self.api_key)
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any, info: ValidationInfo) -> Any:
        """Add what the environment and the base URL state about values that are not given."""
        if not isinstance(values, Mapping):
            return values
        given = {name: value for name, value in values.items() if value is not None}
        found = {} if info.context is _RESOLVED else _from_environment(given)
        if "endpoint" in given or _contradicts(found.get("base_url"), given):
            found.pop("base_url", None)
        merged = found | given
        if isinstance(base_url := merged.get("base_url"), str):
            located = endpoints.locate(base_url)
            # A host that was given explicitly takes precedence over an id or region from the environment.
            stated = given if "base_url" in given else merged
            if servers.other_server({**stated, "base_url": base_url}, service_paths()) is not None:
                # What the environment says about Model Studio does not concern another server.
                return _without_environment_key({"base_url": base_url, **given})
            implied = {"region": located.region, "workspace_id": located.workspace_id}
            merged |= {name: implied[name] for name in implied if implied[name] and name not in stated}
        elif base_url is None:
            merged.setdefault("region", DEFAULT_REGION)
        return merged

    @property
    def origin(self) -> str:
        """The origin of the host that is called, such as `https://dashscope-intl.aliyuncs.com`, or `base_url`."""
        return self.base_url or endpoints.origin(
            region=endpoints.region_id(self.region or DEFAULT_REGION),
            workspace_id=self.workspace_id,
            endpoint=self.endpoint,
        )

    def base_url_for(self, protocol: str, service: Service = "models") -> str:
        """Return the base URL for a protocol's SDK.

        Args:
            protocol: The protocol's name, such as `"openai"`.
            service: `"models"` for chat and embeddings, `"rerank"` for ranking, `"files"` for files and batches.

        Raises:
            ConfigurationError: `base_url` has another protocol's path.
        """
        if self._other_server() is not None:
            return endpoints.with_server_path(self.origin, SERVER_PATH)
        return endpoints.with_path(self.origin, protocol_name(protocol), service, base_paths())

    def check_key(self, key: SecretStr) -> None:
        """Raise if a key cannot work at the workspace's host.

        Raises:
            ConfigurationError: It is a key of a Token Plan or Coding Plan, for a pay-as-you-go host.
        """
        endpoints.check_key_fits(key.get_secret_value(), self.origin)

    def check_allowed(self, model: str, protocol: str | None = None) -> None:
        """Raise if a model is not one of `allowed_models`.

        Args:
            model: The model's name.
            protocol: The protocol of the call, for the error.

        Raises:
            PermissionDeniedError: It is not; nothing was sent.
        """
        if self.allowed_models is None or model in self.allowed_models:
            return
        allowed = ", ".join(sorted(self.allowed_models)) or "none"
        raise PermissionDeniedError(
            f"Model {model!r} is not among the workspace's `allowed_models` ({allowed}); nothing was sent.",
            model=model,
            protocol=protocol,
            region=self.region,
            workspace_id=self.workspace_id,
            hint="Use one of them, or add it to `allowed_models` of the `QwenWorkspace`.",
        )

    def catalogue(self, **filters: Unpack[CatalogueFilters]) -> Catalogue:
        """Return the service's own catalogue of models: limits, media, retirement and prices.

        It lists the models of the service, not those that the workspace may call (`permitted_models`).

        Args:
            **filters: What to ask for, such as `capabilities=["TG"]`. Default: all models.

        Raises:
            ConfigurationError: There is no such filter; nothing was sent.
            QwenWorkspaceError: The service refused, or was not reached.
        """
        return catalogue.read_catalogue(*self._catalogue_management(), filters)

    async def acatalogue(self, **filters: Unpack[CatalogueFilters]) -> Catalogue:
        """Return the service's own catalogue of models, like `catalogue`."""
        return await catalogue.aread_catalogue(*self._catalogue_management(), filters)

    def _catalogue_management(self, **settings: Any) -> tuple[Transport, Destination]:
        """Return the transport to the host that serves the catalogue, and the destination of its requests."""
        return self._serving_catalogue()._management(**settings)  # noqa: SLF001 - a value of this class

    def _serving_catalogue(self) -> Self:
        """Return the workspace at the host that serves the catalogue, which is a shared one in some regions."""
        if self.endpoint is None and self.base_url is None and self.region in catalogue.SHARED_HOST_REGIONS:
            return self.model_copy(update={"endpoint": "shared"})
        return self

    def _management(
        self, *, timeout: float = management.TIMEOUT, max_retries: int = management.MAX_RETRIES
    ) -> tuple[Transport, Destination]:
        """Return the transport to the management API, and the destination of its requests."""
        connection = self._connection(MANAGEMENT_PROTOCOL, timeout=timeout, max_retries=max_retries)
        transport = transport_for(MANAGEMENT_PROTOCOL, connection)
        return DeadlineTransport(transport, management.TOTAL_TIMEOUT, is_fixed=True), connection.destination

    def _is_model_studio(self, protocol: str) -> bool:
        """Return whether a protocol's calls go to Model Studio: to a host or by a path of its own."""
        url = self.base_url_for(protocol)
        if endpoints.locate(url).brand is not None or self.server == "model_studio":
            return True
        return self._other_server() is None and url.endswith(base_paths()[protocol]["models"])

    def _other_server(self) -> OtherServer | None:
        """Return the server that answers, `None` for Model Studio.

        Methods whose names end in `_at` take it as an argument, so that they need not look for it again.
        """
        if self.base_url is None and self.server == "auto":
            return None
        return servers.other_server(vars(self), service_paths())

    def _url_of_service(self, protocol: str, service: Service = "models") -> str:
        """Return the base URL of one of this workspace's services.

        Raises:
            ConfigurationError: `base_url` has another protocol's path, or its server has not the protocol or service.
        """
        if (server := self._other_server()) is not None:
            check_serves_others(protocol, service, server, self.origin)
        return self.base_url_for(protocol, service)

    def _cache_identity(self) -> str | None:
        """Return what identifies this workspace in caches that processes share; `None` if that is not known.

        It is the origin with the workspace's id, or with a digest of the key: the shared hosts serve every workspace.
        """
        if self.workspace_id is not None:
            return f"{self.origin} {self.workspace_id.lower()}"
        if self.api_key is None:
            return self.origin
        if not isinstance(self.api_key, SecretStr):
            return None
        key = self.api_key.get_secret_value().encode()
        return f"{self.origin} {hmac.new(_CACHE_LABEL, key, hashlib.sha256).hexdigest()}"

    def _destination(self, protocol: str) -> Destination:
        return self._destination_at(self._other_server(), protocol)

    def _destination_at(self, server: OtherServer | None, protocol: str) -> Destination:
        return Destination(protocol, self.region, self.workspace_id, server.name if server else None)

    def _connection(self, protocol: str, service: Service = "models", **settings: Any) -> Connection:
        """Return the connection to one of this workspace's services.

        Args:
            protocol: The protocol's name.
            service: The service.
            **settings: The other attributes of a `Connection`.

        Raises:
            MissingApiKeyError: There is no key, and the server needs one.
            ConfigurationError: `base_url` has another protocol's path, or the server has not the protocol or service.
        """
        server = self._other_server()
        base_url = self._url_of_service(protocol, service)
        provider = self.api_key if isinstance(self.api_key, KeyProvider) else None
        return Connection(
            base_url=base_url,
            api_key=self._key_at(server, protocol),
            key_provider=provider,
            destination=self._destination_at(server, protocol),
            **settings,
        )

    def _key_for(self, protocol: str) -> str:
        """Return the key in clear, for the SDK; empty where a key provider gives each request its own.

        It is empty as well for another server without a key, which never gets the environment's.

        Raises:
            MissingApiKeyError: There is none, for Model Studio.
        """
        return self._key_at(self._other_server(), protocol)

    def _key_at(self, server: OtherServer | None, protocol: str) -> str:
        if server is not None and (self.api_key is None or isinstance(self.api_key, EnvironmentKey)):
            return ""
        if self.api_key is None:
            raise MissingApiKeyError(
                "There is no API key for the workspace; nothing was sent.",
                protocol=protocol,
                region=self.region,
                workspace_id=self.workspace_id,
                hint="Set the environment variable DASHSCOPE_API_KEY or pass `api_key=`. To try things without a "
                "key, call the offline sandbox: `langchain_qwen_workspace.sandbox.Sandbox`, or "
                "`qwen-workspace sandbox` in a shell.",
            )
        return self.api_key.get_secret_value() if isinstance(self.api_key, SecretStr) else ""

    @classmethod
    def _from_resolved(cls, values: Mapping[str, Any]) -> Self:
        """Return a workspace of values that need nothing from the environment any more."""
        workspace = cls.__new__(cls)
        # `model_validate` would call `__init__`, which knows no context.
        workspace.__pydantic_validator__.validate_python(
            cls._protect_secrets(values), self_instance=workspace, context=_RESOLVED
        )
        return workspace


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
    if "api_key" in found:
        found["api_key"] = EnvironmentKey(found["api_key"])
    return found


def _without_environment_key(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, EnvironmentKey)}


def _contradicts(base_url: str | None, given: Mapping[str, Any]) -> bool:
    """Return whether a base URL from the environment belongs to another region or workspace than the given one."""
    if base_url is None:
        return False
    located = endpoints.locate(base_url)
    region, workspace_id = given.get("region"), given.get("workspace_id")
    return bool(
        (isinstance(region, str) and located.region and endpoints.region_id(region) != located.region)
        or (workspace_id and located.workspace_id and workspace_id != located.workspace_id)
    )
