"""Callbacks in any order, twice or late: the ledger counts each call once, with what is known of it."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from langchain_qwen_workspace._seam import PROVIDER
from langchain_qwen_workspace._usage import ledger
from langchain_qwen_workspace._usage.events import USAGE_EVENT
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler
from tests.support.telemetry import TelemetryRecorder
from tests.support.usage import call_counts, only_row, token_counts

USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
DESTINATION = {"workspace_id": "ws-1", "region": "cn-beijing", "protocol": "openai"}
EVENT = {"operation": "embedding", "model": "m", "request_id": "r", "usage_metadata": USAGE, **DESTINATION}


def start_chat(usage: WorkspaceUsageCallbackHandler, run_id: UUID | None = None) -> UUID:
    run_id = run_id or uuid4()
    params = {"model": "m", "_type": "chat-qwen-workspace", **DESTINATION}
    usage.on_chat_model_start({}, [[]], run_id=run_id, metadata={"ls_provider": PROVIDER}, invocation_params=params)
    return run_id


def chat_result(usage: Any = USAGE, **metadata: Any) -> LLMResult:
    facts = {"model_provider": PROVIDER, "model_name": "m", "request_id": "r", **DESTINATION, **metadata}
    message = AIMessage("", usage_metadata=usage, response_metadata=facts)
    return LLMResult(generations=[[ChatGeneration(message=message)]])


def test_an_error_that_is_reported_twice_is_one_call() -> None:
    usage = WorkspaceUsageCallbackHandler()
    run_id = start_chat(usage)
    for _ in range(2):
        usage.on_llm_error(GeneratorExit(), run_id=run_id)
    assert call_counts(only_row(usage)) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 1, 0, 0)])
def test_an_answer_takes_precedence_over_an_error_of_the_same_run(order: tuple[int, ...]) -> None:
    usage = WorkspaceUsageCallbackHandler()
    run_id = start_chat(usage)
    for is_answer in order:
        if is_answer:
            usage.on_llm_end(chat_result(), run_id=run_id)
        else:
            usage.on_llm_error(RuntimeError(), run_id=run_id)
    assert call_counts(only_row(usage)) == {"calls": 1}
    assert token_counts(only_row(usage)) == (10, 5, 15)


def test_an_answer_without_usage_is_unknown_and_not_zero() -> None:
    usage = WorkspaceUsageCallbackHandler()
    usage.on_llm_end(chat_result(None), run_id=start_chat(usage))
    assert call_counts(only_row(usage)) == {"calls": 1, "unknown_calls": 1}
    assert usage.records()[0].usage is None


def test_tokens_of_the_services_cache_have_columns_of_their_own() -> None:
    usage = WorkspaceUsageCallbackHandler()
    details = {"input_token_details": {"cache_read": 4, "cache_creation": 3}, "output_token_details": {"reasoning": 2}}
    for _ in range(2):
        usage.on_llm_end(chat_result({**USAGE, **details}), run_id=start_chat(usage))
    row = only_row(usage)
    assert (row.cached_tokens, row.cache_written_tokens, row.reasoning_tokens) == (8, 6, 4)
    assert token_counts(row) == (20, 10, 30)
    assert str(usage).splitlines()[0].split("|")[-7:-1] == [
        *(" Input ", " Cached ", " Cache-written ", " Output ", " Reasoning ", " Total "),
    ]


def test_an_answer_is_counted_even_if_its_start_was_not_reported() -> None:
    usage = WorkspaceUsageCallbackHandler()
    usage.on_llm_end(chat_result(), run_id=uuid4())
    usage.on_llm_end(chat_result(model_provider="openai"), run_id=uuid4())
    usage.on_llm_error(RuntimeError(), run_id=uuid4())
    assert (only_row(usage).calls, only_row(usage).model, only_row(usage).workspace_id) == (1, "m", "ws-1")


def test_an_event_that_arrives_twice_is_one_call_and_an_equal_event_another() -> None:
    usage = WorkspaceUsageCallbackHandler()
    run_id = uuid4()
    for data in (EVENT, EVENT, dict(EVENT)):
        usage.on_custom_event(USAGE_EVENT, data, run_id=run_id)
    assert call_counts(only_row(usage)) == {"calls": 2}


def test_an_error_after_the_first_stream_event_is_an_interruption() -> None:
    usage = WorkspaceUsageCallbackHandler()
    run_id = start_chat(usage)
    usage.on_stream_event({"event": "message-start"}, run_id=run_id)
    usage.on_llm_error(RuntimeError(), run_id=run_id)
    assert call_counts(only_row(usage)) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}


def test_a_cached_text_is_not_a_call() -> None:
    """LangChain core makes a message without id, metadata and usage of a cached text."""
    usage = WorkspaceUsageCallbackHandler()
    bare = LLMResult(generations=[[ChatGeneration(message=AIMessage("Hello"))]])
    usage.on_llm_end(bare, run_id=start_chat(usage))
    assert call_counts(only_row(usage)) == {"cached_answers": 1}


@pytest.mark.parametrize("data", [None, "text", {}, {"operation": "chat"}, {"operation": ["rerank"]}])
def test_other_custom_events_are_ignored(data: Any) -> None:
    usage = WorkspaceUsageCallbackHandler()
    usage.on_custom_event(USAGE_EVENT, data, run_id=uuid4())
    usage.on_custom_event("something else", EVENT, run_id=uuid4())
    assert usage.rows() == []


def test_reset_returns_ended_calls_and_keeps_calls_in_progress() -> None:
    usage = WorkspaceUsageCallbackHandler()
    ended, interrupted, in_progress = start_chat(usage), start_chat(usage), start_chat(usage)
    usage.on_llm_end(chat_result(), run_id=ended)
    usage.on_llm_error(GeneratorExit(), run_id=interrupted)
    (row,) = usage.reset()
    assert call_counts(row) == {"calls": 2, "interrupted_calls": 1, "unknown_calls": 1}
    assert call_counts(only_row(usage)) == {"open_calls": 1}
    usage.on_llm_end(chat_result(), run_id=in_progress)
    (row,) = usage.reset()
    assert call_counts(row) == {"calls": 1}
    assert usage.rows() == usage.reset() == []
    assert repr(usage) == "WorkspaceUsageCallbackHandler(0 calls)"


class _Chunk:
    """A chunk of a stream that has reported nothing yet."""

    snapshot = None


async def test_a_stream_is_interrupted_once_it_was_dropped_and_its_task_has_ended() -> None:
    """As if the event loop was closed, which reports nothing."""
    usage, chunks = WorkspaceUsageCallbackHandler(), [_Chunk()]

    async def read() -> None:
        usage.on_llm_new_token("", run_id=start_chat(usage), chunk=chunks[0])

    await asyncio.create_task(read())
    assert usage.reset() == []
    chunks.clear()
    (row,) = usage.reset()
    assert call_counts(row) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}


async def test_the_span_of_an_abandoned_call_is_ended() -> None:
    recorder = TelemetryRecorder()
    usage = WorkspaceUsageCallbackHandler(**recorder.providers)

    async def start() -> None:
        start_chat(usage)

    await asyncio.create_task(start())
    usage.reset()
    assert recorder.span["qwen_workspace.outcome"] == "interrupted"


def test_calls_whose_end_nobody_reports_are_kept_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_MAX_OPEN_CALLS", 2)
    usage = WorkspaceUsageCallbackHandler()
    for _ in range(3):
        start_chat(usage)
    (row,) = usage.reset()
    assert call_counts(row) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}
    assert call_counts(only_row(usage)) == {"open_calls": 2}


def test_the_usage_of_a_failed_event_is_unknown_unless_it_is_free() -> None:
    usage = WorkspaceUsageCallbackHandler()
    event = {**EVENT, "failed": True, "usage_metadata": None}
    for _ in range(2):
        usage.on_custom_event(USAGE_EVENT, event, run_id=uuid4())
    assert call_counts(only_row(usage)) == {"calls": 1, "failed_calls": 1, "unknown_calls": 1}
    assert [row.failed_calls for row in usage.reset()] == [1]
    assert usage.rows() == []
