"""Credentials in the definition of an MCP tool: sent to the service, and shown nowhere else."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumps
from langchain_core.messages import BaseMessage, HumanMessage

from langchain_qwen_workspace._seam import Json
from tests.support.callbacks import CallbackRecorder
from tests.support.protocols import RESPONSES, STUBS, ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Way, ask_by

SECRET = "s3cr3t-of-mcp"


def mcp(**fields: Any) -> Json:
    url = "https://mcp.example/sse"
    return {"type": "mcp", "server_protocol": "sse", "server_label": "maps", "server_url": url, **fields}


TOOLS = {
    "headers": mcp(headers={"Authorization": f"Bearer {SECRET}", "X-Team": SECRET}),
    "authorization": mcp(authorization=SECRET),
    "query": mcp(server_url=f"https://mcp.example/sse?key={SECRET}"),
    "user": mcp(server_url=f"https://{SECRET}:x@mcp.example/sse"),
}
GIVEN: dict[str, Callable[[Server, Json, Json], tuple[Any, Json]]] = {
    "bind_tools": lambda server, tool, fields: (RESPONSES.llm(server, **fields).bind_tools([tool]), {}),
    "bind": lambda server, tool, fields: (RESPONSES.llm(server, **fields).bind(tools=[tool]), {}),
    "call": lambda server, tool, fields: (RESPONSES.llm(server, **fields), {"tools": [tool]}),
    "model_kwargs": lambda server, tool, fields: (RESPONSES.llm(server, tools=[tool], **fields), {}),
    "extra_body": lambda server, tool, fields: (RESPONSES.llm(server, extra_body={"tools": [tool]}, **fields), {}),
}
each_tool = pytest.mark.parametrize("tool", TOOLS.values(), ids=list(TOOLS))
each_place = pytest.mark.parametrize("make", GIVEN.values(), ids=list(GIVEN))
pytestmark = pytest.mark.filterwarnings("ignore:.*`authorization` of the tool")


@each_place
@each_tool
def test_a_credential_is_sent_as_it_was_given(server: Server, tool: Json, make: Any) -> None:
    server.default = RESPONSES.reply_to
    llm, options = make(server, tool, {})
    llm.invoke("Hi", **options)
    assert server.bodies[-1]["tools"] == [tool]


@each_place
@each_tool
def test_a_credential_is_in_no_representation(server: Server, tool: Json, make: Any) -> None:
    llm, _ = make(server, tool, {})
    assert SECRET not in f"{llm!r}{llm}{dumps(llm)}"


@pytest.mark.parametrize("way", WAYS)
@each_place
def test_a_credential_is_in_no_trace(server: Server, way: Way, make: Any, runner: asyncio.Runner) -> None:
    server.default = RESPONSES.reply_to
    recorder = CallbackRecorder()
    llm, options = make(server, TOOLS["headers"], {"callbacks": [recorder]})
    ask_by(way, llm.bind(**options) if options else llm, runner)
    traced = repr((recorder.invocation_params, recorder.options))
    assert "maps" in traced
    assert SECRET not in traced


@each_place
def test_a_credential_belongs_to_the_identity_in_caches_without_being_shown(server: Server, make: Any) -> None:
    def key(secret: str) -> str:
        llm, options = make(server, mcp(headers={"Authorization": secret}), {})
        bound = getattr(llm, "bound", llm)
        return str(bound._get_llm_string(**getattr(llm, "kwargs", options)))

    assert key(SECRET) != key("another")
    assert SECRET not in key(SECRET)


def test_another_protocol_gets_the_credential_if_it_is_told_to_send_the_tool(server: Server) -> None:
    stub: ProtocolStub = STUBS[0]
    server.default = stub.reply_to
    with pytest.warns(UserWarning, match="The service has `mcp` only over"):
        stub.llm(server, check_capabilities=False).bind_tools([TOOLS["headers"]]).invoke("Hi")
    assert server.bodies[-1]["tools"] == [TOOLS["headers"]]


def test_the_tokens_of_a_tool_with_a_credential_are_counted() -> None:
    llm = RESPONSES.llm("http://127.0.0.1:9")
    messages: list[BaseMessage] = [HumanMessage("Hi")]
    assert llm.get_num_tokens_from_messages(messages, [TOOLS["headers"]]) > llm.get_num_tokens_from_messages(messages)
