"""Specifications of workspaces, keys and limits: the values that a `workspaces.yaml` stands for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from langchain_qwen_workspace._admin import values
from langchain_qwen_workspace._admin.marker import START
from langchain_qwen_workspace._admin.values import ANYWHERE, KeyScope
from langchain_qwen_workspace._workspace.permissions import RateLimit
from langchain_qwen_workspace.errors import ConfigurationError

# It is part of the marker in a description, and of `workspace/key` where something is to be deleted.
_KEY_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class LimitSpec:
    """The specification of a workspace's limit for a model.

    Attributes:
        model: The model's name.
        limit: The limit; what it does not set is left as it is. `None` removes the workspace's own limit.
    """

    model: str
    limit: RateLimit | None

    def __post_init__(self) -> None:
        """Check the limit, which the service accepts only with one of requests."""
        values.check_models([self.model])
        if self.limit is None:
            return
        numbers = values.limit_fields(self.limit).values()
        if not all(isinstance(number, int) and number > 0 for number in numbers):
            raise ConfigurationError(f"The limit of {self.model!r} is not valid. Expected positive integers.")
        if self.limit.requests is None or self.limit.requests_period is None:
            raise ConfigurationError(
                f"The limit of {self.model!r} has no `requests`. Add it: the service accepts `usage` only together "
                "with `requests`."
            )
        if (self.limit.usage is None) != (self.limit.usage_period is None):
            raise ConfigurationError(f"The limit of {self.model!r} needs both `usage` and `usage_period`, or none.")


@dataclass(frozen=True, slots=True)
class KeySpec:
    """The specification of a workspace's key.

    Attributes:
        name: Its name in the file. The package writes it into the key's description, to find the key again.
        models: The models that it may call, or `"all"` for all those of the workspace.
        ip_ranges: The addresses from which it works, as CIDR ranges, or `"anywhere"` (default).
        description: A text, which the console shows. Default: none.
        enabled: Whether it is enabled. Default: yes. With `False`, a key that does not exist is not created.
    """

    name: str
    models: tuple[str, ...] | Literal["all"]
    ip_ranges: tuple[str, ...] | Literal["anywhere"] = ANYWHERE
    description: str = ""
    enabled: bool = True

    def __post_init__(self) -> None:
        """Check the values, and hold lists as tuples."""
        if not _KEY_NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"Key name {self.name!r} is not valid. Expected 1 to 64 letters, digits, `.`, `-` or `_`."
            )
        if START in self.description:
            raise ConfigurationError(
                f"The description of key {self.name!r} has {START!r}, which marks keys of a file. Remove it."
            )
        scope = values.key_scope(self.models, self.ip_ranges)
        object.__setattr__(self, "models", scope.models)
        object.__setattr__(self, "ip_ranges", scope.ip_ranges)

    @property
    def scope(self) -> KeyScope:
        """What the key may be used for."""
        return KeyScope(self.models, self.ip_ranges)


@dataclass(frozen=True, slots=True)
class WorkspaceSpec:
    """The specification of a workspace; one that does not exist is created.

    Attributes:
        name: Its name, by which it is found.
        models: The models that it may call, and no others. Default: `None`, which leaves its permissions as they are.
        limits: Its limits; those of other models are left as they are.
        keys: Its keys; other keys are left as they are.
    """

    name: str
    models: tuple[str, ...] | None = None
    limits: tuple[LimitSpec, ...] = ()
    keys: tuple[KeySpec, ...] = ()

    def __post_init__(self) -> None:
        """Check the values, and hold lists as tuples."""
        values.check_name(self.name)
        if self.models is not None:
            object.__setattr__(self, "models", values.check_models(self.models) if self.models else ())
        for field in ("limits", "keys"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        _check_unique(self.limits, lambda limit: limit.model, f"Workspace {self.name!r} has two limits of model")
        _check_unique(self.keys, lambda key: key.name, f"Workspace {self.name!r} has two keys with the name")
        for key in self.keys:
            missing = set(key.models) - set(self.models or key.models) if key.models != values.ALL else set()
            if self.models is not None and missing:
                raise ConfigurationError(
                    f"Workspace {self.name!r} does not have these models of its key {key.name!r}: "
                    f"{', '.join(sorted(missing))}. Add them to the workspace, or remove them from the key."
                )


@dataclass(frozen=True, slots=True)
class Spec:
    """The specification of workspaces, such as in a `workspaces.yaml`.

    Attributes:
        workspaces: The workspaces; all others are left as they are.
    """

    workspaces: tuple[WorkspaceSpec, ...]

    def __post_init__(self) -> None:
        """Check that each name is there once."""
        object.__setattr__(self, "workspaces", tuple(self.workspaces))
        _check_unique(self.workspaces, lambda workspace: workspace.name, "Two workspaces have the name")


def _check_unique(items: tuple[object, ...], name_of: Callable[..., str], message: str) -> None:
    seen: set[str] = set()
    for item in items:
        if (name := name_of(item)) in seen:
            raise ConfigurationError(f"{message} {name!r}. Expected each once.")
        seen.add(name)
