"""The account: its workspaces and their keys, and what each of them may do.

Facts: SDK source of `alibabacloud-modelstudio20260210` 2.2.3, and Model Studio docs, permission management (2026-08-11)
and model permissions (2026-09-28).
"""

from __future__ import annotations

import itertools
import re
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

from langchain_qwen_workspace.sandbox._admin.bill import Bill
from langchain_qwen_workspace.sandbox._admin.rate_limits import Limit, Throttle
from langchain_qwen_workspace.sandbox._calls import SandboxWorkspace
from langchain_qwen_workspace.sandbox._errors import Refusal

INFERENCE = "inference"
# The deployment scope of a region's workspaces (catalogue of 2026-08-20).
SITES = {
    "cn-beijing": "asia-pacific-china",
    "ap-southeast-1": "international",
    "cn-hongkong": "cn-hongkong",
    "eu-central-1": "european-union",
    "us-east-1": "united-states",
    "ap-northeast-1": "japan",
}
ALL_ADDRESSES = ("0.0.0.0/0", "::/0")
DEFAULT_NAME = "Default Workspace"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace.

    Attributes:
        id: Its id.
        name: Its name.
        region: Its region.
        site: Its deployment scope.
        is_default: Whether it is the default workspace of its region, which may call every model and has no limits.
        is_open: Whether it may call all models, also those of the future.
        grants: The actions that are permitted for each model.
        limits: Its rate limits by model.
        created_at: When it was made, in milliseconds.
    """

    id: str
    name: str
    region: str
    site: str
    is_default: bool = False
    is_open: bool = False
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    created_at: int = field(default_factory=lambda: int(time.time() * 1000))

    @property
    def models(self) -> frozenset[str] | None:
        """The models that it may call; None permits all."""
        if self.is_open:
            return None
        return frozenset(model for model, actions in self.grants.items() if INFERENCE in actions)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key with the authorization `Custom` may do.

    Attributes:
        ip_ranges: The addresses that may use it.
        models: The models that it may call, if its workspace may; None for all of the workspace's.
    """

    ip_ranges: tuple[str, ...] = ALL_ADDRESSES
    models: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key of a workspace.

    Attributes:
        id: Its number.
        value: The key.
        workspace_id: The workspace that it belongs to.
        description: Its description.
        scope: What it may do; None for all that its workspace may.
        is_disabled: Whether it is refused.
        created_at: When it was made, in milliseconds.
    """

    id: int
    value: str = field(repr=False)
    workspace_id: str
    description: str = ""
    scope: Scope | None = None
    is_disabled: bool = False
    created_at: int = field(default_factory=lambda: int(time.time() * 1000))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request to a model: a workspace, with one of its keys.

    Attributes:
        workspace: The workspace.
        key: The key.
        limits: The rate limits of the workspace, by model.
        account: The account.
    """

    workspace: SandboxWorkspace
    key: ApiKey
    limits: Mapping[str, Limit]
    account: Account

    @property
    def key_models(self) -> frozenset[str] | None:
        """The models of the key's scope; None for all of its workspace's."""
        return self.key.scope.models if self.key.scope else None

    def check_address(self, address: str) -> None:
        """Check that the key may be used from an address.

        Raises:
            Refusal: If its IP ranges do not have the address. The code and the text are ours.
        """
        client = ip_address(address)
        ranges = self.key.scope.ip_ranges if self.key.scope else ALL_ADDRESSES
        if not any(client in ip_network(each, strict=False) for each in ranges):
            raise Refusal(f"The API key must not be used from {address}.", code="AccessDenied", with_id=False)

    def bill(self, model: str, usage: Mapping[str, object], *, batch: bool = False) -> None:
        """Bill what a call used, and count its tokens for the rate limits.

        Args:
            model: The model.
            usage: The usage, as a protocol writes it.
            batch: Whether it was a call of the Batch API.
        """
        tokens = self.account.bill.add(self.workspace, self.key.id, model, usage, batch=batch)
        if not batch and model in self.limits:
            self.account.throttle.add_tokens(self.workspace.workspace_id, model, tokens)

    def admit(self, model: object) -> None:
        """Count a request for the rate limits of the workspace, unless it will be refused for its model.

        Args:
            model: The model that the request names, if it does.

        Raises:
            Refusal: If a limit is reached.
        """
        limit = self.limits.get(str(model))
        permitted = all(models is None or model in models for models in (self.workspace.models, self.key_models))
        if limit is not None and permitted:
            self.account.throttle.admit(self.workspace.workspace_id, str(model), limit)


class Account:
    """Every workspace and every key; safe to use from any thread.

    Attributes:
        bill: What was served.
        throttle: Counts the calls for the rate limits.
        lock: Held while several steps have to see one state.
    """

    def __init__(self) -> None:
        self.bill = Bill()
        self.throttle = Throttle()
        self.lock = threading.RLock()
        self._workspaces: dict[str, Workspace] = {}
        self._keys: dict[int, ApiKey] = {}
        self._ids: dict[str, int] = {}
        self._numbers = itertools.count(1001)

    # --- workspaces ---

    def workspaces(self, region: str) -> list[Workspace]:
        """Return the workspaces of a region, the default one first."""
        with self.lock:
            self.default_workspace(region)
            found = [workspace for workspace in self._workspaces.values() if workspace.region == region]
        return sorted(found, key=lambda workspace: not workspace.is_default)

    def default_workspace(self, region: str) -> Workspace:
        """Return the default workspace of a region."""
        workspace = Workspace(
            f"llm-default-{region}", DEFAULT_NAME, region, SITES[region], is_default=True, is_open=True
        )
        with self.lock:
            return self._workspaces.setdefault(workspace.id, workspace)

    def workspace(self, workspace_id: str) -> Workspace:
        """Return a workspace.

        Raises:
            KeyError: If there is none with this id.
        """
        with self.lock:
            return self._workspaces[workspace_id]

    def add_workspace(self, name: str, region: str, *, models: Iterable[str] | None, site: str = "") -> Workspace:
        """Make a workspace.

        Args:
            name: Its name.
            region: Its region.
            models: The models that it may call; None permits all.
            site: Its deployment scope; by default that of its region.

        Returns:
            The workspace.
        """
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "workspace"
        with self.lock:
            workspace = Workspace(
                self._new_id(f"llm-{slug}"),
                name,
                region,
                site or SITES.get(region, region),
                is_open=models is None,
                grants=dict.fromkeys(models or (), frozenset({INFERENCE})),
            )
            self._workspaces[workspace.id] = workspace
        return workspace

    def _new_id(self, wanted: str) -> str:
        while wanted in self._workspaces:
            wanted += "-2"
        return wanted

    def find_by_name(self, name: str) -> Workspace | None:
        """Return the first workspace with a name, in any region, or None."""
        with self.lock:
            return next((workspace for workspace in self._workspaces.values() if workspace.name == name), None)

    def change(self, workspace: Workspace) -> None:
        """Store a new state of a workspace."""
        with self.lock:
            self._workspaces[workspace.id] = workspace

    def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace."""
        with self.lock:
            del self._workspaces[workspace_id]

    # --- keys ---

    def keys(self, region: str) -> list[ApiKey]:
        """Return the keys of the workspaces of a region, oldest first."""
        with self.lock:
            return [key for key in self._keys.values() if self._workspaces[key.workspace_id].region == region]

    def first_key(self, workspace_id: str) -> ApiKey | None:
        """Return the oldest key of a workspace, or None."""
        with self.lock:
            keys = [key for key in self._keys.values() if key.workspace_id == workspace_id]
        return min(keys, key=lambda key: key.id, default=None)

    def add_key(self, workspace_id: str, description: str = "", scope: Scope | None = None) -> ApiKey:
        """Make a key for a workspace, and return it."""
        with self.lock:
            key = ApiKey(next(self._numbers), _new_value(), workspace_id, description, scope)
            self.change_key(key)
        return key

    def change_key(self, key: ApiKey) -> None:
        """Store a new state of a key."""
        with self.lock:
            self._keys[key.id] = key
            self._ids[key.value] = key.id

    def reset_key(self, key_id: int) -> ApiKey:
        """Give a key a new value, and return it; the old value is refused from now on."""
        with self.lock:
            key = self.delete_key(key_id)
            reset = replace(key, value=_new_value())
            self.change_key(reset)
        return reset

    def delete_key(self, key_id: int) -> ApiKey:
        """Delete a key, and return it."""
        with self.lock:
            key = self._keys.pop(key_id)
            del self._ids[key.value]
        return key

    def find_caller(self, value: str) -> Caller | None:
        """Return who calls with a key, or None if the service refuses the key."""
        with self.lock:
            key_id = self._ids.get(value)
            if key_id is None or self._keys[key_id].is_disabled:
                return None
            key = self._keys[key_id]
            workspace = self._workspaces[key.workspace_id]
        return Caller(describe(workspace, key), key, workspace.limits, self)


def describe(workspace: Workspace, key: ApiKey) -> SandboxWorkspace:
    """Return a workspace with one of its keys as callers of the sandbox see it."""
    return SandboxWorkspace(workspace.name, workspace.id, key.value, workspace.region, workspace.models)


def _new_value() -> str:
    """Return a random key that is recognizable as the sandbox's."""
    return f"sk-sandbox-{secrets.token_hex(16)}"
