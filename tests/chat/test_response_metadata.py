"""What a message says of the call that made it, and what tracers are told of the model."""

from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from langchain_qwen_workspace._version import __version__
from tests.support.protocols import ProtocolStub
from tests.support.server import Server, json_reply
from tests.support.ways import Ask, sum_chunks


def test_model_name_is_the_model_that_served_the_call(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen-flash")

    # The stub answers as "qwen-plus"; a DashScope response does not name its model.
    assert ask_two_ways(llm).response_metadata["model_name"] == ("qwen-flash" if stub.is_dashscope else "qwen-plus")


def test_model_name_is_the_requested_model_if_the_response_has_none(server: Server, stub: ProtocolStub) -> None:
    body = stub.whole()
    body.pop("model", None)
    server.script(json_reply(body))

    answer = stub.llm(server).invoke("Hi", model="qwen-flash")

    assert answer.response_metadata["model_name"] == "qwen-flash"
    assert server.bodies[0]["model"] == "qwen-flash"


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_model_provider_is_on_the_message_and_on_every_chunk(server: Server, stub: ProtocolStub, version: str) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, output_version=version)

    chunks = list(llm.stream("Hi"))

    assert llm.invoke("Hi").response_metadata["model_provider"] == "qwen_workspace"
    assert [chunk.response_metadata["model_provider"] for chunk in chunks] == ["qwen_workspace"] * 3
    assert sum_chunks(chunks).response_metadata["model_provider"] == "qwen_workspace"


def test_tracing_parameters_follow_the_calls_own_model(stub: ProtocolStub) -> None:
    llm = stub.llm("http://127.0.0.1:9", temperature=0.5, max_tokens=7)

    assert llm._get_ls_params()["ls_model_name"] == "qwen-plus"
    assert llm._get_ls_params(stop=["."], model="qwen-max") == {
        "ls_provider": "qwen_workspace",
        "ls_model_type": "chat",
        "ls_model_name": "qwen-max",
        "ls_temperature": 0.5,
        "ls_max_tokens": 7,
        "ls_stop": ["."],
    }


def test_the_packages_version_is_in_the_metadata_of_a_trace(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask
) -> None:
    server.default = stub.reply_to
    seen: list[dict[str, Any]] = []

    class Tracer(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, metadata: dict[str, Any] | None = None, **__: Any) -> None:
            seen.append(metadata or {})

    ask_unstreamed(stub.llm(server, callbacks=[Tracer()]))

    [metadata] = seen
    assert metadata["lc_versions"]["langchain-qwen-workspace"] == __version__
    assert "langchain-core" in metadata["lc_versions"]
    assert metadata["ls_provider"] == "qwen_workspace"
