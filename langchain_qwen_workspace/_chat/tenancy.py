"""Resolves the tenant and the run of a chat call; from the tenant, the router picks a workspace."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import closing, suppress
from typing import Any, cast

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
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

    def _tenant_kwargs(self, config: RunnableConfig | None) -> dict[str, Any]:
        """Return the tenant as an argument of a call, if the run's config names one and a router looks for it."""
        if not isinstance(self.workspace, WorkspaceRouter):
            return {}
        tenant = self.workspace.tenant_in(ensure_config(config))
        return {} if tenant is None else {TENANT: tenant}


def read_in_this_run(chunks: Iterator[AIMessageChunk]) -> Iterator[AIMessageChunk]:
    """Return an iterator that computes the chunks in the run of this call, even if it is read in another run.

    A generator runs in the context of its reader. Without this, a stream that one tenant opens and another tenant reads
    would be sent and billed as the reader's.
    """
    return _read_in(var_child_runnable_config.get(), chunks)


def aread_in_this_run(chunks: AsyncIterator[AIMessageChunk]) -> AsyncIterator[AIMessageChunk]:
    """Return an async iterator like that of `read_in_this_run`."""
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
    """Delegates to an async generator, each step in a given run.

    This is a class because the event loop closes every `async def` generator that it knows: it would close this one and
    the inner one at the same time.
    """

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
