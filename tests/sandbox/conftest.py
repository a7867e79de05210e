"""A running sandbox, one workspace that may call every model, and clients of the two raw SDKs.

Tests share the clients: a new one takes tens of milliseconds, most of them for its TLS context.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import dashscope
import httpx
import openai
import pytest

from langchain_qwen_workspace.sandbox import Sandbox, SandboxWorkspace
from tests.sandbox.support import openai_client_of


@pytest.fixture(scope="package")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture(scope="package")
def workspace(running: Sandbox) -> SandboxWorkspace:
    return running.add_workspace("tests")


@pytest.fixture(scope="package")
def openai_client(running: Sandbox, workspace: SandboxWorkspace) -> Iterator[openai.OpenAI]:
    with openai_client_of(running, workspace) as client:
        yield client


@pytest.fixture
async def async_openai_client(openai_client: openai.OpenAI) -> AsyncIterator[openai.AsyncOpenAI]:
    url = str(openai_client.base_url)
    async with openai.AsyncOpenAI(api_key=openai_client.api_key, base_url=url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="package")
def dashscope_client(running: Sandbox, workspace: SandboxWorkspace) -> Iterator[dashscope.Client]:
    with dashscope.Client(
        api_key=workspace.api_key,
        base_url=f"{running.base_url}/api/v1",
        workspace=workspace.workspace_id,
        region=workspace.region,
        config_path=os.devnull,
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture(scope="package")
def http(running: Sandbox, workspace: SandboxWorkspace) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {workspace.api_key}"}
    with httpx.Client(base_url=running.base_url, headers=headers, trust_env=False) as client:
        yield client
