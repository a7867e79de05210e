"""Who answers the cookbook: the service where the environment has a key, the offline sandbox where it has none."""

import atexit
import os
from collections.abc import Iterable
from typing import Any

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox


class ModelStudio:
    """The one that answers.

    Attributes:
        sandbox: The sandbox, `None` where the service answers.
    """

    def __init__(self, sandbox: Sandbox | None) -> None:
        self.sandbox = sandbox

    def workspace(
        self, name: str, *, models: Iterable[str] | None = None, region: str = "ap-southeast-1"
    ) -> QwenWorkspace:
        """Return a workspace to call.

        Args:
            name: The sandbox opens one of this name. The service has the environment's, whatever the name.
            models: The models it may call in the sandbox. Default: all.
            region: The region it says it is in, in the sandbox.
        """
        if self.sandbox is None:
            return QwenWorkspace()
        return self.sandbox.workspace(name, models=models, region=region)

    def fail_next(self, **fault: Any) -> None:
        """Let the next request go wrong, in the sandbox; the service has faults of its own."""
        if self.sandbox is None:
            print("The service cannot be told to fail: what follows is an ordinary call.")
        else:
            self.sandbox.fail_next(**fault)


def model_studio() -> ModelStudio:
    """Choose who answers, say so, and return it."""
    if os.environ.get("DASHSCOPE_API_KEY"):
        print(f"The service answers, at {QwenWorkspace().origin}.")
        return ModelStudio(None)
    sandbox = Sandbox().start()
    atexit.register(sandbox.close)
    print("There is no DASHSCOPE_API_KEY: the offline sandbox answers. It is no language model:")
    print("its answers follow from the request by rules.")
    return ModelStudio(sandbox)
