"""`qwen-workspace admin workspaces`: lists the workspaces of a region."""

from pydantic import TypeAdapter

from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.admin import WorkspaceInfo
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    connect,
    report_errors,
)
from langchain_qwen_workspace.cli._console import make_console, show_table
from langchain_qwen_workspace.cli._options import JSONOption, write_json


def workspaces(
    *, region: AdminRegionOption = DEFAULT_REGION, base_url: AdminURLOption = None, as_json: JSONOption = False
) -> None:
    """List the workspaces of a region."""
    admin = connect(region, base_url)
    with report_errors():
        found = admin.workspaces()
    if as_json:
        write_json({"workspaces": TypeAdapter(list[WorkspaceInfo]).dump_python(found, mode="json")})
        return
    lines = [
        (each.id, each.name, each.host or "", f"{each.created_at:%Y-%m-%d}" if each.created_at else "")
        for each in found
    ]
    show_table(make_console(), ["Workspace", "Name", "Host", "Created"], lines)
