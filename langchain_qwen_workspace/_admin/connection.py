"""Where and with which credentials an account is administered, and how its operations are run."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from langchain_qwen_workspace._admin.credentials import access_key, check_credential, hide
from langchain_qwen_workspace._admin.flows import Flow, Plane, arun, run
from langchain_qwen_workspace._redaction import redact_error
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError

T = TypeVar("T")

# Those of the official TypeScript SDK's map of endpoints (2026-11-29). Of the others it is not known.
_REGIONS_WITH_CONTROL_PLANE = frozenset({"cn-beijing", "ap-southeast-1", "cn-hongkong", "eu-central-1"})


class AdminConnection:
    """What every operation of an administrator needs: region, credentials, control plane."""

    def __init__(
        self,
        *,
        region: endpoints.RegionArgument = endpoints.DEFAULT_REGION,
        access_key_id: str | SecretStr | None = None,
        access_key_secret: str | SecretStr | None = None,
        security_token: str | SecretStr | None = None,
        credential: Any = None,
        base_url: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 2,
    ) -> None:
        """Create an administrator of one region's workspaces; nothing is sent.

        Args:
            region: The region's id or everyday name. Each region has workspaces, keys and bills of its own. It is not
                known whether Virginia and Tokyo have a control plane (2026-11-29): the calls are sent, with a warning.
                Default: Singapore.
            access_key_id: The AccessKey's id. Default: the environment's `ALIBABA_CLOUD_ACCESS_KEY_ID`.
            access_key_secret: Its secret. Default: `ALIBABA_CLOUD_ACCESS_KEY_SECRET`.
            security_token: The token of temporary credentials (STS). Default: `ALIBABA_CLOUD_SECURITY_TOKEN`. The
                environment is read only if none of the three is given.
            credential: A `Client` of `alibabacloud_credentials.client`, instead of an AccessKey. The SDK's default
                credential chain, which reads files and asks the cloud's metadata address, is used only if you pass it
                here. Default: none.
            base_url: An origin that replaces the region's host: that of the sandbox, or a VPC endpoint such as
                `https://modelstudio-vpc.cn-beijing.aliyuncs.com`. Plain http is accepted only for this machine.
                Default: the region's host.
            timeout: Seconds to wait for each response. Default: 60.
            max_retries: How often a request that is safe to repeat is sent again. Default: 2.

        Raises:
            MissingApiKeyError: There are no credentials.
            ConfigurationError: The credentials are incomplete, a value is not valid, or the extra is not installed.
        """
        # First of all, so that no traceback with variables shows them.
        hidden = hide(access_key_id), hide(access_key_secret), hide(security_token)
        access_key_id, access_key_secret, security_token = hidden
        self._settings: dict[str, Any] = {"region": region, "base_url": None}  # for its text, if it is refused
        self.region = endpoints.region_id(region)
        """The region's id."""
        if credential is not None and any(hidden):
            raise ConfigurationError("`credential` and an AccessKey are both given: give only one of them.")
        if timeout <= 0 or max_retries < 0:
            raise ConfigurationError(
                f"`timeout` is {timeout} and `max_retries` is {max_retries}. Expected a `timeout` above 0 and "
                "`max_retries` of at least 0."
            )
        if base_url is None and self.region not in _REGIONS_WITH_CONTROL_PLANE:
            warn_user(f"Region {self.region} is not known to have a control plane; it is called anyway.")
        self._max_retries = max_retries
        self._settings = {
            "region": self.region,
            "base_url": None if base_url is None else _check_origin(base_url),
            "access_key": access_key(*hidden) if credential is None else None,
            "credential": None if credential is None else check_credential(credential),
            "timeout": timeout,
        }
        self._plane = _connect(self._settings)

    def __repr__(self) -> str:
        where = self._settings["base_url"]
        return f"{type(self).__name__}(region={self._settings['region']!r}{f', base_url={where!r}' if where else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._settings, self._max_retries)

    def _run(self, flow: Flow[T]) -> T:
        outside = sys.exception()
        try:
            return run(flow, self._plane, self._max_retries)
        except QwenWorkspaceError as error:
            # Among the variables of the frames are responses, with values of keys.
            redact_error(error, self._secrets(), outside)
            raise

    async def _arun(self, flow: Flow[T]) -> T:
        outside = sys.exception()
        try:
            return await arun(flow, self._plane, self._max_retries)
        except QwenWorkspaceError as error:
            redact_error(error, self._secrets(), outside)
            raise

    def _secrets(self) -> list[str]:
        key = self._settings["access_key"]
        return key.secrets if key else []


def _connect(settings: Mapping[str, Any]) -> Plane:
    """Return the control plane, whose module imports the SDK.

    Raises:
        ConfigurationError: The SDK is not installed.
    """
    try:
        module = import_module("langchain_qwen_workspace._admin.control_plane")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"Administration needs Alibaba Cloud's SDK, and module {error.name!r} is not installed. Run "
            "`pip install 'langchain-qwen-workspace[admin]'`."
        ) from error
    plane: Plane = module.ControlPlane(module.Settings(**settings))
    return plane


def _restore(admin_class: type[AdminConnection], settings: Mapping[str, Any], max_retries: int) -> AdminConnection:
    admin = admin_class.__new__(admin_class)
    admin.region = settings["region"]
    admin._settings, admin._max_retries = dict(settings), max_retries  # noqa: SLF001 - its own constructor, without checks
    admin._plane = _connect(settings)  # noqa: SLF001 - same
    return admin


def _check_origin(base_url: str) -> str:
    """Return an origin without a slash at its end.

    Raises:
        ConfigurationError: It is not an origin, or one of plain http on another machine.
    """
    endpoints.locate(base_url)  # Raises for what is no URL.
    parts = urlsplit(base_url)
    if parts.path not in {"", "/"}:
        raise ConfigurationError(
            f"`base_url` {base_url!r} has a path. Expected an origin, such as `https://modelstudio.cn-beijing.aliyuncs.com`."
        )
    if host := endpoints.insecure_host(base_url):
        raise ConfigurationError(
            f"`base_url` calls {host!r} by plain http. The values of new keys could be read on the way: use https; "
            "plain http is only for this machine."
        )
    return base_url.rstrip("/")
