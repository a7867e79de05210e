"""The usage handler in real runs against the sandbox: every call is counted once, for the workspace that made it."""

import asyncio
import contextvars
import copy
import threading
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
from pydantic import SecretStr

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import (
    WorkspaceUsageCallbackHandler,
    get_workspace_usage_callback,
)
from tests.support.protocols import MakeModel
from tests.support.usage import call_counts, only_row, reported_tokens, token_counts
from tests.support.waiting import await_until

# ----------------------------------------------------------------------------------------------------- ways of calling


async def test_every_way_of_calling_is_counted_once(make_model: MakeModel, protocol: ProtocolName) -> None:
    llm = make_model()
    with get_workspace_usage_callback() as usage:
        answers: list[Any] = [llm.invoke("one"), await llm.ainvoke("two two")]
        answers += llm.batch(["three", "four", "five"])
        answers += await llm.abatch(["six", "seven"])
        answers += list(llm.stream("eight"))
        answers += [chunk async for chunk in llm.astream("nine")]
        answers += [make_model(streaming=True).invoke("ten"), await make_model(streaming=True).ainvoke("eleven")]
        answers += [generation.message for generations in llm.generate([[HumanMessage("12")], [HumanMessage("13")]])
                    .generations for generation in generations if isinstance(generation, ChatGeneration)]  # fmt: skip
    row = only_row(usage)
    assert (row.workspace_id, row.region, row.model) == (
        llm.resolved_workspace().workspace_id,
        "ap-southeast-1",
        "qwen-plus",
    )
    assert (row.protocol, row.operation) == (protocol, "chat")
    assert call_counts(row) == {"calls": 13}
    assert token_counts(row) == reported_tokens(answers)
    assert row.total_tokens > 0
    assert len({record.request_id for record in usage.records()}) == 13


@pytest.mark.filterwarnings("ignore:.*beta:langchain_core._api.beta_decorator.LangChainBetaWarning")
async def test_event_streams_are_counted(make_model: MakeModel) -> None:
    llm = make_model()
    with get_workspace_usage_callback() as usage:
        _ = [event async for event in llm.astream_events("Hi", version="v2")]
        stream = llm.stream_events("Hi", version="v3")
        used = [stream.output.usage_metadata]
        astream = await llm.astream_events("Hi", version="v3")
        used.append((await astream.output).usage_metadata)
        # Its task calls the handlers after it has returned the answer.
        await await_until(lambda: not only_row(usage).open_calls)
    row = only_row(usage)
    assert call_counts(row) == {"calls": 3}
    first = used[0]
    assert first is not None
    assert used[1] == first
    assert token_counts(row) == tuple(3 * first[name] for name in ("input_tokens", "output_tokens", "total_tokens"))


def test_reasoning_tokens_are_part_of_the_output(make_model: MakeModel) -> None:
    with get_workspace_usage_callback() as usage:
        answer = make_model(model="qwen3.7-plus", enable_thinking=True).invoke("Hi")
    usage_metadata = answer.usage_metadata
    assert usage_metadata is not None
    assert only_row(usage).reasoning_tokens == usage_metadata["output_token_details"]["reasoning"] > 0
    assert only_row(usage).output_tokens == usage_metadata["output_tokens"]


def test_several_choices_are_one_call_with_one_usage(make_model: MakeModel) -> None:
    with get_workspace_usage_callback() as usage:
        result = make_model(n=3).generate([[HumanMessage("Hi")]])
    messages = [generation.message for generation in result.generations[0] if isinstance(generation, ChatGeneration)]
    assert len(messages) == 3
    assert call_counts(only_row(usage)) == {"calls": 1}
    assert token_counts(only_row(usage)) == reported_tokens(messages)


def test_a_call_is_counted_for_the_model_that_it_names(make_model: MakeModel) -> None:
    with get_workspace_usage_callback() as usage:
        make_model().invoke("Hi")
        make_model().invoke("Hi", model="qwen-turbo")
        make_model().bind(model="qwen-turbo").invoke("Hi")
    assert [(row.model, row.calls) for row in usage.rows()] == [("qwen-plus", 1), ("qwen-turbo", 2)]


def test_each_workspace_and_region_has_its_own_row(sandbox: Sandbox) -> None:
    a, b = sandbox.workspace("pay-a"), sandbox.workspace("pay-b", region="cn-beijing")
    with get_workspace_usage_callback() as usage:
        for workspace, times in ((a, 2), (b, 1)):
            ChatQwenWorkspace(model="qwen-plus", workspace=workspace).batch(["Hi"] * times)
    rows = {(row.workspace_id, row.region): row.calls for row in usage.rows()}
    assert rows == {(a.workspace_id, "ap-southeast-1"): 2, (b.workspace_id, "cn-beijing"): 1}


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_every_call_of_an_agent_is_counted(make_model: MakeModel, way: str) -> None:
    agent = create_agent(make_model(), [get_weather])
    question: Any = {"messages": [HumanMessage("Use get_weather for Hangzhou.")]}
    with get_workspace_usage_callback() as usage:
        match way:
            case "invoke":
                state = agent.invoke(question)
            case "ainvoke":
                state = await agent.ainvoke(question)
            case "stream":
                *_, state = agent.stream(question, stream_mode="values")
            case _:
                *_, state = [state async for state in agent.astream(question, stream_mode="values")]
    answers = [message for message in state["messages"] if isinstance(message, AIMessage)]
    assert call_counts(only_row(usage)) == {"calls": 2}
    assert len(answers) == 2
    assert token_counts(only_row(usage)) == reported_tokens(answers)


async def test_embeddings_and_rerankings_are_counted(workspace: QwenWorkspace, protocol: ProtocolName) -> None:
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
    assert {name: call_counts(row) for name, row in rows.items()} == {"embedding": {"calls": 3}, "rerank": {"calls": 2}}
    assert all(row.total_tokens == row.input_tokens > 0 for row in rows.values())
    assert rows["embedding"].protocol == protocol
    assert rows["rerank"].workspace_id == workspace.workspace_id


def test_each_request_within_a_run_is_a_call(workspace: QwenWorkspace) -> None:
    """Embeddings have no run of their own: all events of a tool's run have one run id."""
    usage = WorkspaceUsageCallbackHandler()
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, chunk_size=1)

    @tool
    def embed(text: str) -> int:
        """Embed a text."""
        return len(embeddings.embed_documents([text, text, text]))

    embed.invoke({"text": "a"}, config={"callbacks": [usage]})
    assert call_counts(only_row(usage)) == {"calls": 3}
    assert len({record.run_id for record in usage.records()}) == 1


# ---------------------------------------------------------------------------------------------- counted exactly once


async def test_a_handler_that_is_in_a_run_twice_counts_once(workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback() as usage:
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace, callbacks=[usage, usage])
        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, callbacks=[usage, usage])
        llm.invoke("Hi", config={"callbacks": [usage, usage]})
        llm.invoke("Hi", config={"callbacks": CallbackManager([usage, usage])})
        await llm.ainvoke("Hi", config={"callbacks": [usage]})
        list(llm.stream("Hi", config={"callbacks": [usage, usage]}))
        embeddings.embed_query("Hi")
    assert {row.operation: call_counts(row) for row in usage.rows()} == {
        "chat": {"calls": 4},
        "embedding": {"calls": 1},
    }


def test_other_providers_are_not_counted(make_model: MakeModel) -> None:
    other = FakeListChatModel(responses=["Hello"])
    with get_workspace_usage_callback() as usage:
        (make_model() | (lambda message: message.content) | other).invoke("Hi")
        list(other.stream("Hi"))
    assert call_counts(only_row(usage)) == {"calls": 1}


def test_nested_blocks_both_count_and_calls_outside_are_not_counted(make_model: MakeModel) -> None:
    llm = make_model()
    before = len(_configure_hooks)
    for _ in range(3):
        with get_workspace_usage_callback() as outer:
            llm.invoke("Hi")
            with get_workspace_usage_callback() as inner:
                llm.invoke("Hi")
            llm.invoke("Hi")
        llm.invoke("Hi")
        assert (only_row(outer).calls, only_row(inner).calls) == (3, 1)
    with pytest.raises(ValueError, match="mine"), get_workspace_usage_callback() as last:
        raise ValueError("mine")
    llm.invoke("Hi")
    assert last.rows() == []
    assert len(_configure_hooks) - before <= 2


async def test_concurrent_threads_and_tasks_lose_no_calls(make_model: MakeModel, workspace: QwenWorkspace) -> None:
    llm = make_model()
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
        uncounted = threading.Thread(target=llm.invoke, args=("not counted",))
        uncounted.start()
        uncounted.join()
    rows = {row.operation: row for row in usage.rows()}
    assert {name: call_counts(row) for name, row in rows.items()} == {"chat": {"calls": 32}, "embedding": {"calls": 16}}
    assert token_counts(rows["chat"]) == reported_tokens(answers)


def test_a_copy_of_a_component_reports_to_the_same_handler(workspace: QwenWorkspace) -> None:
    usage = WorkspaceUsageCallbackHandler()
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace, callbacks=[usage])
    copy.deepcopy(llm).invoke("Hi")
    copy.copy(llm).invoke("Hi")
    assert only_row(usage).calls == 2
    assert copy.copy(usage) is copy.deepcopy(usage) is usage


# -------------------------------------------------------------------------------------------------- LangChain's cache


async def test_a_cached_answer_is_not_counted_as_a_call(make_model: MakeModel) -> None:
    llm = make_model(cache=InMemoryCache())
    with get_workspace_usage_callback() as usage:
        answer = llm.invoke("Hi")
        llm.invoke("Hi")
        await llm.ainvoke("Hi")
    assert call_counts(only_row(usage)) == {"calls": 1, "cached_answers": 2}
    assert token_counts(only_row(usage)) == reported_tokens([answer])
    assert [record.outcome for record in usage.records()] == ["answered", "cached", "cached"]


def test_of_two_equal_prompts_in_a_batch_the_first_is_counted_as_a_call(make_model: MakeModel) -> None:
    """A cache in memory adds `total_cost` to the very object that the first call is about to report."""
    with get_workspace_usage_callback() as usage:
        make_model(cache=InMemoryCache()).generate([[HumanMessage("Hi")], [HumanMessage("Hi")]])
    assert call_counts(only_row(usage)) == {"calls": 1, "cached_answers": 1}
    assert only_row(usage).total_tokens > 0


# -------------------------------------------------------------------------------------------------- threads and secrets


async def test_the_handler_runs_in_the_thread_of_the_event_loop(make_model: MakeModel) -> None:
    threads = set()

    class Handler(WorkspaceUsageCallbackHandler):
        def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            threads.add(threading.get_ident())
            super().on_llm_end(*args, **kwargs)

    await make_model().ainvoke("Hi", config={"callbacks": [Handler()]})
    assert threads == {threading.get_ident()}


def test_no_prompt_answer_or_key_is_kept(make_model: MakeModel, workspace: QwenWorkspace) -> None:
    usage = WorkspaceUsageCallbackHandler()
    answer = make_model().invoke("xyzzy-secret", config={"callbacks": [usage]})
    list(make_model().stream("xyzzy-secret", config={"callbacks": [usage]}))
    assert "xyzzy-secret" in answer.text
    shown = "\n".join([repr(usage.records()), str(usage), usage.to_json(), usage.to_csv(), repr(plain_values(usage))])
    key = workspace.api_key
    assert isinstance(key, SecretStr)
    assert "xyzzy" not in shown
    assert key.get_secret_value() not in shown


def plain_values(thing: Any, depth: int = 6) -> Any:
    """Return the attributes of an object, recursively, as plain values."""
    if depth == 0 or isinstance(thing, str | int | float | type(None)):
        return thing
    if isinstance(thing, dict):
        return {str(key): plain_values(value, depth - 1) for key, value in thing.items()}
    if isinstance(thing, list | tuple | set):
        return [plain_values(value, depth - 1) for value in thing]
    names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
    return {name: plain_values(getattr(thing, name, None), depth - 1) for name in names if not name.startswith("__")}
