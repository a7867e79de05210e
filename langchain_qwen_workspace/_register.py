"""Registers the package with `init_chat_model` and `init_embeddings`, for which LangChain has no public API."""

from importlib import import_module
from typing import Any

from langchain_qwen_workspace._seam import PROVIDER

# LangChain's tables of providers (langchain 1.4 to 1.5). Its maintainers add only their own packages (langchain#34287).
_TABLES = {
    "langchain.chat_models.base": "ChatQwenWorkspace",
    "langchain.embeddings.base": "QwenWorkspaceEmbeddings",
}


def register() -> None:
    """Make `init_chat_model("qwen_workspace:qwen-plus")` and `init_embeddings("qwen_workspace:…")` work.

    It adds a row to two private tables of LangChain. Therefore importing the package does not do it, and a new release
    of LangChain may break it; the classes themselves do not depend on it.

    Raises:
        ImportError: `langchain` is not installed.
        RuntimeError: This release of LangChain does not have these tables.
    """
    modules: dict[str, Any] = {name: import_module(name) for name in _TABLES}
    try:
        rows = [(m._BUILTIN_PROVIDERS, _TABLES[name], m._call) for name, m in modules.items()]  # noqa: SLF001 - there is no public way
    except AttributeError as error:
        raise RuntimeError(
            "The installed LangChain does not have the provider tables of langchain 1.4 to 1.5, so that `register()` "
            f"cannot add to them. Construct `langchain_qwen_workspace.{'` or `'.join(_TABLES.values())}` directly."
        ) from error
    for table, class_name, create in rows:
        table.setdefault(PROVIDER, ("langchain_qwen_workspace", class_name, create))


def register_with_deepagents() -> None:
    """Let `create_deep_agent("qwen_workspace:…")` find the provider; deepagents calls this by its entry point."""
    profiles: Any = import_module("deepagents")
    profiles.register_provider_profile(PROVIDER, profiles.ProviderProfile(pre_init=lambda _: register()))
