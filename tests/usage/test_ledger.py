"""Who pays: every call of every kind counts once, at the workspace that made it, against the sandbox."""

import asyncio
import contextvars
import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import CallbackManager
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration
from langchain_core.tools import tool
from langchain_core.tracers.context import _configure_hooks

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
)
from langchain_qwen_workspace._seam import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import (
    UsageRow,
    WorkspaceUsageCallbackHandler,
    get_workspace_usage_callback,
)

Model = Callable[..., ChatQwenWorkspace]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture(autouse=True)
def _forgetful(sandbox: Sandbox) -> None:
    sandbox.clear()


@pytest.fixture(scope="module")
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    return sandbox.workspace("payers")


@pytest.fixture
def model(workspace: QwenWorkspace, protocol: ProtocolName) -> Model:
    def make(**fields: Any) -> ChatQwenWorkspace:
        own: dict[str, Any] = {"model": "qwen-plus", "protocol": protocol, "workspace": workspace, "max_retries": 0}
        return ChatQwenWorkspace(**{**own, **fields})

    return make


def only(usage: WorkspaceUsageCallbackHandler) -> UsageRow:
    (row,) = usage.rows()
    return row


def counted(row: UsageRow) -> dict[str, int]:
    """Return a row's counts that are not zero."""
    names = ("calls", "failed_calls", "interrupted_calls", "unknown_calls", "cached_answers", "open_calls")
    return {name: getattr(row, name) for name in names if getattr(row, name)}


def tokens(row: UsageRow) -> tuple[int, int, int]:
    return row.input_tokens, row.output_tokens, row.total_tokens


def told(messages: Sequence[Any]) -> tuple[int, int, int]:
    """Return the tokens that answers say they used."""
    known = [message.usage_metadata for message in messages if getattr(message, "usage_metadata", None)]
    return (
        sum(usage["input_tokens"] for usage in known),
        sum(usage["output_tokens"] for usage in known),
        sum(usage["total_tokens"] for usage in known),
    )


# ------------------------------------------------------------------------------------------------ every way to call


async def test_every_way_to_ask_counts_once_and_what_the_answers_say(model: Model, protocol: ProtocolName) -> None:
    llm = model()
    with get_workspace_usage_callback() as usage:
        answers: list[Any] = [llm.invoke("one"), await llm.ainvoke("two two")]
        answers += llm.batch(["three", "four", "five"])
        answers += await llm.abatch(["six", "seven"])
        answers += list(llm.stream("eight"))
        answers += [chunk async for chunk in llm.astream("nine")]
        answers += [model(streaming=True).invoke("ten"), await model(streaming=True).ainvoke("eleven")]
        answers += [generation.message for generations in llm.generate([[HumanMessage("12")], [HumanMessage("13")]])
                    .generations for generation in generations if isinstance(generation, ChatGeneration)]  # fmt: skip
    row = only(usage)
    assert (row.workspace_id, row.region, row.model) == (
        llm.resolved_workspace().workspace_id,
        "ap-southeast-1",
        "qwen-plus",
    )
    assert (row.protocol, row.operation) == (protocol, "chat")
    assert counted(row) == {"calls": 13}
    assert tokens(row) == told(answers)
    assert row.total_tokens > 0
    assert len({record.request_id for record in usage.records()}) == 13


@pytest.mark.filterwarnings("ignore:.*beta:langchain_core._api.beta_decorator.LangChainBetaWarning")
async def test_the_later_ways_to_stream_count_as_well(model: Model) -> None:
    llm = model()
    with get_workspace_usage_callback() as usage:
        _ = [event async for event in llm.astream_events("Hi", version="v2")]
        stream = llm.stream_events("Hi", version="v3")
        used = [stream.output.usage_metadata]
        astream = await llm.astream_events("Hi", version="v3")
        used.append((await astream.output).usage_metadata)
        # The task behind it has its handlers told after it gave its answer out.
        await asyncio.sleep(0.05)
    row = only(usage)
    assert counted(row) == {"calls": 3}
    first = used[0]
    assert first is not None
    assert used[1] == first
    assert tokens(row) == tuple(3 * first[name] for name in ("input_tokens", "output_tokens", "total_tokens"))


def test_thinking_is_counted_as_part_of_the_output(model: Model) -> None:
    with get_workspace_usage_callback() as usage:
        answer = model(model="qwen3.7-plus", enable_thinking=True).invoke("Hi")
    usage_metadata = answer.usage_metadata
    assert usage_metadata is not None
    assert only(usage).reasoning_tokens == usage_metadata["output_token_details"]["reasoning"] > 0
    assert only(usage).output_tokens == usage_metadata["output_tokens"]


def test_several_choices_carry_one_usage(model: Model) -> None:
    with get_workspace_usage_callback() as usage:
        result = model(n=3).generate([[HumanMessage("Hi")]])
    messages = [generation.message for generation in result.generations[0] if isinstance(generation, ChatGeneration)]
    assert len(messages) == 3
    assert counted(only(usage)) == {"calls": 1}
    assert tokens(only(usage)) == told(messages)


def test_a_model_named_for_one_call_is_the_one_that_is_paid(model: Model) -> None:
    with get_workspace_usage_callback() as usage:
        model().invoke("Hi")
        model().invoke("Hi", model="qwen-turbo")
        model().bind(model="qwen-turbo").invoke("Hi")
    assert [(row.model, row.calls) for row in usage.rows()] == [("qwen-plus", 1), ("qwen-turbo", 2)]


def test_workspaces_and_regions_are_told_apart(sandbox: Sandbox) -> None:
    a, b = sandbox.workspace("pay-a"), sandbox.workspace("pay-b", region="cn-beijing")
    with get_workspace_usage_callback() as usage:
        for place, times in ((a, 2), (b, 1)):
            ChatQwenWorkspace(model="qwen-plus", workspace=place).batch(["Hi"] * times)
    rows = {(row.workspace_id, row.region): row.calls for row in usage.rows()}
    assert rows == {(a.workspace_id, "ap-southeast-1"): 2, (b.workspace_id, "cn-beijing"): 1}


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_an_agents_calls_are_all_counted(model: Model, way: str) -> None:
    agent = create_agent(model(), [get_weather])
    given: Any = {"messages": [HumanMessage("Use get_weather for Hangzhou.")]}
    with get_workspace_usage_callback() as usage:
        match way:
            case "invoke":
                state = agent.invoke(given)
            case "ainvoke":
                state = await agent.ainvoke(given)
            case "stream":
                *_, state = agent.stream(given, stream_mode="values")
            case _:
                *_, state = [state async for state in agent.astream(given, stream_mode="values")]
    answers = [message for message in state["messages"] if isinstance(message, AIMessage)]
    assert counted(only(usage)) == {"calls": 2}
    assert len(answers) == 2
    assert tokens(only(usage)) == told(answers)


async def test_embeddings_and_rankings_are_counted(workspace: QwenWorkspace, protocol: ProtocolName) -> None:
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4", protocol=protocol, workspace=workspace, chunk_size=2
    )
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", protocol=protocol, workspace=workspace)
    documents = [Document("The West Lake"), Document("The Bund")]
    with get_workspace_usage_callback() as usage:
        embeddings.embed_documents(["a", "b", "c"])
        await embeddings.aembed_query("a")
        reranker.compress_documents(documents, "lake")
        await reranker.arerank(documents, "lake")
    rows = {row.operation: row for row in usage.rows()}
    assert {name: counted(row) for name, row in rows.items()} == {"embedding": {"calls": 3}, "rerank": {"calls": 2}}
    assert all(row.total_tokens == row.input_tokens > 0 for row in rows.values())
    assert rows["embedding"].protocol == protocol
    assert rows["rerank"].workspace_id == workspace.workspace_id


def test_the_requests_of_one_run_are_many_calls(workspace: QwenWorkspace) -> None:
    """Embeddings have no run of their own: all events of a tool's run come under one id."""
    usage = WorkspaceUsageCallbackHandler()
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, chunk_size=1)

    @tool
    def embed(text: str) -> int:
        """Embed a text."""
        return len(embeddings.embed_documents([text, text, text]))

    embed.invoke({"text": "a"}, config={"callbacks": [usage]})
    assert counted(only(usage)) == {"calls": 3}
    assert len({record.run_id for record in usage.records()}) == 1


# ---------------------------------------------------------------------------------------------- once, and only ours


async def test_a_handler_that_is_there_twice_counts_once(workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback() as usage:
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace, callbacks=[usage, usage])
        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, callbacks=[usage, usage])
        llm.invoke("Hi", config={"callbacks": [usage, usage]})
        llm.invoke("Hi", config={"callbacks": CallbackManager([usage, usage])})
        await llm.ainvoke("Hi", config={"callbacks": [usage]})
        list(llm.stream("Hi", config={"callbacks": [usage, usage]}))
        embeddings.embed_query("Hi")
    assert {row.operation: counted(row) for row in usage.rows()} == {"chat": {"calls": 4}, "embedding": {"calls": 1}}


def test_other_providers_are_not_counted(model: Model) -> None:
    other = FakeListChatModel(responses=["Hello"])
    with get_workspace_usage_callback() as usage:
        (model() | (lambda message: message.content) | other).invoke("Hi")
        list(other.stream("Hi"))
    assert counted(only(usage)) == {"calls": 1}


def test_one_inside_another_counts_for_both_and_nothing_counts_outside(model: Model) -> None:
    llm = model()
    before = len(_configure_hooks)
    for _ in range(3):
        with get_workspace_usage_callback() as outer:
            llm.invoke("Hi")
            with get_workspace_usage_callback() as inner:
                llm.invoke("Hi")
            llm.invoke("Hi")
        llm.invoke("Hi")
        assert (only(outer).calls, only(inner).calls) == (3, 1)
    with pytest.raises(ValueError, match="mine"), get_workspace_usage_callback() as last:
        raise ValueError("mine")
    llm.invoke("Hi")
    assert last.rows() == []
    assert len(_configure_hooks) - before <= 2


async def test_threads_and_tasks_at_once_lose_nothing(model: Model, workspace: QwenWorkspace) -> None:
    llm = model()
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace)
    answers: list[Any] = []

    def in_thread() -> None:
        answers.extend(llm.batch(["a", "b"]))
        answers.extend(llm.stream("c"))
        embeddings.embed_query("d")

    async def in_task() -> None:
        answers.append(await llm.ainvoke("e"))
        await embeddings.aembed_query("f")

    with get_workspace_usage_callback() as usage, ThreadPoolExecutor(8) as pool:
        loop = asyncio.get_running_loop()
        jobs = [loop.run_in_executor(pool, contextvars.copy_context().run, in_thread) for _ in range(8)]
        await asyncio.gather(*jobs, *(in_task() for _ in range(8)))
        stranger = threading.Thread(target=llm.invoke, args=("not counted",))
        stranger.start()
        stranger.join()
    rows = {row.operation: row for row in usage.rows()}
    assert {name: counted(row) for name, row in rows.items()} == {"chat": {"calls": 32}, "embedding": {"calls": 16}}
    assert tokens(rows["chat"]) == told(answers)


def test_a_copy_of_a_component_tells_the_same_handler(workspace: QwenWorkspace) -> None:
    usage = WorkspaceUsageCallbackHandler()
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace, callbacks=[usage])
    copy.deepcopy(llm).invoke("Hi")
    copy.copy(llm).invoke("Hi")
    assert only(usage).calls == 2
    assert copy.copy(usage) is copy.deepcopy(usage) is usage


# -------------------------------------------------------------------------------------------------- LangChain's cache


async def test_a_cached_answer_costs_nothing(model: Model) -> None:
    llm = model(cache=InMemoryCache())
    with get_workspace_usage_callback() as usage:
        answer = llm.invoke("Hi")
        llm.invoke("Hi")
        await llm.ainvoke("Hi")
    assert counted(only(usage)) == {"calls": 1, "cached_answers": 2}
    assert tokens(only(usage)) == told([answer])
    assert [record.outcome for record in usage.records()] == ["answered", "cached", "cached"]


def test_the_first_of_two_equal_prompts_is_paid(model: Model) -> None:
    """A cache in memory marks the very object that the first call is about to report."""
    with get_workspace_usage_callback() as usage:
        model(cache=InMemoryCache()).generate([[HumanMessage("Hi")], [HumanMessage("Hi")]])
    assert counted(only(usage)) == {"calls": 1, "cached_answers": 1}
    assert only(usage).total_tokens > 0
