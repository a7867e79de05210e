"""Searches everything that a call leaves beside its answer for a planted key and a planted prompt.

No key may be anywhere. A prompt may only be where LangChain or Python put it by design: in LangChain's own traces, as
their input; among the variables of a traceback that was asked to show them (`capture_locals`), which are the caller's;
and in the pickle of an error whose `partial` returns the caller's texts.
"""

import asyncio
import json
import logging
import pickle
import traceback
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
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
from tests.support.protocols import PROTOCOLS
from tests.support.telemetry import TelemetryRecorder

PROMPT = "PR0MPT-7f3a9c"
ASKED = f"Say {PROMPT}."

LOGGERS = (
    "openai",
    "dashscope",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "asyncio",
    "langchain",
    "langchain_core",
    "langchain_qwen_workspace.requests",
)

BY_DESIGN = {"traces", "variables in tracebacks", "pickles of errors"}
"""The places where a prompt is expected, and a key is not."""


class Verdict(BaseModel):
    """A verdict."""

    reason: str


class Found:
    """Texts by the surface on which they were found."""

    def __init__(self) -> None:
        self.texts: defaultdict[str, list[str]] = defaultdict(list)
        self.errors: list[BaseException] = []

    def add(self, surface: str, *things: Any) -> None:
        self.texts[surface] += [thing if isinstance(thing, str) else repr(thing) for thing in things]

    def containing(self, word: str) -> dict[str, list[str]]:
        hits = {surface: [text for text in texts if word in text] for surface, texts in self.texts.items()}
        return {surface: [text[:300] for text in texts[:3]] for surface, texts in hits.items() if texts}


class _LogRecorder(logging.Handler):
    def __init__(self, found: Found) -> None:
        super().__init__(logging.DEBUG)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.add(f"log records of {record.name.split('.')[0]}", record.getMessage(), repr(vars(record)))


@contextmanager
def _record_logs(found: Found) -> Iterator[None]:
    """Record the messages of every logger at every level."""
    handler, root = _LogRecorder(found), logging.getLogger()
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


SLOW = {"delay": 0.5}
"""Slower than the timeout of the calls that meet this fault."""

FAULTS: list[dict[str, Any]] = [
    {"status": 400},
    {"status": 401},
    {"code": "Model.AccessDenied"},
    {"status": 404},
    {"status": 429},
    {"status": 500},
    {"close": True},
    {"status": 502, "body": "<html>Bad gateway</html>"},
    {"status": 200, "body": "{}"},
    {"status": 500, "after_events": 2},
    {"close": True, "after_events": 2},
]


def echoes_of(key: str) -> list[dict[str, Any]]:
    """Return faults by which a server sends a key back: as an error, as a page, and in an event of a stream."""
    message = f"Incorrect API key provided: {key}."
    return [
        {"status": 401, "body": json.dumps({"error": {"message": message}, "message": message})},
        {"status": 502, "body": f"<html>X-Api-Key: {key}</html>"},
        {"status": 200, "body": f"No JSON: {key}"},
        {"status": 401, "message": message, "after_events": 2},
    ]


class Scenario:
    """Every kind of call, answered and failed, of two workspaces: one with a static key, one with a key provider."""

    def __init__(
        self, sandbox: Sandbox, protocol: ProtocolName, static: QwenWorkspace, provided: QwenWorkspace, found: Found
    ) -> None:
        self._sandbox = sandbox
        self._found = found
        self._telemetry = TelemetryRecorder()
        self._usage = WorkspaceUsageCallbackHandler(**self._telemetry.providers)
        self._runs = RunCollectorCallbackHandler()
        self._cache = InMemoryCache()
        router = WorkspaceRouter(tenants={"acme": (provided, static)}, default=provided)
        fields: dict[str, Any] = {"protocol": protocol, "max_retries": 0, "guard": WorkspaceGuard(max_concurrency=4)}
        self._chats = [
            ChatQwenWorkspace(model="qwen-plus", workspace=where, cache=self._cache, **fields)
            for where in (static, router)
        ]
        self._embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=router, **fields)
        self._reranker = QwenWorkspaceRerank(model="qwen3-rerank", workspace=router, **fields)
        self._workspaces = [static, provided]
        keys: list[Any] = [static.api_key, KEYS["provided"]]
        self._echoes = [fault for key in keys for fault in echoes_of(key.get_secret_value())]
        self._models: list[Any] = [static, provided, router, *self._chats, self._embeddings, self._reranker]
        self._config: Any = {
            "configurable": {"tenant": "acme"},
            "callbacks": [self._usage, self._runs],
            "metadata": {"who": "acme"},
        }

    def run(self) -> None:
        with _record_logs(self._found):
            for llm in self._chats:
                asyncio.run(self._chat(llm))
            for fault in (*FAULTS, *self._echoes):
                self._fail_each(self._calls(), fault)
            self._fail_each(self._calls(timeout=0.05), SLOW)
            self._sandbox.clear()
            self._cause_refusals()
            for workspace in self._workspaces:
                workspace.permitted_models()
                workspace.limits()
        self._collect()

    def _fail_each(self, calls: list[Callable[[], Any]], fault: Mapping[str, Any]) -> None:
        for call in calls:
            self._sandbox.clear()
            self._sandbox.fail_next(times=2, **fault)
            self._fail(call)

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

    def _calls(self, **update: Any) -> list[Callable[[], Any]]:
        plain, routed = (llm.model_copy(update=update) for llm in self._chats)
        embeddings, reranker = self._embeddings.model_copy(update=update), self._reranker.model_copy(update=update)
        streamed: Any = routed.bind(temperature=1.0)

        def rank(query: str) -> Any:
            return reranker.rerank([query, "b"], query)

        async def read() -> None:
            async for _ in streamed.astream(ASKED, self._config):
                pass

        return [
            lambda: plain.bind(temperature=0.5).invoke(ASKED, self._config),
            lambda: list(streamed.stream(ASKED, self._config)),
            lambda: asyncio.run(read()),
            lambda: embeddings.embed_query(ASKED),
            lambda: RunnableLambda(rank).invoke(ASKED, self._config),
        ]

    def _fail(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except QwenWorkspaceError as error:
            self._found.errors.append(error)

    def _cause_refusals(self) -> None:
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
        shown = [*self._models, self._usage, self._runs]
        found.add("texts of objects", *shown, *map(str, shown), *map(vars, shown), transport)
        found.add("texts of objects", vars(transport), vars(transport._transport), plain.guard, vars(plain.guard))
        for thing in self._models:
            found.add("dumps", thing.model_dump_json(), thing.model_dump(), dumps(thing))
        # Without the cache that LangChain lets a model carry along, whose content is the answers.
        bare = [thing.model_copy(update={"cache": None}) if thing in self._chats else thing for thing in self._models]
        found.add("pickles", *(pickle.dumps(thing, version) for thing in bare for version in range(6)))
        found.add("pickles of errors", *map(pickle.dumps, found.errors))
        for error in found.errors:
            found.add("errors", str(error), error, error.args, vars(error), *traceback.format_exception(error))
            with_variables = traceback.TracebackException.from_exception(error, capture_locals=True)
            found.add("variables in tracebacks", "".join(with_variables.format()))
        for run in self._runs.traced_runs:
            found.add("traces", run, run.inputs, run.outputs, run.extra, run.serialized, run.events, run.error or "")
        found.add("cache keys", *(llm_string for _, llm_string in self._cache._cache))
        found.add("spans", *(span.to_json() for span in self._telemetry.spans))
        data: Any = self._telemetry._reader.get_metrics_data()
        found.add("metrics", data.to_json())
        found.add("usage", self._usage.to_json(), self._usage.to_csv(), str(self._usage), self._usage.records())


KEYS: dict[str, SecretStr] = {}


def get_key() -> SecretStr:
    """Return the key of the second workspace; a function of the module, so that its holders can be pickled."""
    return KEYS["provided"]


@pytest.fixture(scope="module", params=PROTOCOLS)
def searched(request: pytest.FixtureRequest) -> tuple[Found, ProtocolName, list[str]]:
    """Return what was found, the protocol, and the keys."""
    found = Found()
    with Sandbox() as sandbox:
        static, provided = sandbox.workspace("acme"), sandbox.workspace("globex")
        keys: list[Any] = [static.api_key, provided.api_key]
        KEYS["provided"] = keys[1]
        provided = provided.model_copy(update={"api_key": get_key})
        Scenario(sandbox, request.param, static, provided, found).run()
    return found, request.param, [key.get_secret_value() for key in keys]


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


def test_every_surface_was_searched(searched: tuple[Found, ProtocolName, list[str]]) -> None:
    """Check that the search would find something: every surface has texts, and what must be on them is found."""
    found, protocol, _ = searched
    assert SURFACES | {f"log records of {logger}" for logger in LOGGED[protocol]} <= found.texts.keys()
    assert all(found.texts[surface] for surface in SURFACES - {"warnings"})
    for workspace in ("llm-acme", "llm-globex"):
        assert found.containing(workspace).keys() >= {"texts of objects", "errors", "spans", "metrics", "usage"}
    assert found.containing(PROMPT).keys() >= BY_DESIGN
    assert len({type(error) for error in found.errors}) >= 8


def test_no_key_is_anywhere(searched: tuple[Found, ProtocolName, list[str]]) -> None:
    found, _, keys = searched
    for key in keys:
        assert found.containing(key) == {}
        assert found.containing(key.removeprefix("sk-sandbox-")) == {}


def test_no_authorization_header_is_anywhere(searched: tuple[Found, ProtocolName, list[str]]) -> None:
    found, _, _ = searched
    assert found.containing("Bearer ") == {}


def test_the_prompt_is_only_where_it_is_by_design(searched: tuple[Found, ProtocolName, list[str]]) -> None:
    found, _, _ = searched
    assert {surface: texts for surface, texts in found.containing(PROMPT).items() if surface not in BY_DESIGN} == {}
