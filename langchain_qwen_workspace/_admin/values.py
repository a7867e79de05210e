"""The values of administration: what a workspace, a key, a limit are, and how responses and requests write them."""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from langchain_qwen_workspace._admin.flows import Json, invalid_response
from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace._workspace.permissions import ModelLimits, ModelPermission, RateLimit
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.workspace import QwenWorkspace

ALL: Literal["all"] = "all"
ANYWHERE: Literal["anywhere"] = "anywhere"
Models: TypeAlias = Sequence[str] | Literal["all"]
IpRanges: TypeAlias = Sequence[str] | Literal["anywhere"]

# The service sets these for an empty list.
EVERY_IPV4, EVERY_IPV6 = "0.0.0.0/0", "::/0"
# IPv6 ranges are not supported in Virginia (Model Studio docs, API keys, 2026-08-20).
_WITHOUT_IPV6 = frozenset({"us-east-1"})
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class WorkspaceInfo:
    """A workspace, as the control plane lists it.

    Attributes:
        id: The id (`llm-…`).
        name: The name; several workspaces may have the same one.
        host: The host that serves its models, if the service states it.
        region: The region, if the service states it.
        service_site: The deployment scope, such as `asia-pacific-china`, if the service states it.
        created_at: When it was created, if the service states it.
    """

    id: str
    name: str
    host: str | None = None
    region: str | None = None
    service_site: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a key may be used for.

    Attributes:
        models: The models that it may call, if its workspace may call them; `"all"` for all those of its workspace.
        ip_ranges: The addresses from which it works, as CIDR ranges; `"anywhere"` for every address.
    """

    models: tuple[str, ...] | Literal["all"] = ALL
    ip_ranges: tuple[str, ...] | Literal["anywhere"] = ANYWHERE


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """An API key of a workspace, without its value, which the service returns only when the key is created or reset.

    Attributes:
        id: The key's id.
        workspace_id: The workspace that it belongs to.
        description: Its description.
        scope: What it may be used for; `None` if the service states it in a form that this version does not know.
        enabled: Whether it is enabled.
        created_by: The account that created it, if the service states it.
        created_at: When it was created, if the service states it.
    """

    id: str
    workspace_id: str
    description: str
    scope: KeyScope | None
    enabled: bool
    created_by: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A key that was just created or reset, with its value, which the service returns only this once.

    Attributes:
        id: The key's id.
        workspace: The workspace with the key, ready for `ChatQwenWorkspace(workspace=…)`. Its `repr` hides the key,
            which is `workspace.api_key.get_secret_value()`.
    """

    id: str
    workspace: QwenWorkspace


def check_workspace_id(workspace_id: object) -> str:
    """Return a workspace id. An empty one is never sent: the service would take the default workspace.

    Raises:
        ConfigurationError: It is empty or not an id.
    """
    if not isinstance(workspace_id, str) or not workspace_id:
        raise ConfigurationError(
            f"The workspace id is {workspace_id!r}. Expected an id such as `llm-…`; for an empty one the service would "
            "take the account's default workspace."
        )
    return endpoints.workspace_label(workspace_id)


def check_key_id(key_id: object) -> str:
    """Return the id of a key.

    Raises:
        ConfigurationError: It is empty, not an id, or a key itself.
    """
    text = str(key_id) if isinstance(key_id, str | int) and not isinstance(key_id, bool) else ""
    if text.startswith("sk-"):
        raise ConfigurationError(
            "The key id begins with `sk-`, as keys do. Expected the key's id, such as `12`, which `keys()` lists."
        )
    if not _KEY_ID.fullmatch(text):
        raise ConfigurationError(f"Key id {key_id!r} is not valid. Expected the id of a key, such as `12`.")
    return text


def check_name(name: object) -> str:
    """Return the name of a workspace.

    Raises:
        ConfigurationError: It is empty or not a text.
    """
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"Workspace name {name!r} is not valid. Expected a text that is not empty.")
    return name


def check_models(models: object) -> tuple[str, ...]:
    """Return the names of models, each once.

    Raises:
        ConfigurationError: There is none, or one is not a name.
    """
    found = _texts(models)
    if not found:
        raise ConfigurationError(f"`models` is {models!r}. Expected a list with at least one model's name.")
    return found


def key_scope(models: Models, ip_ranges: IpRanges) -> KeyScope:
    """Return the scope of a key. An empty list is refused, since the service would read it as "no restriction".

    Raises:
        ConfigurationError: A list is empty, or has what is not a model's name or not an IP range.
    """
    ranges = ip_ranges
    if ranges != ANYWHERE:
        ranges = _texts(ip_ranges)
        if not ranges:
            raise ConfigurationError(
                f"`ip_ranges` is {ip_ranges!r}. Expected a list of ranges such as `203.0.113.0/24`, or {ANYWHERE!r}; "
                "the service would read an empty list as from anywhere."
            )
        for text in ranges:
            normal_range(text)
    return KeyScope(ALL if models == ALL else check_models(models), tuple(ranges) if ranges != ANYWHERE else ANYWHERE)


def _texts(given: object) -> tuple[str, ...]:
    """Return the texts of a collection, each once; nothing if it is a text itself or has anything else in it."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        return ()
    items = list(given)
    if not all(isinstance(item, str) and item.strip() for item in items):
        return ()
    return tuple(dict.fromkeys(items))


def normal_range(text: str) -> str:
    """Return an IP range in its shortest form.

    Raises:
        ConfigurationError: It is not an address or a CIDR range.
    """
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ConfigurationError(
            f"IP range {text!r} is not valid. Expected an address or a CIDR range, such as `203.0.113.0/24`."
        ) from None


def every_address(region: str) -> list[str]:
    """Return the ranges that stand for every address."""
    return [EVERY_IPV4] if region in _WITHOUT_IPV6 else [EVERY_IPV4, EVERY_IPV6]


# ------------------------------------------------------------------------------------------------- as requests have it


def auth_of(scope: KeyScope, region: str) -> Json:
    """Return a key's scope as requests have it, always complete: a partial one would be filled up by the service."""
    if scope == KeyScope():
        return {"type": "All"}
    models: Json = {"allowAllModels": True}
    if scope.models != ALL:
        models = {"allowAllModels": False, "accessibleModels": list(scope.models)}
    ranges = every_address(region) if scope.ip_ranges == ANYWHERE else list(scope.ip_ranges)
    return {"type": "Custom", "accessIps": ranges, "modelAccessScope": models}


def limit_fields(limit: RateLimit) -> Json:
    """Return a limit as requests have it, without what is not set."""
    fields = {
        "requestLimit": limit.requests,
        "requestLimitPeriod": limit.requests_period,
        "usageLimit": limit.usage,
        "usageLimitPeriod": limit.usage_period,
    }
    return {name: value for name, value in fields.items() if value is not None}


# ------------------------------------------------------------------------------------------------ as responses have it


def reasons(body: Mapping[str, Any]) -> str:
    """Return the reasons that a response gives for not deleting a workspace, to be added to a message."""
    rows = body.get("failReasons")
    named = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    texts = [f"{row.get('resourceType') or 'something'}: {row.get('reason') or 'no reason given'}" for row in named]
    return f" Reasons: {'; '.join(text.rstrip('.') for text in texts)}." if texts else ""


def rows_in(body: Json, name: str, operation: str, *required: str) -> list[Json]:
    """Return the rows of a list.

    Raises:
        InvalidResponseError: There is no list, or a row lacks a required field.
    """
    rows = body.get(name)
    if rows is None and (name in body or body.get("totalCount") == 0):
        return []
    if isinstance(rows, list) and all(isinstance(row, dict) and _has(row, required) for row in rows):
        return rows
    raise invalid_response(operation, f"a list `{name}` of objects with {_names(required)}", body)


def object_in(body: Json, name: str, operation: str, *required: str) -> Json:
    """Return an object.

    Raises:
        InvalidResponseError: There is none, or it lacks a required field.
    """
    found = body.get(name)
    if isinstance(found, dict) and _has(found, required):
        return found
    raise invalid_response(operation, f"an object `{name}` with {_names(required)}", body)


def _has(row: Json, required: Iterable[str]) -> bool:
    return all(isinstance(row.get(name), str | int) and row[name] != "" for name in required)


def _names(required: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in required) or "any fields"


def to_snake_case(given: Any) -> Any:
    """Return a value of a response with its fields named as the workspaces' own API names them."""
    if isinstance(given, dict):
        return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): to_snake_case(each) for name, each in given.items()}
    return [to_snake_case(each) for each in given] if isinstance(given, list) else given


def to_workspace(row: Json) -> WorkspaceInfo:
    """Return a workspace of a response."""
    return WorkspaceInfo(
        id=str(row["workspaceId"]),
        name=str(row.get("workspaceName") or ""),
        host=row.get("apiHost") or None,
        region=row.get("region") or None,
        service_site=row.get("serviceSite") or None,
        created_at=_time(row.get("gmtCreate")),
    )


def to_key(row: Json) -> KeyInfo:
    """Return a key of a response, without its value."""
    return KeyInfo(
        id=str(row["apiKeyId"]),
        workspace_id=str(row.get("workspaceId") or ""),
        description=str(row.get("description") or ""),
        scope=_to_scope(row.get("auth")),
        enabled=not row.get("disabled"),
        created_by=row.get("createdBy") or None,
        created_at=_time(row.get("gmtCreate")),
    )


def _to_scope(auth: object) -> KeyScope | None:
    if not isinstance(auth, dict):
        return None
    if auth.get("type") == "All":
        return KeyScope()
    models = auth.get("modelAccessScope")
    if auth.get("type") != "Custom" or not isinstance(models, dict):
        return None
    ranges = _texts(auth.get("accessIps"))
    return KeyScope(
        ALL if models.get("allowAllModels") else _texts(models.get("accessibleModels")),
        ANYWHERE if not ranges or EVERY_IPV4 in ranges else ranges,
    )


def to_permission(row: Json) -> ModelPermission:
    """Return a model's permission of a response."""
    granted = row.get("permissions")
    granted = granted if isinstance(granted, dict) else {}
    return ModelPermission(
        model=str(row["model"]),
        name=str(row.get("name") or row["model"]),
        inference=bool(granted.get("inference")),
        fine_tune=bool(granted.get("fineTune")),
        deploy=bool(granted.get("deploy")),
    )


def to_limits(row: Json, workspace_id: str) -> ModelLimits:
    """Return a model's limits of a response."""
    return ModelLimits(
        model=str(row["model"]),
        workspace_id=row.get("workspaceId") or workspace_id,
        account=_to_limit(row.get("modelLimit")),
        workspace=_to_limit(row.get("workspaceLimit")),
    )


def _to_limit(limit: object) -> RateLimit | None:
    if not isinstance(limit, dict):
        return None
    found = RateLimit(
        requests=limit.get("requestLimit"),
        requests_period=limit.get("requestLimitPeriod"),
        usage=limit.get("usageLimit"),
        usage_period=limit.get("usageLimitPeriod"),
        usage_field=limit.get("usageLimitField"),
    )
    return None if found.requests is None and found.usage is None else found


def _time(value: object) -> datetime | None:
    """Return the time of a number of milliseconds since 1970."""
    try:
        return datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) else None
    except (ValueError, OverflowError, OSError):
        return None


def ready_workspace(info: WorkspaceInfo, region: str) -> QwenWorkspace:
    """Return a workspace without a key, called at the host that the service states for it."""
    region_id = endpoints.region_id(region)
    own = endpoints.origin(region=region_id, workspace_id=info.id, endpoint="workspace")
    stated: dict[str, str] = {}
    if info.host and f"https://{info.host}" != own:
        name = info.host.rsplit(":", 1)[0].strip("[]")
        base_url = f"{'http' if endpoints.is_loopback(name) else 'https'}://{info.host}"
        stated = {"base_url": base_url}
    return QwenWorkspace._from_resolved({"workspace_id": info.id, "region": region_id, **stated})  # noqa: SLF001 - a value of this package
