"""Chunks of a stream, without the validators of LangChain's classes where these have nothing to do."""

from dataclasses import dataclass

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, invalid_tool_call

from langchain_qwen_workspace._seam import PROVIDER, Destination, Json, StreamedChunk, StreamSnapshot
from langchain_qwen_workspace._wire._usage import usage_metadata

PROVIDER_METADATA = {"model_provider": PROVIDER}
"""What the metadata of every chunk says: by it LangChain finds how the chunk reads, and adds it up to itself."""

_MESSAGE: Json = vars(AIMessageChunk(content="", response_metadata=PROVIDER_METADATA))

_TEXT = {"content", "additional_kwargs", "response_metadata", "tool_call_chunks"}


@dataclass(slots=True)
class StreamProgress:
    """What a stream's events told of the request, for callbacks.

    Attributes:
        destination: Who answers.
        request_id: The request's id.
        usage: The tokens so far, as the service counts them.
    """

    destination: Destination
    request_id: str | None = None
    usage: Json | None = None

    @property
    def so_far(self) -> StreamSnapshot:
        """What the stream has come to by now."""
        return StreamSnapshot(self.request_id, self.destination, usage_metadata(self.usage))


class Chunks:
    """The chunks of one stream.

    All are given the same fields, and LangChain gives each the same ones more, so that they share what pydantic keeps
    beside an object: with names and private values of its own a chunk would take 2.4 and not 1.3 kB, and be three
    objects more for the collector of garbage.
    """

    def __init__(self, heard: StreamProgress) -> None:
        """Make chunks that know how far their stream is."""
        self._private: Json = {"_progress": heard}
        self._given = {"text", "message"}
        self._given_text = set(_TEXT)
        self._given_calls = _TEXT | {"tool_calls", "invalid_tool_calls"}

    def chunk(self, text: str, beside: Json, calls: list[ToolCallChunk]) -> StreamedChunk:
        """Return what one event adds to the stream.

        Args:
            text: Some of the answer.
            beside: Some of what an answer has beside it, for the `additional_kwargs`.
            calls: Fragments of tool calls.
        """
        if calls and any(_may_be_an_object(call["args"]) for call in calls):
            # LangChain reads the fragments, to say what they come to as calls.
            message = AIMessageChunk(
                content=text,
                additional_kwargs=beside,
                tool_call_chunks=calls,
                response_metadata=dict(PROVIDER_METADATA),
            )
        else:
            message = _restored(text, beside, calls, self._given_calls if calls else self._given_text)
        return StreamedChunk.restored(message, text, given=self._given, private=self._private)


def _restored(text: str, beside: Json, calls: list[ToolCallChunk], given: set[str]) -> AIMessageChunk:
    # As pickle does it, from the fields of a message that LangChain's validators made of nothing: they would leave a
    # text as it is, and take three times as long (12.0 and 3.8 µs of an event's 40, with the chunk around it). Of a
    # fragment that cannot be an object they make an invalid call, after trying to complete it (60 of 110 µs).
    message = AIMessageChunk.__new__(AIMessageChunk)
    message.__setstate__(
        {
            "__dict__": {
                **_MESSAGE,
                "content": text,
                "additional_kwargs": beside,
                "response_metadata": dict(PROVIDER_METADATA),
                "tool_calls": [],
                "invalid_tool_calls": [
                    invalid_tool_call(name=call["name"], args=call["args"], id=call["id"]) for call in calls
                ],
                "tool_call_chunks": calls,
            },
            "__pydantic_fields_set__": given,
            "__pydantic_extra__": {},
            "__pydantic_private__": None,
        }
    )
    return message


def _may_be_an_object(arguments: str | None) -> bool:
    """Say whether a fragment of arguments could be completed to a JSON object: an empty one stands for one."""
    return not arguments or arguments.lstrip().startswith("{")
