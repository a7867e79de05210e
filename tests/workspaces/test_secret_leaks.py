"""One search for a planted key and a planted prompt in everything that leaves a call beside its answer.

A key is nowhere. A prompt is only where LangChain or Python put it by design: in LangChain's own traces, whose inputs
it is; among the variables of a traceback that was asked to show them (`capture_locals`), where the caller's are; and in
the pickle of an error whose `partial` hands the caller's texts back.
"""

import asyncio
import logging
import pickle
import traceback
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.documents import Document
from langchain_core.load import dumps
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from pydantic import BaseModel, SecretStr

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    WorkspaceGuard,
    WorkspaceRouter,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.telemetry import TelemetryRecorder

PROMPT = "PR0MPT-7f3a9c"
ASKED = f"Say {PROMPT}."

LOGGERS = ("openai", "dashscope", "httpx", "httpx2", "httpcore", "httpcore2", "asyncio", "langchain", "langchain_core")

BY_DESIGN = {"traces", "variables in tracebacks", "pickles of errors"}
"""Where a prompt is expected; a key is not."""


class Verdict(BaseModel):
    """A verdict."""

    reason: str


class Found:
    """What was written where."""

    def __init__(self) -> None:
        self.texts: defaultdict[str, list[str]] = defaultdict(list)
        self.errors: list[BaseException] = []

    def add(self, surface: str, *things: Any) -> None:
        self.texts[surface] += [thing if isinstance(thing, str) else repr(thing) for thing in things]

    def with_word(self, word: str) -> dict[str, list[str]]:
        hits = {surface: [text for text in texts if word in text] for surface, texts in self.texts.items()}
        return {surface: [text[:300] for text in texts[:3]] for surface, texts in hits.items() if texts}


class _Records(logging.Handler):
    def __init__(self, found: Found) -> None:
        super().__init__(logging.DEBUG)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.add(f"log records of {record.name.split('.')[0]}", record.getMessage(), repr(vars(record)))


@contextmanager
def _listening(found: Found) -> Iterator[None]:
    """Let every logger tell everything, and take it in."""
    handler, root = _Records(found), logging.getLogger()
    loggers = [root, *map(logging.getLogger, LOGGERS)]
    before = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield
        found.add("warnings", *(str(warning.message) for warning in warned))
    finally:
        root.removeHandler(handler)
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


FAULTS: list[dict[str, Any]] = [
    {"status": 400},
    {"status": 401},
    {"code": "Model.AccessDenied"},
    {"status": 404},
    {"status": 429},
    {"status": 500},
    {"close": True},
    {"delay": 1.5},
    {"status": 502, "body": "<html>Bad gateway</html>"},
    {"status": 200, "body": "{}"},
    {"status": 500, "after_events": 2},
    {"close": True, "after_events": 2},
]


class Scenario:
    """Everything that a service does in a day, with one key."""

    def __init__(self, sandbox: Sandbox, protocol: ProtocolName, workspace: QwenWorkspace, found: Found) -> None:
        self._sandbox = sandbox
        self._found = found
        self._telemetry = TelemetryRecorder()
        self._usage = WorkspaceUsageCallbackHandler(**self._telemetry.providers)
        self._runs = RunCollectorCallbackHandler()
        self._cache = InMemoryCache()
        spare = sandbox.workspace("spare")
        router = WorkspaceRouter(tenants={"acme": (workspace, spare)}, default=workspace)
        fields: dict[str, Any] = {"protocol": protocol, "max_retries": 0, "guard": WorkspaceGuard(max_concurrency=4)}
        self._chats = [
            ChatQwenWorkspace(model="qwen-plus", workspace=where, cache=self._cache, timeout=1.0, **fields)
            for where in (workspace, router)
        ]
        self._embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=router, timeout=1.0, **fields)
        self._reranker = QwenWorkspaceRerank(model="qwen3-rerank", workspace=router, timeout=1.0, **fields)
        self._kept: list[Any] = [workspace, router, *self._chats, self._embeddings, self._reranker]
        self._things: list[Any] = [*self._kept, self._usage, self._runs]
        self._config: Any = {
            "configurable": {"tenant": "acme"},
            "callbacks": [self._usage, self._runs],
            "metadata": {"who": "acme"},
        }

    def run(self) -> None:
        with _listening(self._found):
            for llm in self._chats:
                asyncio.run(self._chat(llm))
            for fault in FAULTS:
                for call in self._calls():
                    self._sandbox.clear()
                    self._sandbox.fail_next(times=2, **fault)
                    self._fail(call)
            self._sandbox.clear()
            self._refused_here()
            self._things[0].permitted_models()
            self._things[0].limits()
        self._collect()

    async def _chat(self, llm: ChatQwenWorkspace) -> None:
        config = self._config
        llm.invoke(ASKED, config)
        llm.invoke(ASKED, config)  # from the cache
        list(llm.stream(ASKED, config))
        next(llm.stream(ASKED, config))  # interrupted
        await llm.ainvoke(ASKED, config, stop=["no such word"])
        async for _ in llm.astream(ASKED, config):
            pass
        await llm.with_structured_output(Verdict).ainvoke(f"A Verdict, the reason: {PROMPT}.", config)
        RunnableLambda(self._embeddings.embed_query).invoke(ASKED, config)
        await RunnableLambda(self._embeddings.aembed_query).ainvoke(ASKED, config)
        RunnableLambda(self._rank).invoke(ASKED, config)

    def _rank(self, query: str) -> Any:
        return self._reranker.compress_documents([Document(query), Document("b")], query)

    def _calls(self) -> list[Callable[[], Any]]:
        plain, routed = self._chats
        streamed: Any = routed.bind(temperature=1.0)

        async def read() -> None:
            async for _ in streamed.astream(ASKED, self._config):
                pass

        return [
            lambda: plain.bind(temperature=0.5).invoke(ASKED, self._config),
            lambda: list(streamed.stream(ASKED, self._config)),
            lambda: asyncio.run(read()),
            lambda: self._embeddings.embed_query(ASKED),
            lambda: RunnableLambda(self._rank).invoke(ASKED, self._config),
        ]

    def _fail(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except QwenWorkspaceError as error:
            self._found.errors.append(error)

    def _refused_here(self) -> None:
        """Refusals of this package itself, of calls that have a prompt in them."""
        plain, routed = self._chats
        documents: list[Any] = [Document("a"), ASKED]
        for call in (
            lambda: plain.invoke(ASKED, model="qwen-secret"),
            lambda: plain.bind_tools([Verdict], tool_choice="Other"),
            lambda: plain.invoke([("human", [{"type": "odd", "text": ASKED}])]),
            lambda: routed.invoke(ASKED, config={"configurable": {"tenant": 7}}),
            lambda: self._embeddings.embed_documents(ASKED),
            lambda: self._embeddings.embed_documents([ASKED, ""]),
            lambda: self._reranker.compress_documents(documents, ASKED),
            lambda: self._reranker.rerank(ASKED, ASKED),
            lambda: self._reranker.rerank([ASKED, ""], ASKED),
            lambda: self._reranker.rerank([ASKED], ASKED, top_n=0),
        ):
            self._fail(call)

    def _collect(self) -> None:
        found, plain = self._found, self._chats[0]
        transport: Any = plain._bare_transport(plain.resolved_workspace())
        found.add("texts of objects", *self._things, *map(str, self._things), *map(vars, self._things), transport)
        found.add("texts of objects", vars(transport), vars(transport._transport), plain.guard, vars(plain.guard))
        for thing in self._kept:
            found.add("dumps", thing.model_dump_json(), thing.model_dump(), dumps(thing))
        # Without the cache that LangChain lets a model carry along, whose content is the answers.
        bare = [thing.model_copy(update={"cache": None}) if thing in self._chats else thing for thing in self._kept]
        found.add("pickles", *(pickle.dumps(thing, version) for thing in bare for version in range(6)))
        found.add("pickles of errors", *map(pickle.dumps, found.errors))
        for error in found.errors:
            found.add("errors", str(error), error, error.args, vars(error), *traceback.format_exception(error))
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            found.add("variables in tracebacks", "".join(shown.format()))
        for run in self._runs.traced_runs:
            found.add("traces", run, run.inputs, run.outputs, run.extra, run.serialized, run.events, run.error or "")
        found.add("cache keys", *(llm_string for _, llm_string in self._cache._cache))
        found.add("spans", *(span.to_json() for span in self._telemetry.spans))
        data: Any = self._telemetry._reader.get_metrics_data()
        found.add("metrics", data.to_json())
        found.add("usage", self._usage.to_json(), self._usage.to_csv(), str(self._usage), self._usage.records())


@pytest.fixture(scope="module", params=["openai", "dashscope"])
def protocol(request: pytest.FixtureRequest) -> ProtocolName:
    chosen: ProtocolName = request.param
    return chosen


@pytest.fixture(scope="module", params=["a key", "a callable"])
def searched(request: pytest.FixtureRequest, protocol: ProtocolName) -> tuple[Found, str]:
    """Return what was found, and the key."""
    found = Found()
    with Sandbox() as sandbox:
        workspace = sandbox.workspace("acme")
        key: Any = workspace.api_key
        if request.param == "a callable":
            VAULT["acme"] = key
            workspace = workspace.model_copy(update={"api_key": from_the_vault})
        Scenario(sandbox, protocol, workspace, found).run()
    return found, key.get_secret_value()


VAULT: dict[str, SecretStr] = {}


def from_the_vault() -> SecretStr:
    return VAULT["acme"]


SURFACES = {
    "texts of objects",
    "dumps",
    "pickles",
    "pickles of errors",
    "errors",
    "variables in tracebacks",
    "traces",
    "cache keys",
    "spans",
    "metrics",
    "usage",
    "warnings",
}
LOGGED = {"openai": {"openai", "httpx2", "httpcore2"}, "dashscope": {"dashscope", "httpx", "httpcore"}}


def test_everything_was_searched(searched: tuple[Found, str], protocol: ProtocolName) -> None:
    """A search of nothing finds nothing: every surface has something, and what shall be found is."""
    found, _ = searched
    assert SURFACES | {f"log records of {logger}" for logger in LOGGED[protocol]} <= found.texts.keys()
    assert all(found.texts[surface] for surface in SURFACES - {"warnings"})
    assert found.with_word("llm-acme").keys() >= {"texts of objects", "errors", "spans", "metrics", "usage"}
    assert found.with_word(PROMPT).keys() >= BY_DESIGN
    assert len({type(error) for error in found.errors}) >= 8


def test_the_key_is_nowhere(searched: tuple[Found, str]) -> None:
    found, key = searched
    assert found.with_word(key) == {}
    assert found.with_word(key.removeprefix("sk-sandbox-")) == {}


def test_no_authorization_is_anywhere(searched: tuple[Found, str]) -> None:
    found, _ = searched
    assert found.with_word("Bearer ") == {}


def test_the_prompt_is_only_where_it_is_by_design(searched: tuple[Found, str]) -> None:
    found, _ = searched
    assert {surface: texts for surface, texts in found.with_word(PROMPT).items() if surface not in BY_DESIGN} == {}
