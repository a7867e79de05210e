"""Each warning of the package points at the line of the user that led to it."""

import ast
import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.runnables import RunnableLambda
from pydantic.v1 import BaseModel as BaseModelV1

import langchain_qwen_workspace
from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceEmbeddings, QwenWorkspaceRerank
from langchain_qwen_workspace._chat.tracing import _warn_of_uncached
from langchain_qwen_workspace._transports._own_client import _warn_of_cookies
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace.sandbox import Sandbox

ROOT = Path(langchain_qwen_workspace.__file__).parent
KEY = "sk-0123456789abcdef0123"
CHAT: dict[str, Any] = {"model": "qwen-plus", "api_key": KEY}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("one", "two")
]


class Old(BaseModelV1):
    name: str


@pytest.fixture(scope="module")
def workspace() -> Iterator[QwenWorkspace]:
    with Sandbox() as sandbox:
        yield sandbox.workspace("team-a")


def ask_with_cookies(workspace: QwenWorkspace) -> None:
    _warn_of_cookies.cache_clear()
    with httpx.Client(cookies={"a": "b"}) as client:
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace, http_client=client).invoke("Hi")


async def read_all(chunks: AsyncIterator[object]) -> None:
    async for _ in chunks:
        pass


def warn_uncached(_: QwenWorkspace) -> None:
    _warn_of_uncached.cache_clear()
    _warn_of_uncached()


CACHED = [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]

WARNINGS: dict[str, Callable[[QwenWorkspace], object]] = {
    "an undocumented parameter": lambda _: ChatQwenWorkspace(**{**CHAT, "colour": "red"}),
    "an undocumented parameter of a call": lambda workspace: ChatQwenWorkspace(
        model="qwen-plus", workspace=workspace
    ).invoke("Hi", user="me"),
    "plain http": lambda _: QwenWorkspace(api_key=KEY, base_url="http://example.com"),
    "plain http of a model": lambda _: ChatQwenWorkspace(**CHAT, base_url="http://example.com"),
    "a fact that is not enforced": lambda _: QwenWorkspaceEmbeddings(
        model="text-embedding-v4", api_key=KEY, dimensions=5, check_capabilities=False
    ),
    "a value out of range": lambda _: ChatQwenWorkspace(**CHAT, temperature=3.0, check_capabilities=False),
    "a retired chat model": lambda _: ChatQwenWorkspace(model="qwen3-max", api_key=KEY),
    "a retired rerank model": lambda _: QwenWorkspaceRerank(model="gte-rerank", protocol="dashscope", api_key=KEY),
    "a class of pydantic v1": lambda _: ChatQwenWorkspace(model="qwen3.8-max", api_key=KEY).with_structured_output(
        Old, method="json_schema"
    ),
    "any of several tools": lambda workspace: (
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace).bind_tools(TOOLS, tool_choice="any").invoke("Hi")
    ),
    "a forced tool of a model that thinks": lambda workspace: (
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace, enable_thinking=True)
        .bind_tools(TOOLS[:1], tool_choice="one")
        .invoke("Hi")
    ),
    "in a chain": lambda workspace: (
        RunnableLambda(lambda text: text) | ChatQwenWorkspace(model="qwen-plus", workspace=workspace).bind(user="me")
    ).invoke("Hi"),
    "in a coroutine": lambda workspace: asyncio.run(
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace).ainvoke("Hi", user="me")
    ),
    "in an asynchronous stream": lambda workspace: asyncio.run(
        read_all(ChatQwenWorkspace(model="qwen-plus", workspace=workspace).astream("Hi", user="me"))
    ),
    "cookies": ask_with_cookies,
    "no cache": warn_uncached,
}


@pytest.mark.parametrize("warn", WARNINGS.values(), ids=WARNINGS)
@pytest.mark.filterwarnings("always")
def test_a_warning_points_at_the_line_of_the_user(
    workspace: QwenWorkspace, warn: Callable[[QwenWorkspace], object]
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn(workspace)
    assert [os.path.basename(each.filename) for each in caught] == [Path(__file__).name] * len(caught)  # noqa: PTH119
    assert caught


@pytest.mark.filterwarnings("always")
def test_a_warning_in_a_thread_without_a_line_of_the_user_is_given() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.warns(UserWarning, match="Beware"):
        pool.submit(warn_user, "Beware.").result()


def test_every_warning_is_given_by_the_same_function() -> None:
    others = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in ROOT.rglob("*.py")
        if path.name != "_user_warnings.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"warn", "warn_explicit"}
    ]
    assert others == []


def test_code_without_a_module_gets_its_warning() -> None:
    with pytest.warns(UserWarning, match="not a parameter"):
        exec("make(**arguments)", {"make": ChatQwenWorkspace, "arguments": {**CHAT, "colour": "red"}})  # noqa: S102 - such code is meant
