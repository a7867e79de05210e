"""Reads and changes permitted models and limits through the service's management API, with a workspace's key.

Shapes: Model Studio docs, model permissions and model limits pages, 2026-09-28. They say that "an API key" is needed;
whether the key of a sub-workspace may read the lists is not documented, so expect a refusal.
"""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._seam import Destination, Json, Request, Transport
from langchain_qwen_workspace._workspace.lists import Listing, aread_rows, read_rows
from langchain_qwen_workspace.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)

# The same list has two paths (Model Studio docs, model limits, 2026-09-28: China; international).
_LIMITS_PATHS = {"cn-beijing": "/models/limits"}
_LIMITS_PATH = "/quotas"


@dataclass(frozen=True, slots=True)
class ModelPermission:
    """What the service permits a workspace to do with a model.

    Attributes:
        model: The model's name in calls.
        name: The name in the console.
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
    """A limit on how fast a model may be called; `None` where the service states no limit.

    Attributes:
        requests: Requests in `requests_period` seconds.
        requests_period: The period in seconds.
        usage: The amount of `usage_field` in `usage_period` seconds.
        usage_period: The period in seconds.
        usage_field: The quantity that is limited, such as `total_tokens`.
    """

    requests: int | None = None
    requests_period: int | None = None
    usage: int | None = None
    usage_period: int | None = None
    usage_field: str | None = None


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """How fast a workspace may call a model.

    Attributes:
        model: The model's name.
        workspace_id: The id of the workspace whose key was used.
        account: The account's limit, which all its workspaces share.
        workspace: The workspace's own limit, if it has one.
    """

    model: str
    workspace_id: str | None
    account: RateLimit | None
    workspace: RateLimit | None


_PERMISSIONS = Listing(
    "/models/permissions", "permissions", {"authorization_scope": "AUTHORIZED", "action": "INFERENCE"}
)


def limits_path(region: str | None) -> str:
    """Return the path of the list of limits in a region."""
    return _LIMITS_PATHS.get(region or "", _LIMITS_PATH)


def _limits_listing(region: str | None, model: str | None) -> Listing:
    return Listing(limits_path(region), "quotas", {} if model is None else {"model": model})


def list_permitted_models(transport: Transport, destination: Destination) -> list[ModelPermission]:
    """Return the models that the service lets a workspace call, in the service's order."""
    return [_to_permission(row) for row in read_rows(transport, destination, _PERMISSIONS)]


async def alist_permitted_models(transport: Transport, destination: Destination) -> list[ModelPermission]:
    """Return the models that the service lets a workspace call, like `list_permitted_models`."""
    return [_to_permission(row) for row in await aread_rows(transport, destination, _PERMISSIONS)]


def list_limits(transport: Transport, destination: Destination, model: str | None) -> list[ModelLimits]:
    """Return how fast a workspace may call each model, or one model."""
    listing = _limits_listing(destination.region, model)
    return [_to_limits(row) for row in read_rows(transport, destination, listing)]


async def alist_limits(transport: Transport, destination: Destination, model: str | None) -> list[ModelLimits]:
    """Return how fast a workspace may call each model, or one model, like `list_limits`."""
    listing = _limits_listing(destination.region, model)
    return [_to_limits(row) for row in await aread_rows(transport, destination, listing)]


# ------------------------------------------------------------------------------------------------------------ changes

# Items of one request (Model Studio docs, update model permissions and model limits, 2026-08-20). Both operations are
# documented for Beijing only; whether the key of a sub-workspace may call them is not documented.
_PERMISSIONS_PER_REQUEST, _LIMITS_PER_REQUEST = 20, 200


def grant_models(transport: Transport, destination: Destination, models: Collection[str]) -> None:
    """Permit a workspace to call models."""
    for request in _grants(destination, models):
        with _naming_administrator(grant_command(destination.workspace_id, models, destination.region)):
            _check_success(transport.send(request), request)


async def agrant_models(transport: Transport, destination: Destination, models: Collection[str]) -> None:
    """Permit a workspace to call models, like `grant_models`."""
    for request in _grants(destination, models):
        with _naming_administrator(grant_command(destination.workspace_id, models, destination.region)):
            _check_success(await transport.asend(request), request)


def change_limits(transport: Transport, destination: Destination, limits: Mapping[str, RateLimit | None]) -> None:
    """Set or remove a workspace's own limits."""
    for request in _limit_changes(destination, limits):
        with _naming_administrator(_limits_command(destination.workspace_id, limits, destination.region)):
            _check_success(transport.send(request), request)


async def achange_limits(
    transport: Transport, destination: Destination, limits: Mapping[str, RateLimit | None]
) -> None:
    """Set or remove a workspace's own limits, like `change_limits`."""
    for request in _limit_changes(destination, limits):
        with _naming_administrator(_limits_command(destination.workspace_id, limits, destination.region)):
            _check_success(await transport.asend(request), request)


def grant_command(workspace_id: str | None, models: Iterable[str], region: str | None) -> str:
    """Return the command with which an administrator grants models; a part that is not known stands as its name."""
    return _command("grant", workspace_id, models, region)


def _limits_command(workspace_id: str | None, limits: Mapping[str, RateLimit | None], region: str | None) -> str:
    command = _command("limits", workspace_id, list(limits)[:1], region)
    limit = next(iter(limits.values()))
    if limit is None:
        return f"{command} --remove"
    options = {"requests": limit.requests, "usage": limit.usage}
    return " ".join([command, *(f"--{name} {value}" for name, value in options.items() if value is not None)])


def _command(name: str, workspace_id: str | None, models: Iterable[str], region: str | None) -> str:
    words = ["qwen-workspace", "admin", name, workspace_id or "WORKSPACE", *models]
    return shlex.join([*words, "--region", region] if region else words)


@contextmanager
def _naming_administrator(command: str) -> Iterator[None]:
    """Add to a refusal what an administrator can do."""
    try:
        yield
    except (AuthenticationError, PermissionDeniedError, NotFoundError) as error:
        error.hint = f"This needs an administrator: `{command}`, with an AccessKey."
        raise


def _grants(destination: Destination, models: Collection[Any]) -> Iterator[Request]:
    if isinstance(models, str) or not models or not all(isinstance(model, str) and model for model in models):
        raise ConfigurationError(f"`models` is {models!r}. Expected a list with at least one model's name.")
    items = [{"model": model, "inference": True} for model in dict.fromkeys(models)]
    for start in range(0, len(items), _PERMISSIONS_PER_REQUEST):
        part = items[start : start + _PERMISSIONS_PER_REQUEST]
        yield _post("/models/permissions", {"models": part, "access_all_entities": "KEEP"}, destination)


def _limit_changes(destination: Destination, limits: Mapping[str, RateLimit | None]) -> Iterator[Request]:
    items = [_limit_item(model, limit) for model, limit in limits.items()]
    if not items:
        raise ConfigurationError("`limits` is empty. Expected a dict with a `RateLimit` for each model.")
    for start in range(0, len(items), _LIMITS_PER_REQUEST):
        yield _post("/models/limits", {"models": items[start : start + _LIMITS_PER_REQUEST]}, destination)


def _limit_item(model: str, limit: RateLimit | None) -> Json:
    if limit is None:
        return {"model": model, "operation_type": "DELETE"}
    numbers = {
        "request_limit": limit.requests,
        "request_limit_period": limit.requests_period,
        "usage_limit": limit.usage,
        "usage_limit_period": limit.usage_period,
    }
    given = {name: number for name, number in numbers.items() if number is not None}
    if not given:
        raise ConfigurationError(f"The limit of {model!r} sets nothing. Expected `requests`, `usage` or both.")
    return {"model": model, "operation_type": "OVERLAY", **given}


def _check_success(body: Mapping[str, Any], request: Request) -> None:
    """Raise if a response says under HTTP status 200 that nothing was changed."""
    if body.get("success") is False:
        message = f"The service refused: {body.get('message') or 'it gave no reason'}"
        raise InvalidRequestError(
            message, code=body.get("code"), request_id=body.get("request_id"), **request.error_context
        )


def _post(path: str, body: Json, destination: Destination) -> Request:
    return Request(path=path, body=body, model="", destination=destination)


# -------------------------------------------------------------------------------------------------- rows of responses


def _to_permission(row: Json) -> ModelPermission:
    granted = _object(row.get("permissions"))
    return ModelPermission(
        model=row["model"],
        name=str(row.get("name") or row["model"]),
        inference=bool(granted.get("inference")),
        fine_tune=bool(granted.get("fine_tune")),
        deploy=bool(granted.get("deploy")),
    )


def _to_limits(row: Json) -> ModelLimits:
    return ModelLimits(
        model=row["model"],
        workspace_id=row.get("workspace_id"),
        account=_to_rate_limit(_object(row.get("model_limit"))),
        workspace=_to_rate_limit(_object(row.get("workspace_limit"))),
    )


def _object(given: object) -> Json:
    return given if isinstance(given, dict) else {}


def _to_rate_limit(limit: Json) -> RateLimit | None:
    if not limit:
        return None
    return RateLimit(
        requests=limit.get("request_limit"),
        requests_period=limit.get("request_limit_period"),
        usage=limit.get("usage_limit"),
        usage_period=limit.get("usage_limit_period"),
        usage_field=limit.get("usage_limit_field"),
    )
