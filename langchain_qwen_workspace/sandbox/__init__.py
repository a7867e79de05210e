"""An offline imitation of Model Studio on loopback, for tests and examples: both wires, no language model."""

from langchain_qwen_workspace.sandbox._calls import SandboxRequest, SandboxWorkspace
from langchain_qwen_workspace.sandbox._sandbox import Sandbox

__all__ = ["Sandbox", "SandboxRequest", "SandboxWorkspace"]
