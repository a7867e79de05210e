"""Forces the tool that holds a response's schema, for agents whose model cannot be forced to call any of several tools.

LangChain's `create_agent` offers the schema of a response as a tool among the others and asks for a call of any. Where
a model accepts no such choice, it chooses freely, and once it calls no tool, a second request forces the schema's.
"""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_usage
from langchain_core.messages.base import merge_content
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool

from langchain_qwen_workspace._chat.missing_object import missing_tool_call_error
from langchain_qwen_workspace._chat.tenancy import TenantChatModel, aread_in_this_run, read_in_this_run
from langchain_qwen_workspace.profiles import Profile

SCHEMA_TOOL = "schema_tool"
"""The keyword argument that passes the name of the schema's tool from `bind_tools` to the call."""


def find_schema_tool(tools: Sequence[Any]) -> str | None:
    """Return the name of the first tool that nothing can run, since it only holds a schema; `None` if all can be run.

    Args:
        tools: The tools, in any form that `bind_tools` accepts.
    """
    for tool in tools:
        if isinstance(tool, StructuredTool) and tool.func is None and tool.coroutine is None:
            return tool.name
    return None


class SchemaToolChatModel(TenantChatModel):
    """A chat model that answers with a call of the schema's tool, if a call of any tool is asked for."""

    model: str

    @abstractmethod
    def _profile_of(self, model: str) -> Profile:
        """Return the facts about a model."""

    def _take_schema_tool(self, kwargs: dict[str, Any]) -> str | None:
        """Remove the schema's tool from a call's parameters, and return it unless the first request forces it.

        Other servers are asked for a call of any tool; some of them ignore that.
        """
        name: str | None = kwargs.pop(SCHEMA_TOOL, None)
        if name is None:
            return None
        profile = self._profile_of(kwargs.get("model") or self.model)
        accepts_any = not profile.knows("tool_choice") or "required" in profile.tool_choice
        if not profile.enforced or accepts_any:
            return name
        if len(kwargs["tools"]) == 1 and profile.thinking != "only":
            return None
        kwargs["tool_choice"] = "auto"
        return name

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the answer to a conversation.

        Args:
            input: The conversation: a text, messages or a prompt value.
            config: The run's config, in which a router finds the tenant. Default: that of the surrounding run.
            **kwargs: Parameters of the call, which override the model's.

        Raises:
            QwenWorkspaceError: The call failed; the class of the error says why.
        """
        kwargs |= self._tenant_kwargs(config)
        if (name := self._take_schema_tool(kwargs)) is None:
            return super().invoke(input, config, **kwargs)
        answer = super().invoke(input, config, **kwargs)
        if answer.tool_calls:
            return answer
        return _join(answer, super().invoke(input, _next_run(config), **_force_schema_tool(kwargs, name)))

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the answer to a conversation, like `invoke`."""
        kwargs |= self._tenant_kwargs(config)
        if (name := self._take_schema_tool(kwargs)) is None:
            return await super().ainvoke(input, config, **kwargs)
        answer = await super().ainvoke(input, config, **kwargs)
        if answer.tool_calls:
            return answer
        return _join(answer, await super().ainvoke(input, _next_run(config), **_force_schema_tool(kwargs, name)))

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Yield the chunks of the answer to a conversation as they arrive.

        Args:
            input: The conversation: a text, messages or a prompt value.
            config: The run's config, in which a router finds the tenant. Default: that of the run in which this method
                is called, whoever reads the chunks.
            **kwargs: Parameters of the call, which override the model's.

        Raises:
            QwenWorkspaceError: The call failed; the error's `partial_message` has the part that arrived before.
        """
        kwargs |= self._tenant_kwargs(config)
        if (name := self._take_schema_tool(kwargs)) is None:
            return read_in_this_run(super().stream(input, config, **kwargs))
        return read_in_this_run(self._stream_calls(input, config, name, **kwargs))

    def _stream_calls(
        self, model_input: LanguageModelInput, config: RunnableConfig | None, schema_tool: str, **kwargs: Any
    ) -> Iterator[AIMessageChunk]:
        first = _FirstStream()
        for chunk in super().stream(model_input, config, **kwargs):
            yield from first.feed(chunk)
        yield from first.finish()
        if not first.has_calls:
            forced: list[AIMessageChunk] = []
            for chunk in super().stream(model_input, _next_run(config), **_force_schema_tool(kwargs, schema_tool)):
                forced.append(chunk)
                yield chunk
            _check_calls_schema_tool(forced)

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Yield the chunks of the answer to a conversation as they arrive, like `stream`."""
        kwargs |= self._tenant_kwargs(config)
        if (name := self._take_schema_tool(kwargs)) is None:
            return aread_in_this_run(super().astream(input, config, **kwargs))
        return aread_in_this_run(self._astream_calls(input, config, name, **kwargs))

    async def _astream_calls(
        self, model_input: LanguageModelInput, config: RunnableConfig | None, schema_tool: str, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        first = _FirstStream()
        async with _closing(super().astream(model_input, config, **kwargs)) as chunks:
            async for chunk in chunks:
                for ready in first.feed(chunk):
                    yield ready
        for ready in first.finish():
            yield ready
        if not first.has_calls:
            forced: list[AIMessageChunk] = []
            async with _closing(
                super().astream(model_input, _next_run(config), **_force_schema_tool(kwargs, schema_tool))
            ) as chunks:
                async for chunk in chunks:
                    forced.append(chunk)
                    yield chunk
            _check_calls_schema_tool(forced)


def _closing(chunks: AsyncIterator[AIMessageChunk]) -> aclosing[AsyncGenerator[AIMessageChunk, None]]:
    """Return a context manager that closes a stream when the caller stops early.

    LangChain types its async generators as iterators.
    """
    return aclosing(cast("AsyncGenerator[AIMessageChunk, None]", chunks))


def _force_schema_tool(kwargs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the parameters of a call that only offers the schema's tool, and forces it."""
    tools = [tool for tool in kwargs["tools"] if (tool.get("function") or {}).get("name") == name]
    return {**kwargs, "tools": tools, "tool_choice": name}


def _next_run(config: RunnableConfig | None) -> RunnableConfig | None:
    """Return the config of a second run, which must not have the first one's id."""
    return config and cast("RunnableConfig", {key: value for key, value in config.items() if key != "run_id"})


def _check_calls_schema_tool(parts: Sequence[AIMessage]) -> None:
    """Raise if no part of the forced answer calls the schema's tool: the agent would end without its response."""
    if not any(part.tool_calls for part in parts):
        raise missing_tool_call_error(())


def _join(free: AIMessage, forced: AIMessage) -> AIMessage:
    """Return the forced call, with the text before it and the usage of both requests."""
    _check_calls_schema_tool([forced])
    return forced.model_copy(
        update={
            "content": merge_content(free.content, forced.content),
            "additional_kwargs": {**free.additional_kwargs, **forced.additional_kwargs},
            "usage_metadata": add_usage(free.usage_metadata, forced.usage_metadata),
        }
    )


@dataclass(slots=True)
class _FirstStream:
    """Holds the end of a stream back until it is known whether another one continues it."""

    has_calls: bool = False
    _held: list[AIMessageChunk] = field(default_factory=list)

    def feed(self, chunk: AIMessageChunk) -> list[AIMessageChunk]:
        self.has_calls = self.has_calls or bool(chunk.tool_call_chunks)
        if not self.has_calls and ("finish_reason" in chunk.response_metadata or chunk.chunk_position):
            self._held.append(chunk)
            return []
        return [chunk]

    def finish(self) -> list[AIMessageChunk]:
        """Return the chunks that were held back, without the metadata if another stream follows."""
        if self.has_calls:
            return self._held
        return [chunk.model_copy(update={"response_metadata": {}, "chunk_position": None}) for chunk in self._held]
