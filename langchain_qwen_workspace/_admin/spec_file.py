"""Reads `workspaces.yaml`. Whatever is not known there is refused, with its line."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

import yaml

from langchain_qwen_workspace._admin.spec import KeySpec, LimitSpec, Spec, WorkspaceSpec
from langchain_qwen_workspace._admin.values import ALL, ANYWHERE
from langchain_qwen_workspace._suggestions import did_you_mean
from langchain_qwen_workspace._workspace.permissions import RateLimit
from langchain_qwen_workspace.errors import ConfigurationError

_NO_LIMIT = "none"
_DEFAULT_PERIOD = 60
T = TypeVar("T")
_TAGS: Mapping[type, str] = MappingProxyType({str: "str", int: "int", bool: "bool"})
_CONSTRUCT: Mapping[type, Callable[..., Any]] = MappingProxyType(
    {
        str: yaml.SafeLoader.construct_yaml_str,
        int: yaml.SafeLoader.construct_yaml_int,
        bool: yaml.SafeLoader.construct_yaml_bool,
    }
)


def read_spec(path: str | Path) -> Spec:
    """Return what a file says how workspaces should be.

    Raises:
        ConfigurationError: It cannot be read, or something in it is not known or not valid; the line is named.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    return parse_spec(text, str(path))


def parse_spec(text: str, source: str = "workspaces.yaml") -> Spec:
    """Return what a text says how workspaces should be; `source` is its name in errors."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{source}, line {line}: not valid YAML: {error.problem}.") from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigurationError(f"{source} is not valid YAML.") from None
    if root is None:
        raise ConfigurationError(f"{source} is empty. Expected `workspaces:` with a list of workspaces.")
    return _Reader(source).spec(root)


class _Reader:
    """Makes values of the nodes of a YAML document."""

    def __init__(self, source: str) -> None:
        self._source = source

    def spec(self, node: yaml.Node) -> Spec:
        fields = self._fields(node, "the file", required=("workspaces",))
        workspaces = tuple(self._workspace(item) for item in self._items(fields["workspaces"], "`workspaces`"))
        return self._build_value(node, lambda: Spec(workspaces))

    def _workspace(self, node: yaml.Node) -> WorkspaceSpec:
        fields = self._fields(node, "a workspace", required=("name",), optional=("models", "limits", "keys"))
        name = self._scalar(fields["name"], str, "`name`")
        models = self._texts(fields["models"], "`models`") if "models" in fields else None
        limits = tuple(self._limit(model, value) for model, value in self._entries(fields.get("limits"), "`limits`"))
        keys = tuple(self._key(key, value) for key, value in self._entries(fields.get("keys"), "`keys`"))
        return self._build_value(node, lambda: WorkspaceSpec(name, models, limits, keys))

    def _limit(self, model: str, node: yaml.Node) -> LimitSpec:
        if isinstance(node, yaml.ScalarNode) and (node.value == _NO_LIMIT or node.tag.endswith(":null")):
            return self._build_value(node, lambda: LimitSpec(model, None))
        names = ("requests", "requests_period", "usage", "usage_period")
        fields = self._fields(node, f"the limit of {model!r}", optional=names)
        numbers = {name: self._scalar(value, int, f"`{name}`") for name, value in fields.items()}
        for name in ("requests", "usage"):
            if name in numbers:
                numbers.setdefault(f"{name}_period", _DEFAULT_PERIOD)
        return self._build_value(node, lambda: LimitSpec(model, RateLimit(**numbers)))

    def _key(self, name: str, node: yaml.Node) -> KeySpec:
        optional = ("ip_ranges", "description", "enabled")
        fields = self._fields(node, f"key {name!r}", required=("models",), optional=optional)
        values: dict[str, Any] = {"models": self._texts(fields["models"], "`models`", ALL)}
        if "ip_ranges" in fields:
            values["ip_ranges"] = self._texts(fields["ip_ranges"], "`ip_ranges`", ANYWHERE)
        if "description" in fields:
            values["description"] = self._scalar(fields["description"], str, "`description`")
        if "enabled" in fields:
            values["enabled"] = self._scalar(fields["enabled"], bool, "`enabled`")
        return self._build_value(node, lambda: KeySpec(name, **values))

    def _build_value(self, node: yaml.Node, make: Callable[[], T]) -> T:
        """Return a value; if it is refused, the error names the line."""
        try:
            return make()
        except ConfigurationError as error:
            self._fail(node, error.message)

    def _fields(
        self, node: yaml.Node, what: str, required: Collection[str] = (), optional: Collection[str] = ()
    ) -> dict[str, yaml.Node]:
        known = (*required, *optional)
        entries = self._entries(node, what)
        for name, _ in entries:
            if name not in known:
                line = next(key for key, _ in node.value if key.value == name)
                expected = f"{did_you_mean(name, known)} Expected {', '.join(known)}"
                self._fail(line, f"unknown key {name!r} in {what}.{expected}")
        fields = dict(entries)
        if missing := [name for name in required if name not in fields]:
            self._fail(node, f"{what} has no `{missing[0]}`")
        return fields

    def _entries(self, node: yaml.Node | None, what: str) -> list[tuple[str, yaml.Node]]:
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{what}: expected names with values")
        entries: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._scalar(key, str, f"a name in {what}")
            if name in entries:
                self._fail(key, f"{name!r} is twice in {what}")
            entries[name] = value
        return list(entries.items())

    def _items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, f"{what}: expected a list")
        return list(node.value)

    def _texts(self, node: yaml.Node, what: str, word: str | None = None) -> Any:
        """Return a list of texts, or the word that stands for everything."""
        if word and isinstance(node, yaml.ScalarNode) and node.value == word:
            return word
        if word and not isinstance(node, yaml.SequenceNode):
            self._fail(node, f'{what}: expected a list, or "{word}"')
        return tuple(self._scalar(item, str, f"an item of {what}") for item in self._items(node, what))

    def _scalar(self, node: yaml.Node, kind: type, what: str) -> Any:
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(f":{_TAGS[kind]}"):
            names = {str: "a text (put it in quotes)", int: "an integer", bool: "`true` or `false`"}
            self._fail(node, f"{what}: expected {names[kind]}")
        return _CONSTRUCT[kind](yaml.SafeLoader(""), node)

    def _fail(self, node: yaml.Node, message: str) -> NoReturn:
        raise ConfigurationError(f"{self._source}, line {node.start_mark.line + 1}: {message.rstrip('.')}.") from None
