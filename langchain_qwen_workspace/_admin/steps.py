"""The steps of a plan. Each can be done again after it was interrupted."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

from langchain_qwen_workspace._admin import operations
from langchain_qwen_workspace._admin.flows import Deliver, Flow
from langchain_qwen_workspace._admin.key_store import DeliveredKey, Keys, save_function
from langchain_qwen_workspace._admin.marker import Marker, write_description
from langchain_qwen_workspace._admin.spec import KeySpec, LimitSpec
from langchain_qwen_workspace._admin.values import CreatedKey, KeyScope, WorkspaceInfo
from langchain_qwen_workspace._workspace.permissions import RateLimit


@dataclass(slots=True)
class Context:
    """What the steps of one run share.

    Attributes:
        region: The region.
        workspaces: The workspaces by name; one that a step makes is added.
        keys: Where the values of new keys go.
    """

    region: str
    workspaces: dict[str, WorkspaceInfo]
    keys: Keys


@dataclass(frozen=True, slots=True)
class Step(ABC):
    """One step of a plan; its text says what it does.

    Attributes:
        workspace: The name of the workspace.
    """

    workspace: str

    @abstractmethod
    def __str__(self) -> str: ...

    @property
    def takes_away(self) -> bool:
        """Whether something may stop working through it, so that a person should confirm it."""
        return False

    @property
    def gives_key(self) -> bool:
        """Whether it creates or resets a key, whose value has to be stored."""
        return False

    @abstractmethod
    def _run(self, context: Context) -> Flow[None]:
        """Carry the step out."""

    @property
    def changes(self) -> frozenset[tuple[object, ...]]:
        """What it changes. A step that continues an interrupted one has a part of that one's changes, and no others."""
        return frozenset({(type(self).__name__, *(getattr(self, item.name) for item in fields(self)))})


@dataclass(frozen=True, slots=True)
class CreateWorkspace(Step):
    """Creates a workspace, which has no permission to call a model yet."""

    def __str__(self) -> str:
        return f"{self.workspace}: create the workspace"

    def _run(self, context: Context) -> Flow[None]:
        """Make the workspace."""
        context.workspaces[self.workspace] = yield from operations.create_workspace(self.workspace, None)


@dataclass(frozen=True, slots=True)
class DeleteWorkspace(Step):
    """Deletes a workspace that was named to be deleted."""

    @property
    def takes_away(self) -> bool:
        """True: something may stop working through it."""
        return True

    def __str__(self) -> str:
        return f"{self.workspace}: delete the workspace"

    def _run(self, context: Context) -> Flow[None]:
        """Delete the workspace."""
        yield from operations.delete_workspace(context.workspaces[self.workspace].id)


@dataclass(frozen=True, slots=True)
class CloseWorkspace(Step):
    """Ends that a workspace may call all models; the service may then forget what was granted before."""

    def __str__(self) -> str:
        return f"{self.workspace}: end the permission for all models"

    @property
    def takes_away(self) -> bool:
        """True: something may stop working through it."""
        return True

    def _run(self, context: Context) -> Flow[None]:
        """End it."""
        yield from operations.set_access_to_all(context.workspaces[self.workspace].id, is_open=False)


@dataclass(frozen=True, slots=True)
class ChangeModels(Step):
    """Grants models, or revokes them.

    Attributes:
        models: The models.
    """

    models: tuple[str, ...]

    @property
    def changes(self) -> frozenset[tuple[object, ...]]:
        """Each model."""
        return frozenset((type(self).__name__, self.workspace, model) for model in self.models)


@dataclass(frozen=True, slots=True)
class GrantModels(ChangeModels):
    """Grants models."""

    def __str__(self) -> str:
        return f"{self.workspace}: grant {', '.join(self.models)}"

    def _run(self, context: Context) -> Flow[None]:
        """Grant the models."""
        workspace_id = context.workspaces[self.workspace].id
        yield from operations.set_permissions(workspace_id, self.models, inference=True)


@dataclass(frozen=True, slots=True)
class RevokeModels(ChangeModels):
    """Revokes models."""

    @property
    def takes_away(self) -> bool:
        """True: something may stop working through it."""
        return True

    def __str__(self) -> str:
        return f"{self.workspace}: revoke {', '.join(self.models)}"

    def _run(self, context: Context) -> Flow[None]:
        """Revoke the models."""
        workspace_id = context.workspaces[self.workspace].id
        yield from operations.set_permissions(workspace_id, self.models, inference=False)


@dataclass(frozen=True, slots=True)
class SetLimits(Step):
    """Sets limits, or removes them.

    Attributes:
        limits: The limits by model; `None` to have none.
        is_tighter: Whether calls that the service answers now may be refused by them.
    """

    limits: tuple[LimitSpec, ...]
    is_tighter: bool = False

    @property
    def takes_away(self) -> bool:
        """Whether calls that the service answers now may be refused."""
        return self.is_tighter

    def __str__(self) -> str:
        texts = [f"{item.model} {_describe_limit(item.limit)}" for item in self.limits]
        return f"{self.workspace}: limit {', '.join(texts)}"

    @property
    def changes(self) -> frozenset[tuple[object, ...]]:
        """Each limit."""
        return frozenset(("SetLimits", self.workspace, limit) for limit in self.limits)

    def _run(self, context: Context) -> Flow[None]:
        """Set the limits."""
        workspace_id = context.workspaces[self.workspace].id
        if limits := {item.model: item.limit for item in self.limits if item.limit is not None}:
            yield from operations.set_limits(workspace_id, limits)
        if removed := [item.model for item in self.limits if item.limit is None]:
            yield from operations.remove_limits(workspace_id, removed)


def _describe_limit(limit: RateLimit | None) -> str:
    if limit is None:
        return "to what the account allows"
    usage = f" and {limit.usage} tokens in {limit.usage_period} s" if limit.usage is not None else ""
    return f"to {limit.requests} requests in {limit.requests_period} s{usage}"


@dataclass(frozen=True, slots=True)
class KeyStep(Step):
    """Changes a key that exists.

    Attributes:
        name: The key's name in the file, or its id if it has none.
        key_id: Its id.
    """

    name: str
    key_id: str


@dataclass(frozen=True, slots=True)
class DisableKey(KeyStep):
    """Stops a key from working."""

    @property
    def takes_away(self) -> bool:
        """True: something may stop working through it."""
        return True

    def __str__(self) -> str:
        return f"{self.workspace}: disable key {self.name}"

    def _run(self, context: Context) -> Flow[None]:  # noqa: ARG002 - one signature for every step
        """Disable the key."""
        yield from operations.disable_key(self.key_id)


@dataclass(frozen=True, slots=True)
class EnableKey(KeyStep):
    """Lets a key work."""

    def __str__(self) -> str:
        return f"{self.workspace}: enable key {self.name}"

    def _run(self, context: Context) -> Flow[None]:  # noqa: ARG002 - same
        """Enable the key."""
        yield from operations.enable_key(self.key_id)


@dataclass(frozen=True, slots=True)
class DeleteKey(KeyStep):
    """Deletes a key that was named to be deleted."""

    @property
    def takes_away(self) -> bool:
        """True: something may stop working through it."""
        return True

    def __str__(self) -> str:
        return f"{self.workspace}: delete key {self.name}"

    def _run(self, context: Context) -> Flow[None]:  # noqa: ARG002 - same
        """Delete the key."""
        yield from operations.delete_key(self.key_id)


@dataclass(frozen=True, slots=True)
class UpdateKey(KeyStep):
    """Changes what a key may be used for, or its description.

    Attributes:
        scope: The new scope, or `None` to leave it.
        description: The new description, or `None` to leave it.
        is_narrower: Whether a key that works may be used for less than before.
    """

    scope: KeyScope | None
    description: str | None
    is_narrower: bool = False

    @property
    def takes_away(self) -> bool:
        """Whether a key that works may be used for less than before."""
        return self.is_narrower

    @property
    def changes(self) -> frozenset[tuple[object, ...]]:
        """The scope and the description, whatever marker is in that."""
        return frozenset({("UpdateKey", self.workspace, self.key_id, self.scope, self.description is None)})

    def __str__(self) -> str:
        changed = [] if self.scope is None else [_describe_scope(self.scope)]
        changed += [] if self.description is None else ["description"]
        return f"{self.workspace}: change key {self.name}: {', '.join(changed)}"

    def _run(self, context: Context) -> Flow[None]:
        """Change the key."""
        yield from operations.update_key(
            self.key_id, scope=self.scope, description=self.description, region=context.region
        )


def _describe_scope(scope: KeyScope) -> str:
    models = scope.models if isinstance(scope.models, str) else ", ".join(scope.models)
    ranges = scope.ip_ranges if isinstance(scope.ip_ranges, str) else f"from {', '.join(scope.ip_ranges)}"
    return f"models {models}, {ranges}"


@dataclass(frozen=True, slots=True)
class ProvideKey(Step):
    """Makes a key, or resets one whose value was lost, and delivers its value.

    Until the value was delivered, the key's marker says `pending`: a run that finds this resets the key.

    Attributes:
        key: The key as the file has it.
        key_id: The id of the key to reset, or `None` to make one.
        is_pending: Whether its marker says already that its value may be lost.
        replaces: The id of the key that it takes the place of, which stays in the marker.
    """

    key: KeySpec
    key_id: str | None = None
    is_pending: bool = False
    replaces: str | None = None

    def __str__(self) -> str:
        if self.key_id is None:
            return f"{self.workspace}: create key {self.key.name}: {_describe_scope(self.key.scope)}"
        return f"{self.workspace}: reset key {self.key.name} (id {self.key_id}), whose value was lost"

    @property
    def takes_away(self) -> bool:
        """Whether the old value of a key stops working."""
        return self.key_id is not None

    @property
    def gives_key(self) -> bool:
        """True: it creates or resets a key."""
        return True

    @property
    def changes(self) -> frozenset[tuple[object, ...]]:
        """The key, however it is provided: it is made, or reset if that was interrupted."""
        return frozenset({("ProvideKey", self.workspace, self.key)})

    def _run(self, context: Context) -> Flow[None]:
        """Make or reset the key, and deliver its value."""
        workspace = context.workspaces[self.workspace]
        pending = write_description(
            self.key.description, Marker(self.key.name, is_pending=True, replaces=self.replaces)
        )
        if self.key_id is None:
            created = yield from operations.create_key_of(workspace, self.key.scope, pending, context.region)
        else:
            if not self.is_pending:
                yield from operations.update_key(self.key_id, description=pending, region=context.region)
            created = yield from operations.reset_key_of(workspace, self.key_id, context.region)
        yield from self._deliver(created, context)

    def _deliver(self, created: CreatedKey, context: Context) -> Flow[None]:
        delivered = DeliveredKey(self.workspace, self.key.name, created.id, created.workspace)
        yield Deliver(save_function(context.keys), delivered)
        final = write_description(self.key.description, Marker(self.key.name, replaces=self.replaces))
        yield from operations.update_key(created.id, description=final, region=context.region)
