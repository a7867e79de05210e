"""The four ways of calling a chat model, and what a stream adds up to."""

import asyncio
from collections.abc import AsyncIterable, Callable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_qwen_workspace import ChatQwenWorkspace

Way: TypeAlias = Literal["invoke", "ainvoke", "stream", "astream"]
WAYS: tuple[Way, ...] = ("invoke", "ainvoke", "stream", "astream")
Ask: TypeAlias = Callable[[ChatQwenWorkspace], AIMessage]
Item = TypeVar("Item")


async def collect(items: AsyncIterable[Item]) -> list[Item]:
    """Return all that an async iterable yields."""
    return [item async for item in items]


def sum_chunks(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    """Return a stream's chunks as one message, as LangChain adds them up."""
    first, *rest = chunks
    return first + rest if rest else first


def ask_by(way: Way, llm: Any, runner: asyncio.Runner, prompt: Any = "Hi", **options: Any) -> AIMessage:
    """Return a model's answer, called in the given way."""
    answer: AIMessage
    match way:
        case "invoke":
            answer = llm.invoke(prompt, **options)
        case "ainvoke":
            answer = runner.run(llm.ainvoke(prompt, **options))
        case "stream":
            answer = sum_chunks(list(llm.stream(prompt, **options)))
        case "astream":
            answer = sum_chunks(runner.run(collect(llm.astream(prompt, **options))))
    return answer
