"""Regions, their hosts, and the base URLs made of them."""

import ipaddress
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from langchain_qwen_workspace.errors import ConfigurationError

RegionId: TypeAlias = Literal[
    "cn-beijing", "ap-southeast-1", "us-east-1", "cn-hongkong", "eu-central-1", "ap-northeast-1"
]
"""The regions in which Model Studio serves models."""

_RegionName: TypeAlias = Literal["beijing", "singapore", "virginia", "hongkong", "frankfurt", "tokyo"]
RegionArgument: TypeAlias = RegionId | _RegionName | str
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
    """

    name: str
    shared_host: str | None
    has_trial: bool


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

_BY_ID: dict[str, RegionId] = {id_: id_ for id_ in REGIONS}
_BY_NAME: dict[str, RegionId] = _BY_ID | {region.name.lower(): id_ for id_, region in REGIONS.items()}
_BY_SHARED_HOST: dict[str, RegionId] = {r.shared_host: id_ for id_, r in REGIONS.items() if r.shared_host}

# Hosts of the Coding Plan; like the Token Plan's, they alone take the plans' `sk-sp-` keys (docs, 2026-08-18).
_CODING_HOSTS: dict[str, RegionId] = {
    "coding.dashscope.aliyuncs.com": "cn-beijing",
    "coding-intl.dashscope.aliyuncs.com": "ap-southeast-1",
}
_TOKEN_PLAN_LABEL = "token-plan"  # noqa: S105 - a host's label
_REGIONAL_HOST = re.compile(r"(?P<label>[a-z0-9_-]+)\.(?P<region>[a-z0-9-]+)\.maas\.aliyuncs\.com")
# The rule of dashscope 2.0.2 (`common/env.py`): an id must not be able to change the host.
_WORKSPACE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEY_PREFIX = "sk-"
_PLAN_KEY_PREFIX = "sk-sp-"
_RESERVED_LABELS = frozenset({"trial", _TOKEN_PLAN_LABEL})


def region_id(name: object) -> RegionId:
    """Return the id of a region given by its id or its everyday name, in any case.

    Raises:
        ConfigurationError: There is no such region.
    """
    if isinstance(name, str) and (found := _BY_NAME.get(name.strip().lower())):
        return found
    known = ", ".join(f"`{id_}` ({region.name.lower()})" for id_, region in REGIONS.items())
    raise ConfigurationError(f"Region {reprlib.repr(name)} does not exist. Expected one of {known}.")


def workspace_label(workspace_id: str) -> str:
    """Return a workspace id that is safe as a host's first label.

    Raises:
        ConfigurationError: It is not a workspace id.
    """
    if workspace_id.lower().startswith(_KEY_PREFIX):
        # It has the form of an id, and would be sent in clear as the name of a host.
        raise ConfigurationError(
            "`workspace_id` begins with `sk-`, as keys do. Expected the id from the console's workspace details "
            "(`llm-…` or `ws-…`); the key is `api_key`."
        )
    if not _WORKSPACE_ID.fullmatch(workspace_id) or workspace_id.lower() in _RESERVED_LABELS:
        raise ConfigurationError(
            f"Workspace id {workspace_id!r} is not valid. Expected the id from the console's workspace details "
            "(`llm-…` or `ws-…`): 1 to 64 letters, digits, `-` or `_`, beginning with a letter or digit."
        )
    return workspace_id


@dataclass(frozen=True, slots=True)
class Location:
    """What the host of a URL implies, if it is one of Model Studio's.

    Attributes:
        region: The host's region, `None` for a host that is not Model Studio's.
        workspace_id: The workspace that the host belongs to, if it belongs to one.
        ordinary: Whether the host takes pay-as-you-go keys, and refuses those of the `sk-sp-` plans.
    """

    region: RegionId | None = None
    workspace_id: str | None = None
    ordinary: bool = False


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
            "protocol's path is added, or a full base URL such as `https://host/compatible-mode/v1`; without login, "
            "query and fragment."
        )
    if host in _BY_SHARED_HOST:
        return Location(_BY_SHARED_HOST[host], ordinary=True)
    if host in _CODING_HOSTS:
        return Location(_CODING_HOSTS[host])
    match = _REGIONAL_HOST.fullmatch(host)
    if match is None or match["region"] not in _BY_ID:
        return Location()
    own = None if match["label"] in _RESERVED_LABELS else match["label"]
    return Location(_BY_ID[match["region"]], own, ordinary=match["label"] != _TOKEN_PLAN_LABEL)


@lru_cache(maxsize=256)
def insecure_host(base_url: str) -> str | None:
    """Return the host of a base URL that uses plain http to another machine, `None` for any other URL."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    return host if parts.scheme == "http" and not is_loopback(host) else None


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, without asking a resolver."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origin(*, region: RegionId, workspace_id: str | None, endpoint: EndpointKind | None) -> str:
    """Return the origin to which a workspace's calls go.

    Args:
        region: The region's id.
        workspace_id: The workspace's id, if known.
        endpoint: The kind of host. Default: the workspace's own if the id is known, else the shared one.

    Raises:
        ConfigurationError: The region has no such host, or its name needs a workspace id.
    """
    hosts = REGIONS[region]
    kind = endpoint or ("workspace" if workspace_id else None)
    if kind == "workspace":
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
            f"{hosts.name} (`{region}`) has no shared host: a `workspace_id` is needed to reach the workspace's "
            "own (`DASHSCOPE_WORKSPACE` in the environment)."
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
            f"Give the origin alone (`{url.removesuffix(end)}`), or change the protocol."
        )
    return url


def check_key_fits(key: str, base_url: str) -> None:
    """Raise if a key cannot work at a host.

    Raises:
        ConfigurationError: It is a key of a Token Plan or Coding Plan, and the host takes pay-as-you-go keys.
    """
    if key.startswith(_PLAN_KEY_PREFIX) and locate(base_url).ordinary:
        raise ConfigurationError(
            "`api_key` begins with `sk-sp-`: it belongs to a Token Plan or Coding Plan, whose keys work only on the "
            "plan's own host and whose terms forbid use from programs. Use a workspace's pay-as-you-go key."
        )
