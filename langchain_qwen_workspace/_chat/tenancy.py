"""Resolves the tenant of a chat call, from which the router picks a workspace."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import closing, suppress
from typing import Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, var_child_runnable_config

from langchain_qwen_workspace._fields.client import ClientFields
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.routing import TENANT, WorkspaceRouter
from langchain_qwen_workspace.workspace import QwenWorkspace


class TenantChatModel(ClientFields, BaseChatModel):
    """A chat model that calls the workspace of each run's tenant, if it has a router."""

    def _endpoint_params(self, workspace: QwenWorkspace | None) -> dict[str, str | None]:
        return {
            "base_url": workspace.base_url_for(self.protocol) if workspace else None,
            "workspace_id": workspace.workspace_id if workspace else None,
            "region": workspace.region if workspace else None,
        }

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """Return the parameters of a call for LangChain's cache, tracers and callbacks, with its workspace."""
        params = super()._get_invocation_params(stop=stop, **kwargs)
        if isinstance(self.workspace, WorkspaceRouter):
            # If the router has no workspace for the call, the error is raised later, within the run that LangChain
            # traces.
            with suppress(ConfigurationError):
                first, *others = self.candidates(kwargs.get(TENANT))
                params |= self._endpoint_params(first)
                if others:
                    # It is not known yet which of them will serve the call.
                    base_urls = [workspace.base_url_for(self.protocol) for workspace in (first, *others)]
                    params |= {"base_url": None, "base_urls": base_urls}
        return params

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the answer to a conversation.

        Args:
            input: The conversation.
            config: The run's config, in which a router finds the tenant.
            **kwargs: Parameters of the call.
        """
        return super().invoke(input, config, **kwargs, **self._tenant_kwargs(config))

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the answer to a conversation, like `invoke`."""
        return await super().ainvoke(input, config, **kwargs, **self._tenant_kwargs(config))

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Yield the chunks of the answer to a conversation as they arrive.

        Args:
            input: The conversation.
            config: The run's config, in which a router finds the tenant.
            **kwargs: Parameters of the call.
        """
        return super().stream(input, config, **kwargs, **self._tenant_kwargs(config))

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Yield the chunks of the answer to a conversation as they arrive, like `stream`."""
        return super().astream(input, config, **kwargs, **self._tenant_kwargs(config))

    def _tenant_kwargs(self, config: RunnableConfig | None) -> dict[str, Any]:
        if not isinstance(self.workspace, WorkspaceRouter):
            return {}
        tenant = self.workspace.tenant_in(ensure_config(config))
        return {} if tenant is None else {TENANT: tenant}


def read_in_this_run(chunks: Iterator[AIMessageChunk]) -> Iterator[AIMessageChunk]:
    """Return chunks that are computed in the run that surrounds this call, whoever reads them in whichever run.

    A generator computes its chunks in the run of its reader: a stream that one tenant opens and another one reads would
    be sent and billed as the other's.
    """
    return _read_in(var_child_runnable_config.get(), chunks)


def aread_in_this_run(chunks: AsyncIterator[AIMessageChunk]) -> AsyncIterator[AIMessageChunk]:
    """Return chunks like `read_in_this_run`."""
    return _ReadInRun(var_child_runnable_config.get(), cast("AsyncGenerator[AIMessageChunk, None]", chunks))


def _read_in(run: RunnableConfig | None, chunks: Iterator[AIMessageChunk]) -> Iterator[AIMessageChunk]:
    with closing(cast("Any", chunks)):
        while True:
            token = var_child_runnable_config.set(run)
            try:
                chunk = next(chunks, None)
            finally:
                var_child_runnable_config.reset(token)
            if chunk is None:
                return
            yield chunk


class _ReadInRun(AsyncGenerator[AIMessageChunk, None]):
    """An async generator around another one. Not an `async def`, which the event loop would close beside the other."""

    def __init__(self, run: RunnableConfig | None, chunks: AsyncGenerator[AIMessageChunk, None]) -> None:
        self._run = run
        self._chunks = chunks

    async def asend(self, value: None) -> AIMessageChunk:
        token = var_child_runnable_config.set(self._run)
        try:
            return await self._chunks.asend(value)
        finally:
            var_child_runnable_config.reset(token)

    async def athrow(self, *error: Any) -> AIMessageChunk:
        return await self._chunks.athrow(*error)

    async def aclose(self) -> None:
        await self._chunks.aclose()
