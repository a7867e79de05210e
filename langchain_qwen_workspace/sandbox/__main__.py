"""`python -m langchain_qwen_workspace.sandbox`: serves until Ctrl-C, and prints the environment variables to export."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterable, Sequence

from langchain_qwen_workspace.sandbox._calls import SandboxWorkspace
from langchain_qwen_workspace.sandbox._sandbox import Sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox from the command line.

    Args:
        arguments: The command-line arguments; by default those of the process.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    return serve(
        host=options.host, port=options.port, allow_hosts=options.allow_host, workspaces=options.workspace or ()
    )


def serve(*, host: str, port: int, allow_hosts: Iterable[str], workspaces: Iterable[str]) -> int:
    """Run the sandbox until Ctrl-C, and print the environment variables to export.

    Args:
        host: The address to listen on.
        port: The port, 0 for a free one.
        allow_hosts: Names under which clients reach the sandbox, beside loopback and `host`.
        workspaces: The workspaces to open, each as `NAME[:REGION[:MODEL,MODEL]]`. Default: one for every model.

    Returns:
        The exit status: 0 stopped, 1 the sandbox cannot listen on the address, 2 an argument is not valid.
    """
    try:
        sandbox = Sandbox(host=host, port=port, allow_hosts=allow_hosts)
        opened = [_open_workspace(sandbox, text) for text in tuple(workspaces) or ("default",)]
        keys = [sandbox.access_key(region) for region in dict.fromkeys(workspace.region for _, workspace in opened)]
    except ValueError as error:
        print(f"sandbox: {error}", file=sys.stderr)  # noqa: T201 - a command prints
        return 2
    try:
        sandbox.start()
    except OSError as error:
        print(f"sandbox: {error.strerror or error}", file=sys.stderr)  # noqa: T201 - a command prints
        return 1
    lines = [f"Model Studio sandbox (rules, not a language model) on {sandbox.base_url}", ""]
    for name, workspace in opened:
        lines += [f"# workspace {name}", *_exports(workspace, sandbox.base_url), ""]
    for key in keys:
        options = f"--region {key.region} --base-url {sandbox.base_url}"
        lines += [
            f"# administration of {key.region}: qwen-workspace admin … {options}",
            f"export ALIBABA_CLOUD_ACCESS_KEY_ID={key.access_key_id}",
            f"export ALIBABA_CLOUD_ACCESS_KEY_SECRET={key.access_key_secret}",
            "",
        ]
    print("\n".join([*lines, "Press Ctrl-C to stop."]), flush=True)  # noqa: T201 - a command prints
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        sandbox.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m langchain_qwen_workspace.sandbox",
        description="An offline imitation of Alibaba Cloud Model Studio. It answers by rules: no language model.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which clients reach the sandbox, beside localhost and --host; may be repeated",
    )
    parser.add_argument("--port", type=int, default=8089, help="port, 0 for a free one (default: %(default)s)")
    parser.add_argument(
        "--workspace",
        action="append",
        metavar="NAME[:REGION[:MODEL,MODEL]]",
        help="a workspace to open; may be repeated (default: one that may call every model)",
    )
    return parser


def _open_workspace(sandbox: Sandbox, text: str) -> tuple[str, SandboxWorkspace]:
    """Open the workspace that a command-line argument describes, and return it with its name."""
    name, _, rest = text.partition(":")
    region, _, models = rest.partition(":")
    permitted = [model.strip() for model in models.split(",") if model.strip()] or None
    return name, sandbox.add_workspace(name, models=permitted, region=region or "ap-southeast-1")


def _exports(workspace: SandboxWorkspace, base_url: str) -> list[str]:
    return [
        f"export DASHSCOPE_API_KEY={workspace.api_key}",
        f"export DASHSCOPE_WORKSPACE={workspace.workspace_id}",
        f"export DASHSCOPE_REGION={workspace.region}",
        f"export DASHSCOPE_BASE_URL={base_url}",
    ]


if __name__ == "__main__":
    sys.exit(main())
