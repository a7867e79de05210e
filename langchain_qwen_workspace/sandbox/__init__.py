"""An offline imitation of Model Studio on loopback, for tests and examples: its protocols, no language model."""

import importlib
import typing

if typing.TYPE_CHECKING:
    from langchain_qwen_workspace.sandbox._admin.signature import SandboxAccessKey
    from langchain_qwen_workspace.sandbox._calls import SandboxRequest, SandboxWorkspace
    from langchain_qwen_workspace.sandbox._sandbox import Sandbox

__all__ = ["Sandbox", "SandboxAccessKey", "SandboxRequest", "SandboxWorkspace"]

# Imported when first used: pytest loads `pytest_plugin` in every run, also where the extra is not installed.
_MODULES = {
    "Sandbox": "_sandbox",
    "SandboxAccessKey": "_admin.signature",
    "SandboxRequest": "_calls",
    "SandboxWorkspace": "_calls",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
