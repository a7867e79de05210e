"""Every module and every SDK entry point, once: what the oldest dependencies and the newest Python must pass."""

import asyncio
import json
import pickle
import pkgutil
import subprocess
import sys
from typing import Any

import pytest
from langchain.chat_models import init_chat_model
from langchain_core.messages import HumanMessage
from pydantic import BaseModel
from typer.testing import CliRunner

import langchain_qwen_workspace
from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    InvalidRequestError,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    WorkspaceGuard,
    WorkspaceRouter,
    get_workspace_usage_callback,
    register,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.cli._app import app
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.ways import Ask, Way, ask_by

pytestmark = pytest.mark.smoke

QUESTION = "Where is the West Lake?"


class City(BaseModel):
    """A city to look up."""

    name: str


@pytest.fixture
def llm(workspace: QwenWorkspace, protocol: ProtocolName) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=workspace)


def test_every_module_is_imported_without_a_warning() -> None:
    modules = [
        module.name
        for module in pkgutil.walk_packages(langchain_qwen_workspace.__path__, "langchain_qwen_workspace.")
        if not module.name.endswith("__main__")
    ]
    assert len(modules) > 80
    code = f"import importlib\nfor name in {modules}: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - no input from outside
    assert (done.returncode, done.stderr) == (0, "")


def test_a_model_answers_in_every_way(llm: ChatQwenWorkspace, ask: Ask) -> None:
    answer = ask(llm)
    assert 'You said: "Hi"' in answer.text
    assert answer.usage_metadata is not None
    assert answer.response_metadata["protocol"] == llm.protocol


def test_a_model_thinks_in_a_stream(llm: ChatQwenWorkspace) -> None:
    chunks = list(llm.stream(QUESTION, enable_thinking=True))
    assert any(block["type"] == "reasoning" for chunk in chunks for block in chunk.content_blocks)


def test_a_model_calls_a_tool(llm: ChatQwenWorkspace) -> None:
    (call,) = llm.bind_tools([City]).invoke("Look up City with name 'Hangzhou'.").tool_calls
    assert (call["name"], call["args"]) == ("City", {"name": "Hangzhou"})


def test_a_model_fills_a_schema(llm: ChatQwenWorkspace) -> None:
    assert llm.with_structured_output(City).invoke("The city with name 'Hangzhou'.") == City(name="Hangzhou")


def test_a_model_copies_pickles_and_is_found_by_name(llm: ChatQwenWorkspace, workspace: QwenWorkspace) -> None:
    register()
    named = init_chat_model("qwen_workspace:qwen-plus", protocol=llm.protocol, workspace=workspace)
    for model in (named, pickle.loads(pickle.dumps(llm)), llm.model_copy()):  # noqa: S301 - our own bytes
        assert model.invoke("Hi").text == llm.invoke("Hi").text


def test_a_refusal_is_an_error_of_this_package_caused_by_the_sdks(
    sandbox: Sandbox, llm: ChatQwenWorkspace, ask: Ask
) -> None:
    sandbox.fail_next(status=400, code="InvalidParameter")
    with pytest.raises(InvalidRequestError) as caught:
        ask(llm)
    assert type(caught.value.__cause__).__module__.partition(".")[0] == llm.protocol


def test_a_throttled_request_is_sent_again(sandbox: Sandbox, llm: ChatQwenWorkspace, ask: Ask) -> None:
    sandbox.fail_next(status=429, code="Throttling.RateQuota", headers={"retry-after-ms": "1"})
    ask(llm)
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_key_provider_is_called_again_when_its_key_is_refused(
    sandbox: Sandbox, workspace: QwenWorkspace, protocol: ProtocolName, runner: asyncio.Runner, way: Way
) -> None:
    keys = iter(["sk-old", sandbox.rotate_key("team")])
    own: dict[str, Any] = {"workspace_id": workspace.workspace_id, "base_url": workspace.base_url}
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, api_key=keys.__next__, **own)
    ask_by(way, llm, runner)
    assert [request.workspace for request in sandbox.requests] == [None, "team"]


def test_texts_become_vectors(workspace: QwenWorkspace, protocol: ProtocolName, runner: asyncio.Runner) -> None:
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4", protocol=protocol, workspace=workspace, dimensions=64
    )
    vectors = embeddings.embed_documents([f"text {number}" for number in range(30)])
    assert [len(vector) for vector in vectors] == [64] * 30
    assert runner.run(embeddings.aembed_query("text 7")) == embeddings.embed_query("text 7")


def test_documents_are_ranked(workspace: QwenWorkspace, protocol: ProtocolName, runner: asyncio.Runner) -> None:
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", protocol=protocol, workspace=workspace)
    documents = ["The Bund is in Shanghai.", "The West Lake is in Hangzhou."]
    assert reranker.rerank(documents, QUESTION)[0]["index"] == 1
    assert runner.run(reranker.arerank(documents, QUESTION)) == reranker.rerank(documents, QUESTION)


def test_a_batch_is_submitted_and_its_results_are_read(workspace: QwenWorkspace) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace))
    batch_id = batch.submit({"a": [HumanMessage("Hi")]})
    batch.wait(batch_id, poll_interval=0.01, timeout=60)
    (result,) = batch.lazy_results(batch_id)
    assert (result.custom_id, result.error) == ("a", None)


def test_a_router_a_guard_and_a_bill_work_together(workspace: QwenWorkspace, protocol: ProtocolName) -> None:
    llm = ChatQwenWorkspace(
        model="qwen-plus",
        protocol=protocol,
        workspace=WorkspaceRouter(tenants={"a": workspace}),
        guard=WorkspaceGuard(max_concurrency=1),
    )
    with get_workspace_usage_callback() as usage:
        llm.invoke("Hi", {"configurable": {"tenant": "a"}})
    (row,) = usage.rows()
    assert (row.workspace_id, row.calls) == (workspace.workspace_id, 1)


def test_permitted_models_are_requested_from_the_service(workspace: QwenWorkspace) -> None:
    assert "qwen-plus" in {permission.model for permission in workspace.permitted_models()}


def test_the_command_examines_a_workspace(workspace: QwenWorkspace) -> None:
    key: Any = workspace.api_key
    environment = {
        "DASHSCOPE_API_KEY": key.get_secret_value(),
        "DASHSCOPE_WORKSPACE": str(workspace.workspace_id),
        "DASHSCOPE_BASE_URL": str(workspace.base_url),
    }
    examined = CliRunner().invoke(app, ["doctor", "--json"], env=environment)
    assert (examined.exit_code, json.loads(examined.stdout)["failed"]) == (0, False)
