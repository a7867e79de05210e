"""The operations on workspaces, their keys, permissions and limits, as flows. Paging and chunks are done here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import SecretStr

from langchain_qwen_workspace._admin import values
from langchain_qwen_workspace._admin.flows import Flow, Json, invalid_response, send
from langchain_qwen_workspace._admin.values import CreatedKey, IpRanges, KeyInfo, KeyScope, Models, WorkspaceInfo
from langchain_qwen_workspace._workspace.catalogue import Catalogue
from langchain_qwen_workspace._workspace.permissions import ModelLimits, ModelPermission, RateLimit
from langchain_qwen_workspace.errors import (
    ConfigurationError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    QwenWorkspaceError,
)
from langchain_qwen_workspace.workspace import QwenWorkspace

Item = TypeVar("Item")

_MAX_PAGES = 1000
# Rows of a page, as in the recorded requests. The service refuses more than it allows (`InvalidParameter.maxResults`).
_PAGE_SIZES = {
    "ListWorkspaces": 20,
    "ListApiKeys": 10,
    "ListModelPermissions": 200,
    "ListModelLimits": 200,
    "ListModels": 50,
}
# Items of one request (Model Studio docs, update-model-permissions and update-model-rate-limits, 2026-08-20).
_PERMISSIONS_PER_CALL, _LIMITS_PER_CALL = 20, 200


def list_rows(operation: str, name: str, required: str, **fields: str | None) -> Flow[list[Json]]:
    """Return the rows of all pages of a list."""
    rows: list[Json] = []
    token: str | None = None
    for _ in range(_MAX_PAGES):
        body = yield from send(operation, None, maxResults=_PAGE_SIZES[operation], nextToken=token, **fields)
        page = values.rows_in(body, name, operation, required)
        rows += page
        following = body.get("nextToken")
        if not page or following in {None, ""}:
            return rows
        if following == token:
            raise invalid_response(operation, "another `nextToken` than that of the page before", body)
        token = str(following)
    raise InvalidResponseError(f"The list of {operation} has more than {_MAX_PAGES} pages.")


# ---------------------------------------------------------------------------------------------------------- workspaces


def list_workspaces(workspace_id: str | None = None, name: str | None = None) -> Flow[list[WorkspaceInfo]]:
    """Return the workspaces, all or those with an id or with a name that is similar."""
    rows = yield from list_rows(
        "ListWorkspaces", "workspaces", "workspaceId", workspaceId=workspace_id, workspaceName=name
    )
    return [values.to_workspace(row) for row in rows]


def get_workspace(workspace_id: str) -> Flow[WorkspaceInfo]:
    """Return a workspace.

    Raises:
        NotFoundError: There is none with this id.
    """
    checked = values.check_workspace_id(workspace_id)
    found = yield from list_workspaces(workspace_id=checked)
    for workspace in found:
        if workspace.id == checked:
            return workspace
    raise NotFoundError(
        f"Workspace {checked!r} does not exist in this region, or belongs to another account.",
        workspace_id=checked,
        hint="List the ids with `workspaces()`, and check `region=`: each region has workspaces of its own.",
    )


def create_workspace(name: str, service_site: str | None) -> Flow[WorkspaceInfo]:
    """Create a workspace, unless there is one with the name."""
    checked = values.check_name(name)
    found = yield from list_workspaces(name=checked)
    if taken := [workspace.id for workspace in found if workspace.name == checked]:
        raise ConfigurationError(
            f"A workspace with the name {checked!r} exists already: {', '.join(taken)}. Nothing was created. "
            "Use it, or choose another name: a file names workspaces by their names."
        )
    body = yield from send("CreateWorkspace", workspaceName=checked, serviceSite=service_site)
    row = values.object_in(body, "workspace", "CreateWorkspace", "workspaceId")
    return values.to_workspace({"workspaceName": checked, **row})


def delete_workspace(workspace_id: str) -> Flow[None]:
    """Delete a workspace.

    Raises:
        InvalidRequestError: The service will not; the message has its reasons.
    """
    checked = values.check_workspace_id(workspace_id)
    body = yield from send("DeleteWorkspace", checked)
    if body.get("isDeleted") is False:
        raise InvalidRequestError(
            f"Workspace {checked!r} was not deleted.{values.reasons(body)}",
            request_id=body.get("requestId"),
            workspace_id=checked,
            hint="Remove what the reasons name, then try again.",
        )


# ---------------------------------------------------------------------------------------------------------------- keys


def list_keys(workspace_id: str) -> Flow[list[KeyInfo]]:
    """Return the keys of a workspace, without their values."""
    checked = values.check_workspace_id(workspace_id)
    rows = yield from list_rows("ListApiKeys", "apiKeys", "apiKeyId", workspaceId=checked)
    return [values.to_key({"workspaceId": checked, **row}) for row in rows]


def get_key(key_id: str | int) -> Flow[KeyInfo]:
    """Return a key, without its value."""
    checked = values.check_key_id(key_id)
    body = yield from send("GetApiKey", checked)
    return values.to_key(values.object_in(body, "apiKey", "GetApiKey", "apiKeyId", "workspaceId"))


def create_key(
    workspace_id: str, models: Models, ip_ranges: IpRanges, description: str, region: str
) -> Flow[CreatedKey]:
    """Create a key for a workspace that exists."""
    scope = values.key_scope(models, ip_ranges)
    info = yield from get_workspace(workspace_id)
    return (yield from create_key_of(info, scope, description, region))


def create_key_of(info: WorkspaceInfo, scope: KeyScope, description: str, region: str) -> Flow[CreatedKey]:
    """Create a key. Whatever can fail but the request itself is done before it, since the key's value is told once."""
    ready = values.ready_workspace(info, region)
    body = yield from send(
        "CreateApiKey", workspaceId=info.id, description=description or None, auth=values.auth_of(scope, region)
    )
    return _created_key(body, "CreateApiKey", ready)


def reset_key(key_id: str | int, region: str) -> Flow[CreatedKey]:
    """Give a key a new value; the old one stops working at once."""
    info = yield from get_key(key_id)
    workspace = yield from get_workspace(info.workspace_id)
    return (yield from reset_key_of(workspace, info.id, region))


def reset_key_of(workspace: WorkspaceInfo, key_id: str, region: str) -> Flow[CreatedKey]:
    """Give a key of a workspace a new value."""
    ready = values.ready_workspace(workspace, region)
    body = yield from send("ResetApiKey", key_id)
    return _created_key(body, "ResetApiKey", ready)


def _created_key(body: Json, operation: str, ready: QwenWorkspace) -> CreatedKey:
    row = values.object_in(body, "apiKey", operation, "apiKeyId")
    value = row.get("apiKeyValue")
    if not isinstance(value, str) or not value:
        error = invalid_response(operation, "the key's value in `apiKeyValue`", {"requestId": body.get("requestId")})
        error.hint = f"The key exists, with the id {row['apiKeyId']}: reset it to get a value, or delete it."
        raise error
    return CreatedKey(str(row["apiKeyId"]), ready.model_copy(update={"api_key": SecretStr(value)}))


def update_key(
    key_id: str | int, *, scope: KeyScope | None = None, description: str | None = None, region: str
) -> Flow[None]:
    """Change a key's scope, its description, or both."""
    auth = None if scope is None else values.auth_of(scope, region)
    yield from send("UpdateApiKey", values.check_key_id(key_id), description=description, auth=auth)


def disable_key(key_id: str | int) -> Flow[None]:
    """Stop a key from working, until it is enabled again."""
    yield from send("DisableApiKey", values.check_key_id(key_id))


def enable_key(key_id: str | int) -> Flow[None]:
    """Let a disabled key work again."""
    yield from send("EnableApiKey", values.check_key_id(key_id))


def delete_key(key_id: str | int) -> Flow[None]:
    """Delete a key for good."""
    yield from send("DeleteApiKey", values.check_key_id(key_id))


# --------------------------------------------------------------------------------------------- permissions and limits


def list_authorizable(workspace_id: str) -> Flow[list[str]]:
    """Return the models that a workspace could be permitted to call."""
    rows = yield from list_rows(
        "ListModelPermissions", "list", "model", workspaceId=workspace_id, authorizationScope="AUTHORIZABLE"
    )
    return [str(row["model"]) for row in rows]


def list_permissions(workspace_id: str) -> Flow[list[ModelPermission]]:
    """Return the models that a workspace may call."""
    rows = yield from list_rows(
        "ListModelPermissions",
        "list",
        "model",
        workspaceId=values.check_workspace_id(workspace_id),
        authorizationScope="AUTHORIZED",
        modelAction="INFERENCE",
    )
    return [values.to_permission(row) for row in rows]


def set_permissions(workspace_id: str, models: Iterable[str], *, inference: bool) -> Flow[None]:
    """Grant models to a workspace, or revoke them."""
    checked, names = values.check_workspace_id(workspace_id), values.check_models(models)

    def change(chunk: Sequence[str]) -> Flow[Json]:
        items = [{"model": model, "inference": inference} for model in chunk]
        return send("UpdateModelPermissions", workspaceId=checked, accessAllEntities="KEEP", models=items)

    for done, chunk in _chunks(names, _PERMISSIONS_PER_CALL):
        with _Progress("granted" if inference else "revoked", done):
            yield from change(chunk)


def set_access_to_all(workspace_id: str, *, is_open: bool) -> Flow[None]:
    """Open a workspace to all models, also future ones, or end that."""
    access = "OPEN" if is_open else "CLOSE"
    checked = values.check_workspace_id(workspace_id)
    yield from send("UpdateModelPermissions", workspaceId=checked, accessAllEntities=access)


def list_limits(workspace_id: str) -> Flow[list[ModelLimits]]:
    """Return how fast a workspace may call its models."""
    checked = values.check_workspace_id(workspace_id)
    rows = yield from list_rows("ListModelLimits", "limits", "model", workspaceId=checked)
    return [values.to_limits(row, checked) for row in rows]


def read_catalogue(region: str) -> Flow[Catalogue]:
    """Return the service's catalogue of models."""
    rows = yield from list_rows("ListModels", "models", "model")
    source = f"Model Studio's catalogue (ListModels) of {region}"
    entries = [values.to_snake_case(row) for row in rows]
    return Catalogue.from_entries(entries, date=datetime.now(UTC).date(), source=source, region=region)


def set_limits(workspace_id: str, limits: Mapping[str, RateLimit]) -> Flow[None]:
    """Set limits by model; of a limit that exists, what is not given stays."""
    items = []
    for model, limit in limits.items():
        fields = values.limit_fields(limit)
        if not fields:
            raise ConfigurationError(f"The limit of {model!r} sets nothing. Expected `requests`, `usage` or both.")
        items.append({"model": model, "operationType": "OVERLAY", **fields})
    yield from _change_limits(workspace_id, items, "set")


def remove_limits(workspace_id: str, models: Iterable[str]) -> Flow[None]:
    """Remove a workspace's own limits of models; the account's stay."""
    items = [{"model": model, "operationType": "DELETE"} for model in values.check_models(models)]
    yield from _change_limits(workspace_id, items, "removed")


def _change_limits(workspace_id: str, items: Sequence[Json], verb: str) -> Flow[None]:
    checked = values.check_workspace_id(workspace_id)
    values.check_models([item["model"] for item in items])
    for done, chunk in _chunks(items, _LIMITS_PER_CALL):
        with _Progress(verb, [item["model"] for item in done]):
            yield from send("UpdateModelLimits", workspaceId=checked, workspaceLimits=list(chunk))


def _chunks(items: Sequence[Item], size: int) -> Iterator[tuple[Sequence[Item], Sequence[Item]]]:
    """Yield what was done before, and the next items, at most `size` of them."""
    for start in range(0, len(items), size):
        yield items[:start], items[start : start + size]


class _Progress:
    """Adds to an error what was done before it: one call may need several requests."""

    def __init__(self, verb: str, done: Sequence[str]) -> None:
        self._verb = verb
        self._done = done

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, QwenWorkspaceError) and self._done:
            error.message += f" Before that, {len(self._done)} models were {self._verb}: {', '.join(self._done)}."
