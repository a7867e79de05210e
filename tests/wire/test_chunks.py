"""Chunks that are created without LangChain's validators equal validated ones."""

import pickle
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk

from langchain_qwen_workspace._seam import Destination
from langchain_qwen_workspace._wire._chunks import ChunkFactory, StreamedChunk, StreamProgress

_PROGRESS = StreamProgress(Destination("openai", "cn-beijing", None))


def _fragment(args: str | None, name: str | None = None, id_: str | None = None) -> ToolCallChunk:
    return tool_call_chunk(name=name, args=args, id=id_, index=0)


_FRAGMENTS = ['{"a": 1', " {", "", None, "}", "12", '": 3}', '"{', "null", "[1", "xx", "\ufeff{", "\u2003{", "[{"]


@pytest.mark.parametrize(
    ("text", "beside", "calls"),
    [
        ("西湖", {}, []),
        ("", {"reasoning_content": "So"}, []),
        ("", {}, [_fragment("", "add", "call_1"), _fragment("x", "sub", "call_2")]),
        ("", {}, [_fragment("x", "sub", "call_2"), _fragment("y")]),
        *(("", {}, [_fragment(args)]) for args in _FRAGMENTS),
    ],
)
def test_an_unvalidated_chunk_equals_a_validated_one(text: str, beside: dict[str, Any], calls: list[Any]) -> None:
    made = ChunkFactory(_PROGRESS).create(text, dict(beside), list(calls))
    message = AIMessageChunk(
        content=text,
        additional_kwargs=beside,
        tool_call_chunks=calls,
        response_metadata={"model_provider": "qwen_workspace"},
    )
    validated = StreamedChunk(message=message)
    validated._progress = _PROGRESS

    # Everything that pydantic keeps of an object: fields, fields set, private attributes.
    assert made.__getstate__() == validated.__getstate__()
    assert made.message.__getstate__() == message.__getstate__()
    assert pickle.loads(pickle.dumps(made.message)) == message  # noqa: S301 - pickled just now


def test_chunks_share_no_mutable_field() -> None:
    factory = ChunkFactory(_PROGRESS)
    first, second = (factory.create("a", {}, []) for _ in range(2))
    held = {id(value) for value in (*vars(second.message).values(), vars(second))}
    mutable = [value for value in vars(first.message).values() if isinstance(value, dict | list)]

    assert mutable
    assert not {id(value) for value in mutable} & held


def test_setting_a_field_of_a_chunk_does_not_change_the_fields_set_of_another_stream() -> None:
    first, second = (ChunkFactory(_PROGRESS).create("a", {}, []) for _ in range(2))

    first.message.name = "one"
    first.generation_info = {"seen": True}

    assert "name" not in second.message.model_fields_set
    assert "generation_info" not in second.model_fields_set
