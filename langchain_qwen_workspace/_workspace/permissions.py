"""Reads the lists of permitted models and of limits from the service's management API.

Shapes: Model Studio docs, model permissions and model limits pages, 2026-09-28. They say that "an API key" is needed;
whether the key of a sub-workspace may read the lists is not documented, so expect a refusal.
"""

from dataclasses import dataclass

from langchain_qwen_workspace._seam import Destination, Json, Transport
from langchain_qwen_workspace._workspace.lists import Listing, aread_rows, read_rows

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


def _limits_listing(region: str | None, model: str | None) -> Listing:
    return Listing(_LIMITS_PATHS.get(region or "", _LIMITS_PATH), "quotas", {} if model is None else {"model": model})


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
