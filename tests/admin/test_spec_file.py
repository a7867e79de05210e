"""`workspaces.yaml`: what it says, and which line is named if it says something unknown."""

from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace import ConfigurationError
from langchain_qwen_workspace._admin.spec_file import parse_spec
from langchain_qwen_workspace.admin import KeySpec, LimitSpec, RateLimit, Spec, WorkspaceSpec, read_spec

WHOLE = """
workspaces:
  - name: team-a
    models: [qwen-plus, qwen-flash]
    limits:
      qwen-plus: {requests: 60, usage: 100000, usage_period: 10}
      qwen-flash: none
      qwen-max: null
    keys:
      ci:
        models: [qwen-plus]
        ip_ranges: [203.0.113.0/24]
        description: CI
        enabled: no
      app: {models: all, ip_ranges: anywhere}
  - name: "7"
"""


def test_a_file_is_read_with_its_defaults() -> None:
    assert parse_spec(WHOLE) == Spec(
        (
            WorkspaceSpec(
                "team-a",
                ("qwen-plus", "qwen-flash"),
                (
                    LimitSpec("qwen-plus", RateLimit(60, 60, 100000, 10)),
                    LimitSpec("qwen-flash", None),
                    LimitSpec("qwen-max", None),
                ),
                (
                    KeySpec("ci", ("qwen-plus",), ("203.0.113.0/24",), "CI", enabled=False),
                    KeySpec("app", "all"),
                ),
            ),
            WorkspaceSpec("7"),
        )
    )


def in_workspace(lines: str) -> str:
    return f"workspaces:\n  - name: a\n    {lines}"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            "workspaces: []\nworkspace: []",
            2,
            "unknown key 'workspace' in the file. Did you mean 'workspaces'? Expected",
        ),
        (in_workspace("model: [x]"), 3, "in a workspace. Did you mean 'models'? Expected name, models, limits, keys"),
        (in_workspace("limits: {m: {request: 1}}"), 3, "unknown key 'request' in the limit of 'm'"),
        (in_workspace("keys:\n      k: {models: all, ips: []}"), 4, "unknown key 'ips' in key 'k'"),
        (in_workspace("models: []\n    models: []"), 4, "'models' is twice"),
        (in_workspace("keys: {k: {}}"), 3, "key 'k' has no `models`"),
        ("workspaces:\n  - models: []", 2, "a workspace has no `name`"),
        ("workspaces: a", 1, "`workspaces`: expected a list"),
        ("workspaces:\n  - a", 2, "a workspace: expected names with values"),
        ("- a", 1, "the file: expected names with values"),
        ("other: 1", 1, "unknown key 'other'"),
        ("workspaces:\n  - name: 7", 2, "`name`: expected a text (put it in quotes)"),
        ('workspaces:\n  - name: ""', 2, "Workspace name ''"),
        (in_workspace("models: [1.5]"), 3, "an item of `models`: expected a text"),
        (in_workspace("models: all"), 3, "`models`: expected a list"),
        (in_workspace("keys: {on: {models: all}}"), 3, "a name in `keys`: expected a text"),
        (in_workspace("keys: {k: {models: some}}"), 3, '`models`: expected a list, or "all"'),
        (in_workspace("keys: {k: {models: []}}"), 3, "Expected a list with at least one model"),
        (in_workspace("keys: {k: {models: all, ip_ranges: []}}"), 3, "from anywhere"),
        (in_workspace("keys: {k: {models: all, ip_ranges: [x]}}"), 3, "IP range 'x' is not valid"),
        (in_workspace("keys: {k: {models: all, enabled: 1}}"), 3, "expected `true` or `false`"),
        (in_workspace("keys: {a/b: {models: all}}"), 3, "Key name 'a/b' is not valid"),
        (
            in_workspace('keys: {k: {models: all, description: "x [qwen-workspace: y]"}}'),
            3,
            "which marks keys of a file",
        ),
        (in_workspace("limits: {m: {requests: x}}"), 3, "`requests`: expected an integer"),
        (in_workspace("limits: {m: {requests: 0}}"), 3, "Expected positive integers"),
        (in_workspace("limits: {m: {usage: 5}}"), 3, "has no `requests`"),
        (in_workspace("limits: {m: {requests: 5, usage_period: 5}}"), 3, "needs both `usage` and `usage_period`"),
        (in_workspace("models: [m]\n    keys: {k: {models: [n]}}"), 2, "its key 'k': n"),
        (in_workspace("models: [m]\n  - name: a"), 1, "Two workspaces have the name 'a'"),
        ("workspaces: [", 1, "not valid YAML"),
        ("a: 1\n---\nb: 2", 2, "not valid YAML"),
    ],
)
def test_what_is_unknown_or_invalid_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_spec(text, "w.yaml")
    assert caught.value.message.startswith(f"w.yaml, line {line}: ")
    assert said in caught.value.message


@pytest.mark.parametrize("text", ["", "# nothing", "a: \x00", "[" * 5000])
def test_what_is_no_yaml_at_all_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"w\.yaml"):
        parse_spec(text, "w.yaml")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "w.yaml"
    if content:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_spec(path)


def test_a_file_is_read_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(WHOLE)
    assert read_spec(path) == parse_spec(WHOLE)


@pytest.mark.parametrize(
    "values",
    [
        {"keys": [KeySpec("k", "all"), KeySpec("k", "all")]},
        {"limits": [LimitSpec("m", None), LimitSpec("m", None)]},
    ],
)
def test_a_workspace_made_in_python_has_each_name_once(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="Expected each once"):
        WorkspaceSpec("a", **values)


def test_lists_of_python_are_held_as_tuples() -> None:
    models: Any = ["qwen-plus"]
    assert hash(WorkspaceSpec("a", models)) == hash(WorkspaceSpec("a", ("qwen-plus",)))
