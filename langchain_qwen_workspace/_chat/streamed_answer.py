"""Turns the chunks of a stream into one result, or into the partial message of an error."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_qwen_workspace._wire._messages import decode_tool_calls
from langchain_qwen_workspace.errors import QwenWorkspaceError


@contextmanager
def attach_partial_message(chunks: Sequence[ChatGenerationChunk]) -> Iterator[None]:
    """Put the sum of a stream's chunks into the `partial_message` of an error that ends the stream."""
    try:
        yield
    except QwenWorkspaceError as error:
        if chunks and error.partial_message is None:
            error.partial_message = _sum(_message_chunks(chunks))
        raise


def _message_chunks(chunks: Sequence[ChatGenerationChunk]) -> list[AIMessageChunk]:
    return [chunk.message for chunk in chunks if isinstance(chunk.message, AIMessageChunk)]


def _sum(messages: Sequence[AIMessageChunk]) -> AIMessageChunk:
    first, *rest = messages
    return first.__add__(rest)


def result_of_stream(chunks: Sequence[ChatGenerationChunk], final_chunks: Sequence[ChatGenerationChunk]) -> ChatResult:
    """Return the result of a complete stream, equal to the result of the same answer in one response.

    Args:
        chunks: The chunks of the stream's events.
        final_chunks: The chunks that the decoder adds at the end: usage and metadata.
    """
    messages = _message_chunks(chunks)
    message = _sum([*messages, *_message_chunks(final_chunks)])
    arguments = {call["index"]: "" for call in message.tool_call_chunks}
    for part in messages:
        for call in part.tool_call_chunks:
            arguments[call["index"]] += call["args"] or ""
    raw = [
        {"id": call["id"], "function": {"name": call["name"], "arguments": arguments[call["index"]]}}
        for call in message.tool_call_chunks
    ]
    # The final chunks gave an id to every call that came without one.
    valid, invalid = decode_tool_calls(raw, None)
    answer = AIMessage(
        content=_without_indexes(message.content),
        additional_kwargs=message.additional_kwargs,
        tool_calls=valid,
        invalid_tool_calls=invalid,
        usage_metadata=message.usage_metadata,
        response_metadata=message.response_metadata,
    )
    return ChatResult(generations=[ChatGeneration(message=answer, generation_info=final_chunks[-1].generation_info)])


def _without_indexes(content: Any) -> Any:
    """Return a content without the indexes by which LangChain merged the blocks of its chunks."""
    if isinstance(content, str):
        return content
    return [
        {name: value for name, value in block.items() if name != "index"} if isinstance(block, dict) else block
        for block in content
    ]
