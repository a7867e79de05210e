"""The group of commands `qwen-workspace admin`."""

import typer

from langchain_qwen_workspace.cli._commands.admin.apply import apply
from langchain_qwen_workspace.cli._commands.admin.bill import bill
from langchain_qwen_workspace.cli._commands.admin.grant import grant
from langchain_qwen_workspace.cli._commands.admin.keys import keys
from langchain_qwen_workspace.cli._commands.admin.limits import limits
from langchain_qwen_workspace.cli._commands.admin.plan import plan
from langchain_qwen_workspace.cli._commands.admin.revoke import revoke
from langchain_qwen_workspace.cli._commands.admin.rotate import rotate
from langchain_qwen_workspace.cli._commands.admin.workspaces import workspaces

admin = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Administer workspaces with an AccessKey: ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.",
    epilog="Needs the extra `admin`. Exit status: 0 success, 1 refused, failed or not confirmed, 2 wrong usage.",
)
for _command in (workspaces, keys, grant, revoke, limits, plan, apply, bill, rotate):
    admin.command()(_command)
