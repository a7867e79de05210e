"""Callback handlers that record what LangChain reports to them."""

import asyncio
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler

from langchain_qwen_workspace._usage.events import USAGE_EVENT


class CallbackRecorder(BaseCallbackHandler):
    """Records callbacks, each kind in the order of its arrival.

    Attributes:
        invocation_params: Of each chat, the parameters that LangChain reports for it.
        options: Of each chat, the options that LangChain reports for it.
        tokens: Each token of a stream.
        chunks: The chunk of each token.
        results: The result of each chat that was answered.
        errors: The error of each chat that failed.
        usage_events: The data of each usage event.
        usage_run_ids: The run id of each usage event.
        run_ids: The run id of each chain and retriever that started.
    """

    # An assertion that fails in a handler fails the test.
    raise_error = True

    def __init__(self) -> None:
        self.invocation_params: list[dict[str, Any]] = []
        self.options: list[dict[str, Any]] = []
        self.tokens: list[Any] = []
        self.chunks: list[Any] = []
        self.results: list[Any] = []
        self.errors: list[BaseException] = []
        self.usage_events: list[dict[str, Any]] = []
        self.usage_run_ids: list[UUID] = []
        self.run_ids: list[UUID] = []

    def on_chat_model_start(self, *_: Any, options: dict[str, Any] | None = None, **more: Any) -> None:
        self.options.append(options or {})
        self.invocation_params.append(more.get("invocation_params") or {})

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
        self.tokens.append(token)
        self.chunks.append(chunk)

    def on_llm_end(self, response: Any, **_: Any) -> None:
        self.results.append(response)

    def on_llm_error(self, error: BaseException, **_: Any) -> None:
        self.errors.append(error)

    def on_chain_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self.run_ids.append(run_id)

    def on_retriever_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self.run_ids.append(run_id)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        assert name == USAGE_EVENT
        self.usage_events.append(data)
        self.usage_run_ids.append(run_id)


class AsyncCallbackRecorder(AsyncCallbackHandler):
    """Records the data of each usage event, in a coroutine that gives way to others first."""

    raise_error = True

    def __init__(self) -> None:
        self.usage_events: list[dict[str, Any]] = []

    async def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        assert name == USAGE_EVENT
        await asyncio.sleep(0)
        self.usage_events.append(data)
