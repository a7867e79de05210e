"""qwen-deep-research: a report after a long search, in frames of its own shape; over DashScope and streamed only.

Shapes: recordings of 2025, and the service's documentation of 2026-06-28, "fininshed" as it is spelt there.
"""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_qwen_workspace import StreamInterruptedError
from langchain_qwen_workspace._seam import Json
from tests.support.protocols import DASHSCOPE
from tests.support.server import Server, stream_reply
from tests.support.ways import Ask, sum_chunks

SITE: Json = {"title": "Recommenders", "url": "https://example.com/a", "description": "How they work.", "favicon": ""}
REFERENCE: Json = {
    "icon": "https://example.com/icon.svg",
    "description": "How they work.",
    "index_number": 1,
    "title": "Recommenders",
    "url": "https://example.com/a",
}


def frame(
    phase: str,
    status: str,
    content: str = "",
    research: Json | None = None,
    *,
    output_tokens: int = 1,
    finished: bool = False,
    reason: str = "null",
) -> Json:
    """Return one event as it was recorded."""
    message = {
        "phase": phase,
        "role": "assistant",
        "content": content,
        "extra": {"deep_research": research or {}},
        "status": status,
    }
    return {
        "output": {"message": message, "fininshed": finished, "fininshed_reason": reason},
        "usage": {"input_tokens": 652, "output_tokens": output_tokens},
        "request_id": "eee227a4",
    }


QUERIES: Json = {"research": {"id": 1, "query": "personalised learning", "researchGoal": "Find who uses it."}}
RESULTS: Json = {"research": {"id": 1, "webSites": [SITE]}}
LEARNED: list[Json] = [{"research": {"id": 1, "learningMap": {"11": text}}} for text in ("It ", "works.")]
REPORT = [
    frame("ResearchPlanning", "typing", "This report ", output_tokens=4),
    frame("ResearchPlanning", "typing", "is about recommenders.", output_tokens=9),
    frame("ResearchPlanning", "finished", output_tokens=9),
    frame("WebResearch", "streamingQueries", research=QUERIES, output_tokens=50),
    frame("WebResearch", "streamingWebResult", research=RESULTS, output_tokens=97),
    frame("KeepAlive", "typing", output_tokens=97),
    frame("WebResearch", "streamingWebResult", research=LEARNED[0], output_tokens=200),
    frame("WebResearch", "streamingWebResult", research=LEARNED[1], output_tokens=264),
    frame("WebResearch", "WebResultFinished", output_tokens=264),
    frame("KeepAlive", "typing", output_tokens=300),
    frame("answer", "typing", "# Recom", {"references": [REFERENCE]}, output_tokens=2347),
    frame("answer", "typing", "menders\n", output_tokens=2350),
    frame("answer", "typing", "They work [1].", output_tokens=2360),
    frame("answer", "finished", output_tokens=2361, finished=True, reason="stop"),
]
EVENTS: list[Json] = [
    {"phase": "WebResearch", "status": "streamingQueries", **QUERIES},
    {"phase": "WebResearch", "status": "streamingWebResult", **RESULTS},
    *({"phase": "WebResearch", "status": "streamingWebResult", **learned} for learned in LEARNED),
    {"phase": "answer", "status": "typing", "references": [REFERENCE]},
]
TEXT = "# Recommenders\nThey work [1]."
PLAN = "This report is about recommenders."
USAGE = {"input_tokens": 652, "output_tokens": 2361, "total_tokens": 3013}


def script(server: Server, frames: list[Json], times: int = 1) -> None:
    for _ in range(times):
        server.script(stream_reply(*map(DASHSCOPE.frame, frames)))


def researcher(server: Server, **fields: Any) -> Any:
    return DASHSCOPE.llm(server, model="qwen-deep-research", region="cn-beijing", **fields)


def test_the_report_is_the_text_and_the_plan_is_reasoning(server: Server, ask: Ask) -> None:
    script(server, REPORT)

    answer = ask(researcher(server))

    assert answer.content == TEXT
    assert answer.additional_kwargs["reasoning_content"] == PLAN
    assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"]


def test_every_search_event_is_in_additional_kwargs(server: Server, ask: Ask) -> None:
    script(server, REPORT)

    assert ask(researcher(server)).additional_kwargs["deep_research"] == EVENTS


def test_finish_reason_usage_and_metadata_are_reported_once(server: Server, ask: Ask) -> None:
    script(server, REPORT)

    answer = ask(researcher(server))

    assert answer.usage_metadata == USAGE
    metadata = {name: value for name, value in answer.response_metadata.items() if name != "token_usage"}
    assert metadata == {
        "model_provider": "qwen_workspace",
        "model_name": "qwen-deep-research",
        "finish_reason": "stop",
        "request_id": "eee227a4",
        "protocol": "dashscope",
        "region": "cn-beijing",
        "workspace_id": "ws-test",
    }


def test_a_stream_yields_each_phase_as_it_arrives(server: Server) -> None:
    script(server, REPORT)

    chunks = list(researcher(server).stream("Recommenders?"))

    assert [chunk.text for chunk in chunks if chunk.text] == ["# Recom", "menders\n", "They work [1]."]
    thoughts = [chunk.additional_kwargs.get("reasoning_content") for chunk in chunks]
    assert [thought for thought in thoughts if thought] == ["This report ", "is about recommenders."]
    assert [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata] == [USAGE]
    # A keep-alive event makes no chunk.
    assert len(chunks) == 2 + 4 + 3 + 1
    assert chunks[-1].chunk_position == "last"


def test_invoke_returns_the_sum_of_the_stream(server: Server, runner: asyncio.Runner) -> None:
    script(server, REPORT, times=3)
    llm = researcher(server)

    summed, whole, awaited = sum_chunks(list(llm.stream("Hi"))), llm.invoke("Hi"), runner.run(llm.ainvoke("Hi"))

    for answer in (whole, awaited):
        assert type(answer) is AIMessage
        for name in ("content", "additional_kwargs", "response_metadata", "usage_metadata", "content_blocks"):
            assert getattr(answer, name) == getattr(summed, name)


def test_the_request_asks_for_an_incremental_stream(server: Server, ask: Ask) -> None:
    script(server, REPORT)

    ask(researcher(server, model_kwargs={"output_format": "model_summary_report"}))

    [received] = server.requests
    assert received.path == "/api/v1/services/aigc/text-generation/generation"
    assert received.headers["x-dashscope-sse"] == "enable"
    assert received.json == {
        "model": "qwen-deep-research",
        "input": {"messages": [{"role": "user", "content": "Hi"}]},
        "parameters": {
            "output_format": "model_summary_report",
            "result_format": "message",
            "incremental_output": True,
        },
    }


def test_the_question_before_the_search_is_an_answer_and_is_sent_back_as_one(server: Server) -> None:
    question = [
        frame("answer", "typing", "Which "),
        frame("answer", "typing", "field?", output_tokens=3),
        frame("answer", "finished", output_tokens=3),
    ]
    script(server, question)
    script(server, REPORT)
    llm = researcher(server)

    asked = llm.invoke("Recommenders?")
    answer = llm.invoke([HumanMessage("Recommenders?"), asked, HumanMessage("Education.")])

    assert (asked.content, asked.response_metadata["finish_reason"]) == ("Which field?", "stop")
    assert "deep_research" not in asked.additional_kwargs
    assert answer.content == TEXT
    assert server.bodies[1]["input"]["messages"] == [
        {"role": "user", "content": "Recommenders?"},
        {"role": "assistant", "content": "Which field?"},
        {"role": "user", "content": "Education."},
    ]


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (frame("answer", "finished"), "stop"),
        (frame("answer", "typing", finished=True), "stop"),
        (frame("answer", "finished", finished=True, reason="length"), "length"),
        (frame("answer", "finished", finished=True, reason=""), "stop"),
    ],
    ids=["by its status", "by its misspelt mark", "by its reason", "by all but its reason"],
)
def test_the_end_of_a_report_is_recognised_in_each_form(server: Server, last: Json, reason: str) -> None:
    script(server, [*REPORT[:-1], last])

    answer = researcher(server).invoke("Hi")

    assert answer.response_metadata["finish_reason"] == reason
    assert answer.content == TEXT


@pytest.mark.parametrize("length", [1, 3, 9, 13])
def test_an_interrupted_report_raises_stream_interrupted(server: Server, ask: Ask, length: int) -> None:
    # That the plan is finished, or the search, does not mean that the report is.
    script(server, REPORT[:length])

    with pytest.raises(StreamInterruptedError):
        ask(researcher(server))


def test_search_events_with_the_same_index_are_not_merged(server: Server) -> None:
    # LangChain merges what has an `index` of the same number.
    found = [{"research": {"id": n, "index": 0, "webSites": [{**SITE, "index": 0}]}} for n in (1, 2)]
    frames = [frame("WebResearch", "streamingWebResult", research=one) for one in found]
    script(server, [*frames, *REPORT[-4:]], times=2)
    llm = researcher(server)

    for answer in (llm.invoke("Hi"), sum_chunks(list(llm.stream("Hi")))):
        kept = answer.additional_kwargs["deep_research"]
        assert [event["research"]["id"] for event in kept if "research" in event] == [1, 2]
