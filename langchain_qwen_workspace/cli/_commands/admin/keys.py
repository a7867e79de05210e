"""`qwen-workspace admin keys`: lists the keys of a workspace."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.admin import KeyInfo
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    WorkspaceArgument,
    connect,
    report_errors,
)
from langchain_qwen_workspace.cli._console import make_console, show_table
from langchain_qwen_workspace.cli._options import JSONOption, write_json


def keys(
    workspace: WorkspaceArgument,
    *,
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
    as_json: JSONOption = False,
) -> None:
    """List the keys of a workspace, without their values."""
    admin = connect(region, base_url)
    with report_errors():
        found = admin.keys(workspace)
    if as_json:
        write_json({"keys": TypeAdapter(list[KeyInfo]).dump_python(found, mode="json")})
        return
    lines = [(each.id, *_scope_cells(each), "yes" if each.enabled else "no", each.description) for each in found]
    show_table(make_console(), ["Key", "Models", "From", "Works", "Description"], lines)


def _scope_cells(key: KeyInfo) -> tuple[str, str]:
    if key.scope is None:
        return "unknown", "unknown"
    return _text(key.scope.models), _text(key.scope.ip_ranges)


def _text(given: Sequence[str]) -> str:
    return given if isinstance(given, str) else ", ".join(given)
