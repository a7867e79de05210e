"""Applies a file in a process of its own, which kills itself after a given number of changes.

Reads that number from each line of its input, forks a child that plans and applies, and writes how the child ended:
`killed`, or `done` if there were fewer changes. Forking makes a run as quick as the import of the package is slow.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from langchain_qwen_workspace._admin import flows
from langchain_qwen_workspace._admin.control_plane import ControlPlane
from langchain_qwen_workspace.admin import KeyFile, WorkspaceAdmin


def _kill_after(changes: int) -> None:
    """Let this process be killed right after so many changes of the service or deliveries of a key."""
    left = changes

    def count(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(self: Any, *arguments: Any) -> Any:
            nonlocal left
            result = function(self, *arguments)
            if isinstance(self, flows.Deliver) or arguments[0].effect is not flows.Effect.NONE:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return counted

    ControlPlane.send = count(ControlPlane.send)  # type: ignore[method-assign]  # this process ends here
    flows.Deliver.run = count(flows.Deliver.run)  # type: ignore[method-assign]  # same


def _apply(url: str, key_id: str, key_secret: str, spec: str, keys: str) -> None:
    admin = WorkspaceAdmin(region="cn-beijing", access_key_id=key_id, access_key_secret=key_secret, base_url=url)
    admin.apply(admin.plan(spec, keys=KeyFile(keys)), keys=KeyFile(keys))


def main() -> None:
    for line in sys.stdin:
        changes, *arguments = line.split()
        child = os.fork()
        if child == 0:
            _kill_after(int(changes))
            _apply(*arguments)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else f"done {status}", flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
