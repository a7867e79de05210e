"""What an event means for its stream: whether it has something of an answer, and whether it completes the answer."""

import json
import math

import httpx
import pytest

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._transports._event_reader import EventReader
from langchain_qwen_workspace._transports._time_limit import TimeLimitError, shorten_read
from langchain_qwen_workspace._wire._stream_rules import ChatStreamRules
from langchain_qwen_workspace.errors import StreamInterruptedError
from tests.wire.golden._reading import request_of

RULES = ChatStreamRules(lambda event: event.get("choices") or (), grace=1.0)

CONTENT: dict[str, Json] = {
    "text": {"choices": [{"delta": {"content": "a"}}]},
    "a text part": {"choices": [{"message": {"content": [{"text": "a"}]}}]},
    "another part": {"choices": [{"message": {"content": [{"image": "https://example.com/a.png"}]}}]},
    "reasoning": {"choices": [{"delta": {"content": None, "reasoning_content": "a"}}]},
    "a tool call": {"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]},
    "a refusal": {"choices": [{"delta": {"refusal": "No."}}]},
    "audio": {"choices": [{"delta": {"audio": {"data": "UklG"}}}]},
    "the transcript of audio": {"choices": [{"delta": {"audio": {"transcript": "a"}}}]},
    "a finish reason that says why": {"choices": [{"delta": {}, "finish_reason": "content_filter"}]},
    "usage": {"choices": [], "usage": {"total_tokens": 3}},
    "a malformed usage": {"usage": 7},
    "a malformed choice": {"choices": [7]},
    "a malformed field": {"choices": [{"delta": {"audio": 7}}]},
}
NO_CONTENT: dict[str, Json] = {
    "nothing": {},
    "no choice": {"choices": [], "usage": None},
    "an empty choice": {"choices": [{}]},
    "a role": {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
    "an empty part": {"choices": [{"message": {"content": [{"text": ""}]}}]},
    "nulls": {"choices": [{"delta": {"content": None, "reasoning_content": None, "tool_calls": None}}]},
    "the id of audio": {"choices": [{"delta": {"audio": {"id": "audio_1", "expires_at": 7}}}]},
    "a bare end": {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    "no tokens": {"choices": [], "usage": {"total_tokens": 0, "prompt_tokens_details": {"cached_tokens": 0}}},
}


@pytest.mark.parametrize("event", CONTENT.values(), ids=CONTENT)
def test_an_event_with_something_of_an_answer_has_content(event: Json) -> None:
    assert RULES.classify(event)[0]


@pytest.mark.parametrize("event", NO_CONTENT.values(), ids=NO_CONTENT)
def test_an_event_with_nothing_of_an_answer_has_no_content(event: Json) -> None:
    assert not RULES.classify(event)[0]


def test_a_bare_end_is_an_answer_where_no_usage_can_tell() -> None:
    rules = ChatStreamRules(RULES.find_choices, grace=math.inf, with_usage=False)
    assert rules.classify(NO_CONTENT["a bare end"])[0]


@pytest.mark.parametrize(
    ("event", "grace"),
    [
        ({"choices": [{"delta": {}, "finish_reason": "stop"}]}, 1.0),
        ({"choices": [{"delta": {}, "finish_reason": "null"}]}, None),
        ({"choices": []}, None),
        ({"choices": [7]}, None),
    ],
    ids=["a finish reason", "not yet", "no choice", "malformed"],
)
def test_an_event_with_a_finish_reason_completes_the_answer(event: Json, grace: float | None) -> None:
    assert RULES.classify(event)[1] == grace


def test_events_before_the_answer_are_held_back_and_not_lost() -> None:
    reader = EventReader(httpx.Response(200), request_of("qwen-plus", "openai", rules=RULES), timeout=60)
    opening, text = NO_CONTENT["a role"], CONTENT["text"]
    assert list(reader.feed(_frame(opening) * 2)) == []
    assert [event["choices"] for event in reader.feed(_frame(text))] == [
        event["choices"] for event in (opening, opening, text)
    ]


def test_a_bounded_number_of_events_is_held_back() -> None:
    reader = EventReader(httpx.Response(200), request_of("qwen-plus", "openai", rules=RULES), timeout=60)
    assert len(list(reader.feed(_frame(NO_CONTENT["a role"]) * 1500))) == 1500


def test_an_end_without_an_answer_after_which_nothing_comes_is_no_timeout() -> None:
    rules = ChatStreamRules(RULES.find_choices, grace=0.0)
    reader = EventReader(httpx.Response(200), request_of("qwen-plus", "openai", rules=rules), timeout=60)
    assert list(reader.feed(_frame(NO_CONTENT["a bare end"]))) == []
    with pytest.raises(TimeLimitError), reader.read_limit:
        shorten_read(None)
    with pytest.raises(StreamInterruptedError, match="before anything of an answer arrived"):
        list(reader.end(failed=True))


def _frame(event: Json) -> bytes:
    return b"data: %b\n\n" % json.dumps(event).encode()
