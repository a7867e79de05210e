"""A chat call cannot name a model in a way that `allowed_models` do not see."""

from collections.abc import Callable
from typing import Any

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceBatch, QwenWorkspaceError
from tests.support import every_protocol
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server

stub = every_protocol.stub

OTHER = "qwen-max"


def _changed(llm: ChatQwenWorkspace) -> ChatQwenWorkspace:
    llm.model_kwargs["model"] = OTHER
    return llm


WAYS_ROUND: dict[str, Callable[[ChatQwenWorkspace], Any]] = {
    "an argument": lambda llm: llm.bind(model=OTHER),
    "the alias of an argument": lambda llm: llm.bind(model_name=OTHER),
    "extra_body": lambda llm: llm.bind(extra_body={"model": OTHER}),
    "extra_body of a copy": lambda llm: llm.model_copy(update={"extra_body": {"model": OTHER}}),
    "input": lambda llm: llm.bind(extra_body={"input": {"model": OTHER}}),
    "parameters": lambda llm: llm.bind(parameters={"model": OTHER}),
    "model_kwargs of a copy": lambda llm: llm.model_copy(update={"model_kwargs": {"model": OTHER}}),
    "changed model_kwargs": _changed,
    "a model in a copy": lambda llm: llm.model_copy(update={"model": OTHER}),
    "a tool schema": lambda llm: llm.bind_tools([], model=OTHER),
    "structured output": lambda llm: llm.with_structured_output({"title": "T", "type": "object"}, model=OTHER),
}


@pytest.mark.filterwarnings("ignore:.*is not a parameter that Model Studio documents")
@pytest.mark.parametrize("way", WAYS_ROUND)
def test_no_other_model_is_called(fresh_server: Server, stub: ProtocolStub, way: str) -> None:
    llm = WAYS_ROUND[way](stub.llm(fresh_server, allowed_models=["qwen-plus"]))
    with pytest.raises(QwenWorkspaceError):
        llm.invoke("Hi")
    assert fresh_server.requests == []


@pytest.mark.filterwarnings("ignore:.*is not a parameter that Model Studio documents")
@pytest.mark.parametrize("way", [way for way in WAYS_ROUND if way != "structured output"])
def test_no_line_of_a_batch_names_another_model(fresh_server: Server, way: str) -> None:
    with pytest.raises(QwenWorkspaceError):
        QwenWorkspaceBatch(WAYS_ROUND[way](OPENAI.llm(fresh_server, allowed_models=["qwen-plus"]))).submit(["Hi"])
    assert fresh_server.requests == []


def test_the_alias_of_an_argument_names_the_model(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    stub.llm(server).invoke("Hi", model_name=OTHER)
    assert server.bodies[0]["model"] == OTHER
