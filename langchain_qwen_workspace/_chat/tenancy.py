"""Whose a chat call is: the tenant of its run, by which a router picks the workspace."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from langchain_qwen_workspace._fields.client import ClientFields
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.routing import WorkspaceRouter
from langchain_qwen_workspace.workspace import QwenWorkspace

TENANT = "workspace_tenant"
"""Under this name a call's tenant travels from the run's config, which LangChain does not hand on, to where it is sent.
"""


class TenantChatModel(ClientFields, BaseChatModel):
    """A chat model that is called as the workspace of each run's tenant, where it has a router."""

    def _called(self, workspace: QwenWorkspace | None) -> dict[str, str | None]:
        return {
            "base_url": workspace.base_url_for(self.protocol) if workspace else None,
            "workspace_id": workspace.workspace_id if workspace else None,
            "region": workspace.region if workspace else None,
        }

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """Return what LangChain's cache, tracers and handlers tell calls apart by: also whom a router picks."""
        params = super()._get_invocation_params(stop=stop, **kwargs)
        if isinstance(self.workspace, WorkspaceRouter):
            # A call that the router has no workspace for says so when it is sent, in the run that LangChain notes.
            with suppress(ConfigurationError):
                first, *others = self.candidates(kwargs.get(TENANT))
                params |= self._called(first)
                if others:
                    # Which of them answers is known afterwards.
                    hosts = [workspace.base_url_for(self.protocol) for workspace in (first, *others)]
                    params |= {"base_url": None, "base_urls": hosts}
        return params

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the answer to a conversation; a router reads the tenant from `config`."""
        return super().invoke(input, config, **kwargs, **self._routed(config))

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the answer to a conversation, like `invoke`."""
        return await super().ainvoke(input, config, **kwargs, **self._routed(config))

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Yield the answer to a conversation as it comes; a router reads the tenant from `config`."""
        return super().stream(input, config, **kwargs, **self._routed(config))

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Yield the answer to a conversation as it comes, like `stream`."""
        return super().astream(input, config, **kwargs, **self._routed(config))

    def _routed(self, config: RunnableConfig | None) -> dict[str, Any]:
        if not isinstance(self.workspace, WorkspaceRouter):
            return {}
        tenant = self.workspace.tenant_in(ensure_config(config))
        return {} if tenant is None else {TENANT: tenant}
