"""`register()`: models by name through LangChain and deepagents, fields chosen at the call, and missing tables."""

import subprocess
import sys
from typing import Any

import pytest
from deepagents import create_deep_agent
from langchain.chat_models import base as chat_table
from langchain.chat_models import init_chat_model
from langchain.embeddings import base as embeddings_table
from langchain.embeddings import init_embeddings
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool
from pydantic import SecretStr

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceEmbeddings, register
from langchain_qwen_workspace.sandbox import Sandbox


@pytest.fixture
def workspace(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> QwenWorkspace:
    """Put a workspace of the sandbox into the environment, where models made from a string find it."""
    workspace = sandbox.workspace("registered")
    assert isinstance(workspace.api_key, SecretStr)
    assert workspace.workspace_id is not None
    monkeypatch.setenv("DASHSCOPE_API_KEY", workspace.api_key.get_secret_value())
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", workspace.workspace_id)
    monkeypatch.setenv("DASHSCOPE_BASE_URL", sandbox.base_url)
    return workspace


@pytest.fixture
def unregistered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore LangChain's own tables, also after the test."""
    for table in (chat_table, embeddings_table):
        others = {name: row for name, row in table._BUILTIN_PROVIDERS.items() if name != "qwen_workspace"}
        monkeypatch.setattr(table, "_BUILTIN_PROVIDERS", others)


@pytest.fixture
def registered(unregistered: None) -> None:  # noqa: ARG001 - restores the tables first
    register()


pytestmark = pytest.mark.usefixtures("workspace")


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


# ------------------------------------------------------------------------------------------------ by name


@pytest.mark.usefixtures("unregistered")
def test_without_register_the_provider_is_unknown() -> None:
    with pytest.raises(ValueError, match="model_provider"):
        init_chat_model("qwen_workspace:qwen-plus")
    with pytest.raises(ValueError, match="qwen_workspace"):
        init_embeddings("qwen_workspace:text-embedding-v4")


def test_importing_the_package_registers_nothing() -> None:
    program = (
        "import langchain_qwen_workspace, sys\n"
        "assert 'langchain' not in sys.modules, 'the package imports langchain'\n"
        "from langchain.chat_models.base import _BUILTIN_PROVIDERS as chat\n"
        "from langchain.embeddings.base import _BUILTIN_PROVIDERS as embeddings\n"
        "assert 'qwen_workspace' not in {*chat, *embeddings}\n"
        "langchain_qwen_workspace.register()\n"
        "assert 'qwen_workspace' in chat and 'qwen_workspace' in embeddings\n"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter and the program above
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "qwen_workspace:qwen-plus"},
        {"model": "qwen-plus", "model_provider": "qwen_workspace"},
        {"model": "qwen-plus", "model_provider": "qwen-workspace"},
    ],
    ids=["prefix", "provider", "hyphen"],
)
def test_init_chat_model_finds_the_chat_model(sandbox: Sandbox, protocol: str, arguments: dict[str, Any]) -> None:
    llm = init_chat_model(**arguments, protocol=protocol, temperature=0.5, max_tokens=50, timeout=20, max_retries=1)

    assert isinstance(llm, ChatQwenWorkspace)
    assert (llm.model, llm.protocol, llm.timeout, llm.max_retries) == ("qwen-plus", protocol, 20, 1)
    assert llm.invoke("Hello").response_metadata["workspace_id"] == "llm-registered"
    body = sandbox.requests[-1].body
    parameters = body if protocol == "openai" else body["parameters"]
    assert (parameters["temperature"], parameters["max_tokens"]) == (0.5, 50)


@pytest.mark.usefixtures("registered")
async def test_the_model_is_configurable_at_the_call(sandbox: Sandbox, protocol: str) -> None:
    llm: Any = init_chat_model(protocol=protocol, temperature=0.5)
    config = {"configurable": {"model": "qwen_workspace:qwen-plus"}}

    assert llm.invoke("Hello", config).response_metadata["model_name"] == "qwen-plus"
    assert [chunk async for chunk in llm.astream("Hello", config)][-1].usage_metadata
    called = llm.bind_tools([get_weather]).invoke("Use get_weather for Hangzhou.", config)
    assert called.tool_calls[0]["args"] == {"city": "Hangzhou"}
    assert {request.body["model"] for request in sandbox.requests} == {"qwen-plus"}


@pytest.mark.usefixtures("registered")
def test_all_fields_are_configurable_at_the_call(sandbox: Sandbox) -> None:
    llm: Any = init_chat_model("qwen_workspace:qwen-plus", configurable_fields="any", config_prefix="first")
    config = {
        "configurable": {
            "first_model": "qwen3.7-plus",
            "first_model_provider": "qwen-workspace",
            "first_protocol": "native",
            "first_temperature": 0.1,
        }
    }

    answer = llm.invoke("Hello", config)

    assert answer.response_metadata["protocol"] == "dashscope"
    assert sandbox.requests[-1].body["model"] == "qwen3.7-plus"
    assert sandbox.requests[-1].body["parameters"]["temperature"] == 0.1


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "arguments",
    [{"model": "qwen_workspace:text-embedding-v4"}, {"model": "text-embedding-v4", "provider": "qwen_workspace"}],
    ids=["prefix", "provider"],
)
def test_init_embeddings_finds_the_embeddings(protocol: str, arguments: dict[str, Any]) -> None:
    embeddings: Any = init_embeddings(**arguments, protocol=protocol, dimensions=256)

    assert isinstance(embeddings, QwenWorkspaceEmbeddings)
    assert len(embeddings.embed_query("Hello")) == 256


@pytest.mark.usefixtures("registered")
def test_registering_twice_changes_nothing() -> None:
    before = dict(chat_table._BUILTIN_PROVIDERS), dict(embeddings_table._BUILTIN_PROVIDERS)

    register()

    assert before == (chat_table._BUILTIN_PROVIDERS, embeddings_table._BUILTIN_PROVIDERS)
    assert isinstance(init_chat_model("qwen_workspace:qwen-plus"), ChatQwenWorkspace)


@pytest.mark.usefixtures("unregistered")
def test_an_existing_row_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """LangChain may add the provider itself one day."""
    row = ("theirs", "TheirClass", chat_table._call)
    monkeypatch.setitem(chat_table._BUILTIN_PROVIDERS, "qwen_workspace", row)

    register()

    assert chat_table._BUILTIN_PROVIDERS["qwen_workspace"] == row


# ------------------------------------------------------------------------------------------------ not possible


@pytest.mark.parametrize(
    ("table", "name"),
    [(chat_table, "_BUILTIN_PROVIDERS"), (chat_table, "_call"), (embeddings_table, "_BUILTIN_PROVIDERS")],
    ids=["chat-table", "chat-call", "embeddings-table"],
)
@pytest.mark.usefixtures("unregistered")
def test_missing_tables_raise_an_error_that_names_the_classes(
    monkeypatch: pytest.MonkeyPatch, table: Any, name: str
) -> None:
    monkeypatch.delattr(table, name)

    with pytest.raises(
        RuntimeError, match=r"does not have the provider tables.*ChatQwenWorkspace.*QwenWorkspaceEmbeddings"
    ):
        register()


@pytest.mark.usefixtures("unregistered")
def test_if_one_table_is_missing_neither_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(embeddings_table, "_BUILTIN_PROVIDERS")

    with pytest.raises(RuntimeError):
        register()
    assert "qwen_workspace" not in chat_table._BUILTIN_PROVIDERS


def test_without_langchain_register_raises_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models.base", None)

    with pytest.raises(ImportError):
        register()


# ------------------------------------------------------------------------------------------------ deepagents


@pytest.mark.usefixtures("unregistered")
@pytest.mark.parametrize("spec", ["qwen_workspace:qwen3.7-plus", "qwen_workspace:qwen-plus"])
def test_create_deep_agent_finds_the_model(sandbox: Sandbox, spec: str) -> None:
    agent: Any = create_deep_agent(spec, [get_weather])

    messages = agent.invoke({"messages": [HumanMessage("Use get_weather for Hangzhou.")]})["messages"]

    assert messages[-1].text.endswith('The tool answered: "Sunny in Hangzhou."')
    assert {request.body["model"] for request in sandbox.requests} == {spec.partition(":")[2]}


# ------------------------------------------------------------------------------------------------ configured


async def test_a_field_is_configurable_at_the_call(sandbox: Sandbox, protocol: str) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, temperature=0.9)
    configurable = llm.configurable_fields(temperature=ConfigurableField(id="temperature"))
    cool = configurable.with_config(configurable={"temperature": 0.1})

    configurable.invoke("Hello")
    configurable.invoke("Hello", {"configurable": {"temperature": 0.5}})
    cool.invoke("Hello")
    await cool.ainvoke("Hello")
    assert [chunk async for chunk in cool.astream("Hello")]

    bodies = [request.body for request in sandbox.requests]
    heats = [(body if protocol == "openai" else body["parameters"])["temperature"] for body in bodies]
    assert heats == [0.9, 0.5, 0.1, 0.1, 0.1]
    assert llm.temperature == 0.9


def test_a_configurable_field_keeps_the_other_parameters(sandbox: Sandbox) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", max_completion_tokens=50, extra_body={"store": True})
    configurable = llm.configurable_fields(temperature=ConfigurableField(id="temperature"))

    configurable.invoke("Hello", {"configurable": {"temperature": 0.5}})

    body = sandbox.requests[-1].body
    assert (body["temperature"], body["max_completion_tokens"], body["store"]) == (0.5, 50, True)


def test_the_protocol_is_configurable_at_the_call(sandbox: Sandbox) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus").configurable_alternatives(
        ConfigurableField(id="protocol"),
        default_key="openai",
        native=ChatQwenWorkspace(model="qwen-plus", protocol="dashscope"),
        never=lambda: ChatQwenWorkspace(model=""),
    )

    openai, dashscope = llm.invoke("Hello"), llm.with_config(configurable={"protocol": "native"}).invoke("Hello")

    assert isinstance(openai, AIMessage)
    assert isinstance(dashscope, AIMessage)
    assert openai.content == dashscope.content
    assert [request.path.split("/")[1] for request in sandbox.requests] == ["compatible-mode", "api"]


def test_tools_are_bound_to_a_configurable_model(protocol: str) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol).configurable_fields(
        temperature=ConfigurableField(id="temperature")
    )

    # LangChain forwards the model's methods.
    bound: Any = llm.with_config(configurable={"temperature": 0.1}).bind_tools([get_weather])  # type: ignore[attr-defined]  # by `__getattr__`
    answer = bound.invoke("Use get_weather for Hangzhou.")

    assert answer.tool_calls[0]["args"] == {"city": "Hangzhou"}
