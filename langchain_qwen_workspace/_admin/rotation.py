"""Rotates a key without losing a call: a new key, its delivery, a grace for the calls with the old one, its end.

How far a rotation is, stands in the descriptions of the two keys, so that a rotation that was interrupted is continued.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from pydantic import SecretStr

from langchain_qwen_workspace._admin import operations
from langchain_qwen_workspace._admin.flows import Deliver, Flow, Wait
from langchain_qwen_workspace._admin.key_store import DeliveredKey, KeyStore
from langchain_qwen_workspace._admin.marker import Marker, read_description, write_description
from langchain_qwen_workspace._admin.values import KeyInfo
from langchain_qwen_workspace.errors import ConfigurationError

Delivery: TypeAlias = KeyStore | Callable[[SecretStr], Any]
"""Where the value of the new key goes."""


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """A completed rotation: the new key works, the old one is disabled and can be deleted.

    Attributes:
        old_id: The id of the disabled key.
        new_id: The id of the key that replaced it.
        workspace_id: The id of their workspace.
    """

    old_id: str
    new_id: str
    workspace_id: str


def rotate_key(key_id: str | int, grace: timedelta, deliver: Delivery, region: str) -> Flow[KeyRotation]:
    """Put a new key in the place of a key."""
    if grace < timedelta():
        raise ConfigurationError(f"`grace` is {grace}. Expected a `timedelta` of at least 0.")
    old = yield from operations.get_key(key_id)
    text, marker = read_description(old.description)
    found = yield from _replacement(old)
    if found is None and not old.enabled:
        raise ConfigurationError(f"Key {old.id} is disabled: there is nothing to rotate. Enable it, or create a key.")
    new_id = yield from _deliver_replacement(old, found, deliver, region)
    if marker.retired_at is None:
        marker = Marker(retired_at=datetime.now(UTC) + grace)
        yield from operations.update_key(old.id, description=write_description(text, marker), region=region)
    if old.enabled:
        left = (marker.retired_at or datetime.now(UTC)) - datetime.now(UTC)
        yield Wait(max(left.total_seconds(), 0.0))
        yield from operations.disable_key(old.id)
    return KeyRotation(old.id, new_id, old.workspace_id)


def _replacement(old: KeyInfo) -> Flow[KeyInfo | None]:
    """Return the key that an earlier, interrupted rotation made."""
    keys = yield from operations.list_keys(old.workspace_id)
    return next((key for key in keys if read_description(key.description)[1].replaces == old.id), None)


def _deliver_replacement(old: KeyInfo, found: KeyInfo | None, deliver: Delivery, region: str) -> Flow[str]:
    """Make the new key and deliver its value, unless that was done, and return its id."""
    text, marker = read_description(old.description if found is None else found.description)
    if found is not None and not marker.is_pending:
        return found.id
    workspace = yield from operations.get_workspace(old.workspace_id)
    if found is not None:
        created = yield from operations.reset_key_of(workspace, found.id, region)
    elif old.scope is None:
        raise ConfigurationError(
            f"Key {old.id} has a scope that this version of the package does not know, so that it cannot create a key "
            "like it. Create the new key with `create_key` or in the console."
        )
    else:
        pending = write_description(text, Marker(marker.name, is_pending=True, replaces=old.id))
        created = yield from operations.create_key_of(workspace, old.scope, pending, region)
    try:
        if isinstance(deliver, KeyStore):
            name = marker.name or created.id
            yield Deliver(deliver.save_key, DeliveredKey(workspace.name, name, created.id, created.workspace))
        else:
            yield Deliver(deliver, created.workspace.api_key)
    except Exception as error:
        error.add_note(f"Key {created.id} was made for key {old.id}, and not delivered; rotate again to continue.")
        raise
    final = write_description(text, Marker(marker.name, replaces=old.id))
    yield from operations.update_key(created.id, description=final, region=region)
    return created.id


def delete_retired_keys(workspace_id: str, older_than: timedelta) -> Flow[list[str]]:
    """Delete the keys that rotations disabled long enough ago, and return their ids."""
    keys = yield from operations.list_keys(workspace_id)
    deleted = []
    for key in keys:
        retired_at = read_description(key.description)[1].retired_at
        if retired_at is not None and not key.enabled and datetime.now(UTC) - retired_at >= older_than:
            yield from operations.delete_key(key.id)
            deleted.append(key.id)
    return deleted
