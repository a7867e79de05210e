"""Regions, their hosts, and the base URLs made of them."""

import ipaddress
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from langchain_qwen_workspace._suggestions import did_you_mean
from langchain_qwen_workspace.data._hosts import HOSTS, OTHER_PATHS, SERVICE_DOMAINS, Host
from langchain_qwen_workspace.errors import ConfigurationError

RegionId: TypeAlias = Literal[
    "cn-beijing", "ap-southeast-1", "us-east-1", "cn-hongkong", "eu-central-1", "ap-northeast-1"
]
"""The regions in which Model Studio serves models."""

AnyRegionId: TypeAlias = RegionId | Literal["cn-shanghai-finance-1"]
"""These, and the region of the finance cloud, which is closed to others."""

_RegionName: TypeAlias = Literal["beijing", "singapore", "virginia", "hongkong", "frankfurt", "tokyo"]
RegionArgument: TypeAlias = AnyRegionId | _RegionName | str
"""What may be given as a region: its id or everyday name, in any case; `str`, since it often comes from a setting."""

EndpointKind: TypeAlias = Literal["workspace", "shared", "trial"]
"""One of a region's hosts: the workspace's own, the shared one, or the one for trials."""

DEFAULT_REGION: RegionId = "ap-southeast-1"

Service: TypeAlias = Literal["models", "rerank", "files"]
"""A part of the service that has a base URL of its own."""


@dataclass(frozen=True, slots=True)
class Region:
    """One region and its hosts.

    Attributes:
        name: The everyday name, accepted wherever a region is expected.
        shared_host: The host for every key of the region, `None` if it has none.
        has_trial: Whether `trial.{region}` exists.
        has_own_hosts: Whether each workspace has a host of its own.
    """

    name: str
    shared_host: str | None
    has_trial: bool
    has_own_hosts: bool = True


# Model Studio docs, base URL overview, 2026-10-11. dashscope 2.0.2 maps the last three without a workspace to
# Singapore's host, where their keys are refused: Virginia has a host of its own, Frankfurt and Tokyo have none.
REGIONS: dict[RegionId, Region] = {
    "cn-beijing": Region("Beijing", "dashscope.aliyuncs.com", has_trial=True),
    "ap-southeast-1": Region("Singapore", "dashscope-intl.aliyuncs.com", has_trial=True),
    "cn-hongkong": Region("HongKong", "cn-hongkong.dashscope.aliyuncs.com", has_trial=True),
    "us-east-1": Region("Virginia", "dashscope-us.aliyuncs.com", has_trial=False),
    "eu-central-1": Region("Frankfurt", None, has_trial=False),
    "ap-northeast-1": Region("Tokyo", None, has_trial=False),
}

# Only its shared host is documented (Model Studio docs, model calling in a sub-workspace, 2025-12).
_FINANCE = Region("Finance", "dashscope-finance.aliyuncs.com", has_trial=False, has_own_hosts=False)
_ALL_REGIONS: dict[AnyRegionId, Region] = {
    **dict[AnyRegionId, Region](REGIONS.items()),
    "cn-shanghai-finance-1": _FINANCE,
}
_BY_ID: dict[str, AnyRegionId] = {id_: id_ for id_ in _ALL_REGIONS}
_BY_NAME: dict[str, AnyRegionId] = _BY_ID | {region.name.lower(): id_ for id_, region in _ALL_REGIONS.items()}

_LABELS = {
    r"\{region\}": "(?P<region>[a-z0-9-]+)",
    r"\{workspace\}": "(?P<workspace>[a-z0-9_-]+)",
    r"\{any\}": "[a-z0-9_-]+",
}


def _pattern_of(name: str) -> re.Pattern[str]:
    pattern = re.escape(name)
    for placeholder, label in _LABELS.items():
        pattern = pattern.replace(placeholder, label)
    return re.compile(pattern)


_HOST_PATTERNS: tuple[tuple[re.Pattern[str], Host], ...] = tuple((_pattern_of(host.name), host) for host in HOSTS)
_SERVICE_DOMAINS = re.compile(SERVICE_DOMAINS)
# The rule of dashscope 2.0.2 (`common/env.py`): an id must not be able to change the host.
_WORKSPACE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEY_PREFIX = "sk-"
_PLAN_KEY_PREFIX = "sk-sp-"
_RESERVED_LABELS = frozenset({"trial", "token-plan"})


def region_id(name: object) -> AnyRegionId:
    """Return the id of a region given by its id or its everyday name, in any case.

    Raises:
        ConfigurationError: There is no such region.
    """
    if isinstance(name, str) and (found := _BY_NAME.get(name.strip().lower())):
        return found
    known = ", ".join(f"`{id_}` ({region.name.lower()})" for id_, region in REGIONS.items())
    raise ConfigurationError(
        f"Region {reprlib.repr(name)} does not exist.{did_you_mean(name, _BY_NAME)} Expected one of {known}."
    )


def workspace_label(workspace_id: str) -> str:
    """Return a workspace id that is safe as a host's first label.

    Raises:
        ConfigurationError: It is not a workspace id.
    """
    if workspace_id.lower().startswith(_KEY_PREFIX):
        # It has the form of an id, and would be sent in clear as the name of a host.
        raise ConfigurationError(
            "`workspace_id` begins with `sk-`, as keys do. Expected the id from the console's workspace details "
            "(`llm-…` or `ws-…`). Pass the key as `api_key`."
        )
    if not _WORKSPACE_ID.fullmatch(workspace_id) or workspace_id.lower() in _RESERVED_LABELS:
        raise ConfigurationError(
            f"Workspace id {workspace_id!r} is not valid. Expected the id from the console's workspace details "
            "(`llm-…` or `ws-…`): 1 to 64 letters, digits, `-` or `_`, beginning with a letter or digit."
        )
    return workspace_id


def has_shared_host(region: str | None) -> bool:
    """Return whether a region has a host for every key; of a region that is not known, the default one's counts."""
    return _ALL_REGIONS[region_id(region or DEFAULT_REGION)].shared_host is not None


def region_name(region: str | None) -> str:
    """Return a region with its everyday name, for messages; `unknown` if it is not known."""
    return "an unknown region" if region is None else f"{region} ({_ALL_REGIONS[region_id(region)].name})"


@dataclass(frozen=True, slots=True)
class Location:
    """What the host of a URL implies, if it is one of Model Studio's.

    Attributes:
        region: The host's region, `None` if its name does not say it.
        workspace_id: The workspace that the host belongs to, if it belongs to one.
        brand: Whose host it is: Model Studio's or a sister brand's; `None` for any other host.
        ordinary: Whether the host takes pay-as-you-go keys, and refuses those of the `sk-sp-` plans.
        http_only: Whether the host has no https.
    """

    region: AnyRegionId | None = None
    workspace_id: str | None = None
    brand: str | None = None
    ordinary: bool = False
    http_only: bool = False


# Making a model calls it four times (18 of 140 µs).
@lru_cache(maxsize=256)
def locate(base_url: str) -> Location:
    """Return what a base URL's host implies.

    Raises:
        ConfigurationError: It is not an http(s) URL without login, query and fragment.
    """
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        valid = parts.port != 0 and parts.scheme in {"http", "https"} and bool(host) and parts.username is None
    except ValueError:
        valid, host = False, ""
    if not valid or not base_url.isprintable() or set(base_url) & set(" ?#"):
        raise ConfigurationError(
            f"`base_url` {base_url!r} cannot be used. Expected an origin such as `https://host`, to which the "
            "protocol's path is added, or a full base URL such as `https://host/compatible-mode/v1`; without a login, "
            "a query or a fragment."
        )
    found = next(((match, row) for pattern, row in _HOST_PATTERNS if (match := pattern.fullmatch(host))), None)
    if found is None:
        return Location(brand="Model Studio" if _SERVICE_DOMAINS.fullmatch(host) else None)
    match, row = found
    labels = match.groupdict()
    region = _BY_ID.get(labels.get("region") or row.region or "")
    if region is None and "region" in labels:
        # A region that is newer than this package, or no region at all: nothing is read from the name.
        return Location(brand=row.brand)
    return Location(region, labels.get("workspace"), row.brand, row.keys == "ordinary", row.http_only)


@lru_cache(maxsize=256)
def is_other_server(base_url: str, paths: tuple[str, ...]) -> bool:
    """Return whether a base URL can only be that of another server than Model Studio.

    Its host is none of the service's, and it has a path, which none of the service's base URLs ends in.

    Args:
        base_url: The base URL.
        paths: The paths of the service's base URLs.
    """
    path = urlsplit(base_url).path.rstrip("/")
    return locate(base_url).brand is None and bool(path) and not path.endswith((*paths, *OTHER_PATHS))


@lru_cache(maxsize=256)
def insecure_host(base_url: str) -> str | None:
    """Return the host of a base URL that uses plain http to another machine, though https may be had.

    `None` for any other URL, also for one of a private connection (PrivateLink), which has no https.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    is_insecure = parts.scheme == "http" and not is_loopback(host) and not locate(base_url).http_only
    return host if is_insecure else None


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, without asking a resolver."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origin(*, region: AnyRegionId, workspace_id: str | None, endpoint: EndpointKind | None) -> str:
    """Return the origin to which a workspace's calls go.

    Args:
        region: The region's id.
        workspace_id: The workspace's id, if known.
        endpoint: The kind of host. Default: the workspace's own if the id is known, else the shared one.

    Raises:
        ConfigurationError: The region has no such host, or its name needs a workspace id.
    """
    hosts = _ALL_REGIONS[region]
    kind = endpoint or ("workspace" if workspace_id and hosts.has_own_hosts else None)
    if kind == "workspace":
        if not hosts.has_own_hosts:
            raise ConfigurationError(
                f"{hosts.name} (`{region}`) is not known to have hosts for single workspaces. Leave `endpoint` out to "
                "call its shared host, or give the workspace's host as `base_url`."
            )
        if not workspace_id:
            raise ConfigurationError(
                '`endpoint="workspace"` needs a `workspace_id`: the workspace\'s own host is named after it.'
            )
        return f"https://{workspace_label(workspace_id)}.{region}.maas.aliyuncs.com"
    if kind == "trial":
        if not hosts.has_trial:
            raise ConfigurationError(
                f"{hosts.name} (`{region}`) has no trial host; only Beijing, Singapore and Hong Kong have one. "
                'Use `endpoint="workspace"` with a `workspace_id`.'
            )
        return f"https://trial.{region}.maas.aliyuncs.com"
    if hosts.shared_host is None:
        raise ConfigurationError(
            f"{hosts.name} (`{region}`) has no shared host, only hosts of single workspaces. Pass the workspace's id "
            "as `workspace_id`, or set the environment variable DASHSCOPE_WORKSPACE."
        )
    return f"https://{hosts.shared_host}"


def with_path(base_url: str, protocol: str, service: Service, base_paths: Mapping[str, Mapping[Service, str]]) -> str:
    """Return the base URL for an SDK: an origin gets the protocol's path, a URL with another path stays as it is.

    A URL that ends in the path of another service of the protocol gets the path of the requested service.

    Args:
        base_url: An origin or a base URL.
        protocol: The protocol that is called.
        service: The service that is called.
        base_paths: The paths of each protocol and service.

    Raises:
        ConfigurationError: The URL's path belongs to another protocol, whose server responds with `404`.
    """
    url = base_url.rstrip("/")
    path = urlsplit(url).path
    wanted = base_paths[protocol].get(service)
    if not path:
        return url + (wanted or "")
    # The protocol's own paths first: two protocols may share one.
    for other in (protocol, *base_paths):
        if (end := next((end for end in base_paths[other].values() if path.endswith(end)), None)) is None:
            continue
        if other == protocol:
            return url.removesuffix(end) + (wanted or end)
        raise ConfigurationError(
            f'`base_url` {base_url!r} has the path of `protocol="{other}"`, but the protocol is "{protocol}". '
            f'Give the origin alone (`{url.removesuffix(end)}`), or pass `protocol="{other}"`.'
        )
    return url


def with_server_path(base_url: str, path: str) -> str:
    """Return the base URL of another server: an origin gets the path of its API, a URL with a path stays as it is."""
    url = base_url.rstrip("/")
    return url if urlsplit(url).path else url + path


def check_key_fits(key: str, base_url: str) -> None:
    """Raise if a key cannot work at a host.

    Raises:
        ConfigurationError: It is a key of a Token Plan or Coding Plan, and the host takes pay-as-you-go keys.
    """
    if key.startswith(_PLAN_KEY_PREFIX) and locate(base_url).ordinary:
        raise ConfigurationError(
            "`api_key` begins with `sk-sp-`: it belongs to a Token Plan or Coding Plan, whose keys work only on the "
            "plan's own host and whose terms forbid the use in programs. Use a workspace's pay-as-you-go key."
        )
