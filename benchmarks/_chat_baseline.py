"""The baseline for the cost of LangChain itself: a chat model that yields chunks made beforehand."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr


class PreparedChunks(BaseChatModel):
    """Yields the same texts each time, as chunks made by `prepare()`."""

    texts: list[str]
    _chunks: list[ChatGenerationChunk] = PrivateAttr(default_factory=list)

    def prepare(self) -> None:
        """Make new chunks for the next stream, since LangChain changes those it is given."""
        self._chunks = [ChatGenerationChunk(message=AIMessageChunk(content=text)) for text in self.texts]

    @property
    def _llm_type(self) -> str:
        return "prepared-chunks"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError

    def _stream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002 - LangChain's signature
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> Iterator[ChatGenerationChunk]:
        yield from self._chunks

    async def _astream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002 - LangChain's signature
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._chunks:
            yield chunk
