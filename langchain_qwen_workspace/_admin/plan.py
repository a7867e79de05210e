"""Compares how workspaces should be with how they are, and lists the steps in a safe order.

For each workspace, first come the steps that only take something away, then those that only give something: during the
former it is never wider open than it was, during the latter never wider than it will be. A change that does both is
made in two steps. A workspace is the wider open, the more models its keys may call, from more addresses, and faster.
"""

import ipaddress
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from langchain_qwen_workspace._admin import operations, steps, values
from langchain_qwen_workspace._admin.flows import Flow
from langchain_qwen_workspace._admin.marker import Marker, read_description, write_description
from langchain_qwen_workspace._admin.spec import KeySpec, LimitSpec, Spec, WorkspaceSpec
from langchain_qwen_workspace._admin.values import ALL, ANYWHERE, KeyInfo, KeyScope, WorkspaceInfo
from langchain_qwen_workspace._workspace.permissions import RateLimit
from langchain_qwen_workspace.errors import ConfigurationError

HasKey: TypeAlias = Callable[[str, str, str], bool]
_MarkedKey: TypeAlias = tuple[KeyInfo, str, Marker]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps that make workspaces as a file specifies them. None of them was done yet.

    Attributes:
        spec: The specification.
        delete: The names that were given to be deleted.
        steps: The steps, in the order in which `apply` takes them; `str(step)` says what each does.
        left_alone: Workspaces and keys that the file does not name, and names to be deleted that do not exist.
    """

    spec: Spec = field(repr=False)
    delete: tuple[str, ...]
    steps: tuple[steps.Step, ...]
    left_alone: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps)) or "Nothing has to change."

    @property
    def takes_away(self) -> bool:
        """Whether something may stop working through it, so that a person should confirm it."""
        return any(step.takes_away for step in self.steps)

    @property
    def gives_keys(self) -> bool:
        """Whether it creates or resets keys, whose values have to be stored."""
        return any(step.gives_key for step in self.steps)

    @property
    def changes(self) -> frozenset[tuple[object, ...]]:
        """The changes of all its steps."""
        return frozenset(chain.from_iterable(step.changes for step in self.steps))


@dataclass(frozen=True, slots=True)
class _State:
    """How a workspace is: the models granted, whether those are all, its own limits, its keys with their markers."""

    info: WorkspaceInfo | None = None
    models: frozenset[str] = frozenset()
    is_open: bool = False
    limits: dict[str, RateLimit] = field(default_factory=dict)
    keys: tuple[_MarkedKey, ...] = ()


def make_plan(spec: Spec, delete: Collection[str], has_key: HasKey | None) -> Flow[tuple[Plan, list[WorkspaceInfo]]]:
    """Return the plan, and the workspaces that exist.

    Args:
        spec: How workspaces should be.
        delete: What to delete: names of workspaces, and `workspace/key` with the name or the id of a key.
        has_key: Returns whether the value of a key is kept, by workspace, name and id. Default: it is, unless the key's
            marker says that it was not delivered.
    """
    deletion = _Deletion(spec, delete)
    found = yield from operations.list_workspaces()
    by_name = {item.name: _the_one(item.name, found) for item in spec.workspaces}
    done: list[steps.Step] = []
    left_alone: list[str] = []
    for name in deletion.workspaces:
        workspace = _the_one(name, found)
        if workspace is None:
            left_alone.append(f"{name}: there is no such workspace to delete")
        else:
            done.append(steps.DeleteWorkspace(name))
    for name in dict.fromkeys([*by_name, *deletion.keys]):
        wanted = next((item for item in spec.workspaces if item.name == name), WorkspaceSpec(name))
        state = yield from _read_state(_the_one(name, found), wanted)
        if state.info is None and name in by_name:
            done.append(steps.CreateWorkspace(name))
        done += _key_deletions(name, deletion.keys.get(name, []), state, left_alone)
        done += _changes(wanted, state, has_key)
        left_alone += _other_keys(wanted, state, deletion.keys.get(name, []))
    left_alone += [
        f"{item.name} ({item.id}): not in the file"
        for item in found
        if item.name not in by_name and item.name not in deletion.workspaces
    ]
    return Plan(spec, tuple(delete), tuple(done), tuple(left_alone)), found


class _Deletion:
    """What is to be deleted, by workspace."""

    def __init__(self, spec: Spec, names: Collection[str]) -> None:
        if isinstance(names, str):
            raise ConfigurationError(f"`delete` is {names!r}. Expected a list of names.")
        in_file = {item.name: {key.name for key in item.keys} for item in spec.workspaces}
        self.workspaces: list[str] = []
        self.keys: dict[str, list[str]] = {}
        for name in names:
            workspace, slash, key = name.rpartition("/")
            if name in in_file or (slash and key in in_file.get(workspace, ())):
                raise ConfigurationError(f"{name!r} is to be deleted, and the file names it: remove it from the file.")
            if slash:
                self.keys.setdefault(workspace, []).append(key)
            else:
                self.workspaces.append(name)


def _the_one(name: str, found: Sequence[WorkspaceInfo]) -> WorkspaceInfo | None:
    """Return the workspace with a name, `None` if there is none.

    Raises:
        ConfigurationError: There are several.
    """
    same = [item for item in found if item.name == name]
    if len(same) > 1:
        raise ConfigurationError(
            f"{len(same)} workspaces have the name {name!r}: {', '.join(item.id for item in same)}. Nothing was "
            "changed. Rename or delete all but one in the console: a file names workspaces by their names."
        )
    return same[0] if same else None


def _read_state(info: WorkspaceInfo | None, wanted: WorkspaceSpec) -> Flow[_State]:
    """Return how a workspace is, as far as the file speaks of it."""
    if info is None:
        return _State()
    permissions = [] if wanted.models is None else (yield from operations.list_permissions(info.id))
    models = frozenset(item.model for item in permissions if item.inference)
    is_open = False
    if wanted.models is not None and models.difference(wanted.models):
        # The service does not tell whether a workspace is open to all models, and then revokes none.
        authorizable = yield from operations.list_authorizable(info.id)
        is_open = models.issuperset(authorizable)
    limits = [] if not wanted.limits else (yield from operations.list_limits(info.id))
    keys = yield from operations.list_keys(info.id)
    return _State(
        info,
        models,
        is_open,
        {item.model: item.workspace for item in limits if item.workspace is not None},
        tuple((key, *read_description(key.description)) for key in keys),
    )


def _changes(wanted: WorkspaceSpec, state: _State, has_key: HasKey | None) -> Iterator[steps.Step]:
    """Yield the steps for a workspace: what takes away, then what gives."""
    name = wanted.name
    models = state.models if wanted.models is None else frozenset(wanted.models)
    marked = {key.name: _find_marked_key(name, key.name, state) for key in wanted.keys}
    changes = [_KeyChange(name, key, found, has_key) for key in wanted.keys if (found := marked[key.name]) is not None]
    for change in changes:
        yield from change.narrowing()
    granted = state.models
    if revoked := tuple(sorted(state.models - models)):
        granted = frozenset() if state.is_open else granted
        yield steps.CloseWorkspace(name) if state.is_open else steps.RevokeModels(name, revoked)
    tightened, set_last = _limit_changes(wanted.limits, state.limits)
    if tightened:
        yield steps.SetLimits(name, tuple(tightened), is_tighter=state.info is not None)
    if missing := tuple(model for model in wanted.models or () if model not in granted):
        yield steps.GrantModels(name, missing)
    if set_last:
        yield steps.SetLimits(name, tuple(set_last))
    for change in changes:
        yield from change.widening()
    for key in wanted.keys:
        if marked[key.name] is None and key.enabled:
            yield steps.ProvideKey(name, key)


def _find_marked_key(workspace: str, name: str, state: _State) -> _MarkedKey | None:
    """Return the key that carries a marker with a name, but for keys that another one took the place of."""
    replaced = {marker.replaces for _, _, marker in state.keys if marker.name == name}
    same = [entry for entry in state.keys if entry[2].name == name and entry[0].id not in replaced]
    same = [entry for entry in same if entry[2].retired_at is None]
    if len(same) > 1:
        raise ConfigurationError(
            f"{len(same)} keys of workspace {workspace!r} are marked as {name!r}: {', '.join(e[0].id for e in same)}. "
            "Nothing was changed. Delete all but one, or remove the marker from their descriptions."
        )
    return same[0] if same else None


def _limit_changes(
    wanted: Sequence[LimitSpec], current: dict[str, RateLimit]
) -> tuple[list[LimitSpec], list[LimitSpec]]:
    """Return the limits to set while taking away, and those to set while giving."""
    tightened, loosened = [], []
    for item in wanted:
        old, new = current.get(item.model), item.limit
        if new is None:
            if old is not None:
                loosened.append(item)
            continue
        lower = _lower(old, new)
        if old is None or not _is_same(old, lower):
            tightened.append(LimitSpec(item.model, lower))
        if not _is_same(lower, new):
            loosened.append(item)
    return tightened, loosened


def _lower(old: RateLimit | None, new: RateLimit) -> RateLimit:
    """Return the limit that is nowhere looser than two limits, of what the new one sets."""
    if old is None:
        return new
    requests = _lower_rate((old.requests, old.requests_period), (new.requests, new.requests_period))
    usage = _lower_rate((old.usage, old.usage_period), (new.usage, new.usage_period))
    return RateLimit(*requests, *(usage if new.usage is not None else (None, None)))


def _lower_rate(
    old: tuple[int | None, int | None], new: tuple[int | None, int | None]
) -> tuple[int | None, int | None]:
    if not old[0] or not old[1] or not new[0] or not new[1]:
        return new
    # Also where both allow as much in the long run, the new period counts.
    return old if old[0] * new[1] < new[0] * old[1] else new


def _is_same(old: RateLimit, new: RateLimit) -> bool:
    """Return whether a limit is as another one, in what the other one sets."""
    fields = values.limit_fields(old)
    return all(fields.get(name) == value for name, value in values.limit_fields(new).items())


class _KeyChange:
    """The steps for one key of the file that exists."""

    def __init__(self, workspace: str, key: KeySpec, found: _MarkedKey, has_key: HasKey | None) -> None:
        self._workspace = workspace
        self._key = key
        self._info, self._text, self._marker = found
        self._is_lost = self._marker.is_pending or (
            has_key is not None and not has_key(workspace, key.name, self._info.id)
        )
        scope = self._info.scope
        # Whether it should be allowed more than now, and whether less.
        self._widened = scope is None or not _is_within(key.scope, scope)
        self._narrowed = scope is None or not _is_within(scope, key.scope)

    def narrowing(self) -> Iterator[steps.Step]:
        """Yield the steps that take away; a key that does not work may be changed among them in any way."""
        works = self._info.enabled
        if works and (not self._key.enabled or (self._widened and self._narrowed)):
            yield steps.DisableKey(self._workspace, self._key.name, self._info.id)
            works = False
        if self._narrowed or (self._widened and not works):
            yield self._update(self._key.scope, is_narrower=works)

    def widening(self) -> Iterator[steps.Step]:
        """Yield the steps that give, and those that neither give nor take away."""
        is_mixed = self._widened and self._narrowed
        if self._widened and not is_mixed and self._info.enabled and self._key.enabled:
            yield self._update(self._key.scope)
        elif not self._widened and not self._narrowed and self._text != self._key.description:
            yield self._update(None)
        if not self._key.enabled:
            return
        if self._is_lost:
            yield steps.ProvideKey(
                self._workspace, self._key, self._info.id, self._marker.is_pending, self._marker.replaces
            )
        if is_mixed or not self._info.enabled:
            yield steps.EnableKey(self._workspace, self._key.name, self._info.id)

    def _update(self, scope: KeyScope | None, *, is_narrower: bool = False) -> steps.Step:
        description = write_description(self._key.description, self._marker)
        written = None if self._text == self._key.description else description
        return steps.UpdateKey(self._workspace, self._key.name, self._info.id, scope, written, is_narrower)


def _is_within(inner: KeyScope, outer: KeyScope) -> bool:
    """Return whether everything that a scope allows is allowed by another one."""
    models = outer.models == ALL or (inner.models != ALL and set(inner.models) <= set(outer.models))
    if outer.ip_ranges == ANYWHERE:
        return models
    if inner.ip_ranges == ANYWHERE:
        return False
    return models and all(any(_is_part(part, whole) for whole in outer.ip_ranges) for part in inner.ip_ranges)


def _is_part(part: str, whole: str) -> bool:
    try:
        one, other = (ipaddress.ip_network(text, strict=False) for text in (part, whole))
        return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # of one version
    except ValueError:
        return part == whole


def _key_deletions(workspace: str, names: Sequence[str], state: _State, left_alone: list[str]) -> Iterator[steps.Step]:
    """Yield the deletions of keys by their name or id; note those that do not exist."""
    for name in names:
        same = [key for key, _, marker in state.keys if name in {marker.name, key.id}]
        if not same:
            left_alone.append(f"{workspace}/{name}: there is no such key to delete")
        for key in same:
            yield steps.DeleteKey(workspace, name, key.id)


def _other_keys(wanted: WorkspaceSpec, state: _State, deleted: Sequence[str]) -> list[str]:
    """Return the keys that the file does not name."""
    names = {key.name for key in wanted.keys}
    return [
        f"{wanted.name}/{marker.name or key.id}: a key that is not in the file"
        for key, _, marker in state.keys
        if marker.name not in names and not {marker.name, key.id} & set(deleted)
    ]
