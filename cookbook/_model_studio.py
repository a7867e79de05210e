"""The server that the cookbook calls: Model Studio if the environment has a key, the offline sandbox otherwise."""

import atexit
import os
from collections.abc import Iterable
from typing import Any

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox


class ModelStudio:
    """Model Studio, or the sandbox in its place.

    Attributes:
        sandbox: The sandbox, `None` if the service is called.
    """

    def __init__(self, sandbox: Sandbox | None) -> None:
        self.sandbox = sandbox

    def workspace(
        self, name: str, *, models: Iterable[str] | None = None, region: str = "ap-southeast-1"
    ) -> QwenWorkspace:
        """Return a workspace to call.

        Args:
            name: The name of the workspace to create in the sandbox. With the service it is ignored: the workspace is
                the environment's.
            models: The models that it may call, in the sandbox. Default: all.
            region: Its region, in the sandbox.
        """
        if self.sandbox is None:
            return QwenWorkspace()
        return self.sandbox.workspace(name, models=models, region=region)

    def fail_next(self, **fault: Any) -> None:
        """Make the sandbox fail the next request; with the service this only prints a note."""
        if self.sandbox is None:
            print("The service cannot be made to fail: the next call is an ordinary one.")
        else:
            self.sandbox.fail_next(**fault)


def model_studio() -> ModelStudio:
    """Choose the service or the sandbox, print which one it is, and return it."""
    if os.environ.get("DASHSCOPE_API_KEY"):
        print(f"DASHSCOPE_API_KEY is set: the service answers, at {QwenWorkspace().origin}.")
        return ModelStudio(None)
    sandbox = Sandbox().start()
    atexit.register(sandbox.close)
    print("DASHSCOPE_API_KEY is not set: the offline sandbox answers. It is not a language model;")
    print("it derives its answers from the request by rules.")
    return ModelStudio(sandbox)
