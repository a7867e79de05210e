"""An opt-in: `init_chat_model("qwen_workspace:…")` and its kin, which LangChain has no door for."""

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

    It adds a row to two tables that LangChain keeps for itself, so it is never done by an import, and it may stop
    working with a new release of LangChain; the classes themselves need none of it.

    Raises:
        ImportError: `langchain` is not installed.
        RuntimeError: This release of LangChain has no such tables any more.
    """
    modules: dict[str, Any] = {name: import_module(name) for name in _TABLES}
    try:
        rows = [(m._BUILTIN_PROVIDERS, _TABLES[name], m._call) for name, m in modules.items()]  # noqa: SLF001 - the only way in
    except AttributeError as error:
        raise RuntimeError(
            "The installed LangChain keeps its providers elsewhere, so none can be added. Construct "
            f"`langchain_qwen_workspace.{'` or `'.join(_TABLES.values())}` itself."
        ) from error
    for table, class_name, create in rows:
        table.setdefault(PROVIDER, ("langchain_qwen_workspace", class_name, create))


def register_with_deepagents() -> None:
    """Let `create_deep_agent("qwen_workspace:…")` find the provider; deepagents calls this by its entry point."""
    profiles: Any = import_module("deepagents")
    profiles.register_provider_profile(PROVIDER, profiles.ProviderProfile(pre_init=lambda _: register()))
