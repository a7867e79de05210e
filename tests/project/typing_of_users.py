"""What users write, for the type checkers that they have: `make type` reads it with pyright and mypy."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import Runnable
from pydantic import BaseModel, SecretStr

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    WorkspaceGuard,
    WorkspaceRouter,
    get_workspace_usage_callback,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._workspace.keys import KeyProvider
from langchain_qwen_workspace.sandbox import Sandbox


class City(BaseModel):
    """A city to look up."""

    name: str


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return city


async def fetch_key() -> str:
    """Return a key, as a credential provider does."""
    return "sk-..."


workspace = QwenWorkspace(api_key="sk-...", workspace_id="llm-...", region="singapore")
QwenWorkspace(api_key=SecretStr("sk-..."), region="cn-beijing", endpoint="shared")
QwenWorkspace(api_key=fetch_key, base_url="http://127.0.0.1:8089")
llm = ChatQwenWorkspace(
    model="qwen-plus",
    protocol="dashscope",
    api_key="sk-...",
    workspace_id="llm-...",
    region="beijing",
    temperature=0.1,
    max_tokens=100,
    timeout=30,
    max_retries=1,
    guard=WorkspaceGuard(max_concurrency=4),
)
ChatQwenWorkspace(model="qwen-plus", protocol="openai", api_key=lambda: "sk-...", default_headers={"X-Team": "a"})
ChatQwenWorkspace(model="qwen-plus", workspace=WorkspaceRouter(tenants={"a": workspace}), stop=["."])
ChatQwenWorkspace(model_name="qwen-plus", protocol="native", request_timeout=30, stop_sequences=["."])
ChatQwenWorkspace(model="qwen-plus", dashscope_api_key="sk-...", region="Singapore", allowed_models=["qwen-plus"])
ChatQwenWorkspace(model="qwen-plus", response_format=City, enable_search=True, max_completion_tokens=9, cache=True)
for protocol in ("openai", "dashscope"):
    ChatQwenWorkspace(model="qwen-plus", protocol=protocol)
assert_type(llm.protocol, ProtocolName)
assert_type(workspace.api_key, SecretStr | KeyProvider | None)
assert_type(workspace.allowed_models, frozenset[str] | None)
ChatQwenWorkspace(model="qwen-plus", temperatur=1)  # type: ignore[call-arg]  # the mistake that checkers must see
ChatQwenWorkspace(model="qwen-plus", timeout="30")  # type: ignore[arg-type]  # the mistake that checkers must see


def chat() -> None:
    """Call a model."""
    assert_type(llm.invoke("Hi"), AIMessage)
    assert_type(llm.stream("Hi"), Iterator[AIMessageChunk])
    assert_type(llm.astream("Hi"), AsyncIterator[AIMessageChunk])
    assert_type(llm.bind_tools([get_weather, City]), Runnable[LanguageModelInput, AIMessage])
    assert_type(
        llm.with_structured_output(City, method="json_schema"),
        Runnable[LanguageModelInput, dict[str, Any] | BaseModel],
    )
    with get_workspace_usage_callback() as usage:
        llm.invoke("Hi", {"configurable": {"tenant": "a"}})
    assert_type([row.total_tokens for row in usage.rows()], list[int])
    try:
        llm.invoke("Hi")
    except QwenWorkspaceError as error:
        assert_type(error.request_id, str | None)


async def chat_async() -> None:
    """Call a model in an event loop."""
    assert_type(await llm.ainvoke("Hi"), AIMessage)


async def retrieve() -> None:
    """Embed and rank."""
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, dimensions=256)
    assert_type(embeddings.embed_documents(["a"]), list[list[float]])
    assert_type(await embeddings.aembed_query("a"), list[float])
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", workspace=workspace, top_n=3)
    assert_type([row["relevance_score"] for row in reranker.rerank(["a"], "q")], list[float])


def batch() -> None:
    """Submit calls that may be answered tomorrow."""
    jobs = QwenWorkspaceBatch(llm.bind_tools([City]))
    batch_id = jobs.submit({"a": "Hi"})
    jobs.wait(batch_id, timeout=60)
    for result in jobs.lazy_results(batch_id):
        assert_type(result.error, QwenWorkspaceError | None)


def offline() -> None:
    """Test against the sandbox."""
    with Sandbox() as sandbox:
        assert_type(sandbox.workspace("team-a", models=["qwen-plus"]), QwenWorkspace)
