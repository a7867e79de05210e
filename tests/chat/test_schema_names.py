"""Schemas with names that the service does not accept: they are sent under others, and the answer is parsed."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, create_model

from langchain_qwen_workspace._seam import Json
from tests.chat.test_schemas import Box
from tests.support.protocols import ProtocolStub
from tests.support.server import Server


class Titled(BaseModel):
    """Titled."""

    model_config = ConfigDict(title="A title, with spaces")

    content: int


CHINESE: Json = {"title": "天气", "type": "object", "properties": {"content": {"type": "integer"}}}
NAMED: list[tuple[Any, str]] = [
    (Box[int], "Box_int"),
    (Titled, "A_title_with_spaces"),
    (CHINESE, "tool_fc4711bc"),
    ({**CHINESE, "title": "x" * 70}, "x"),
    (create_model("search", content=(int, ...)), "search_tool"),
]


@pytest.mark.parametrize(("schema", "name"), NAMED, ids=[name for _, name in NAMED])
@pytest.mark.parametrize("streamed", [False, True])
def test_an_object_of_a_schema_with_any_name_is_parsed(
    server: Server, stub: ProtocolStub, schema: Any, name: str, *, streamed: bool
) -> None:
    llm = stub.llm(server).with_structured_output(schema, method="function_calling")
    server.default = stub.reply_to
    with pytest.raises(Exception, match="without the tool call"):
        llm.invoke("Hi")
    [sent] = stub.parameters_sent(server)["tools"]
    sent_name = sent["function"]["name"]
    assert sent_name.startswith(name)
    assert len(sent_name) <= 64
    calls = [
        {"index": 0, "id": "1", "type": "function", "function": {"name": sent_name, "arguments": '{"content": 1}'}}
    ]
    message = {"content": "", "tool_calls": calls}
    server.script(stub.stream_of([message], "tool_calls") if streamed else stub.answer_with(message, "tool_calls"))

    found = list(llm.stream("Hi"))[-1] if streamed else llm.invoke("Hi")

    assert (found.model_dump() if isinstance(found, BaseModel) else found) == {"content": 1}


@pytest.mark.parametrize("schema", [schema for schema, _ in NAMED], ids=[name for _, name in NAMED])
def test_the_name_of_a_response_format_has_the_form_of_the_service(
    server: Server, stub: ProtocolStub, schema: Any
) -> None:
    server.script(stub.answer_with({"content": '{"content": 1}'}))

    found = stub.llm(server, model="qwen3.7-plus").with_structured_output(schema, method="json_schema").invoke("Hi")

    name = stub.parameters_sent(server)["response_format"]["json_schema"]["name"]
    assert name.isascii()
    assert len(name) <= 64
    assert not set(name) & set(" ,[]")
    assert (found.model_dump() if isinstance(found, BaseModel) else found) == {"content": 1}
