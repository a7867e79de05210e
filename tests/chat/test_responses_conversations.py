"""Conversations that the service keeps: which ids are sent to which workspace, and what is sent beside them."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, WorkspaceRouter
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.errors import InvalidRequestError, ServerError, UnsupportedInputError
from tests.support.protocols import RESPONSES
from tests.support.server import Reply, Server, json_reply

UNKNOWN = {"error": {"message": "Response with id 'req-body' not found.", "type": "InvalidParameter"}}
WHOLE = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "And?"},
]
NEW = WHOLE[-1:]
TEAM: RunnableConfig = {"configurable": {"tenant": "team"}}


def answered(server: Server, **fields: Any) -> tuple[ChatQwenWorkspace, list[Any]]:
    """Return a model and a conversation whose first question it has answered."""
    server.script(RESPONSES.answer("Hello"))
    llm = RESPONSES.llm(server, **fields)
    first = HumanMessage("Hi")
    return llm, [first, llm.invoke([first]), HumanMessage("And?")]


def ask(server: Server, llm: ChatQwenWorkspace, messages: list[Any], *replies: Reply) -> Json:
    """Return the body of the last request of a call."""
    server.script(*(replies or (RESPONSES.answer("Fine"),)))
    llm.invoke(messages)
    body: Json = server.bodies[-1]
    return body


def test_the_id_of_the_last_answer_is_sent_with_what_is_new(server: Server) -> None:
    llm, messages = answered(server, use_previous_response_id=True)
    body = ask(server, llm, messages)
    assert (body["previous_response_id"], body["input"]) == ("req-body", NEW)


def test_without_the_switch_the_whole_conversation_is_sent(server: Server) -> None:
    llm, messages = answered(server)
    body = ask(server, llm, messages)
    assert "previous_response_id" not in body
    assert body["input"] == WHOLE


def test_an_answer_that_was_not_stored_is_sent_itself(server: Server) -> None:
    llm, messages = answered(server, use_previous_response_id=True, store=False)
    body = ask(server, llm, messages)
    assert "previous_response_id" not in body
    assert body["input"] == WHOLE


@pytest.mark.parametrize("changed", [{"workspace_id": "ws-other"}, {"region": "beijing"}], ids=["workspace", "region"])
def test_an_id_is_not_sent_to_another_destination(changed: Json, server: Server) -> None:
    _, messages = answered(server)
    body = ask(server, RESPONSES.llm(server, use_previous_response_id=True, **changed), messages)
    assert "previous_response_id" not in body
    assert body["input"] == WHOLE


def test_an_id_of_another_protocol_is_not_sent(server: Server) -> None:
    messages = [
        HumanMessage("Hi"),
        AIMessage(
            "Hello",
            response_metadata={
                "id": "chatcmpl-1",
                "protocol": "openai",
                "region": "ap-southeast-1",
                "workspace_id": "ws-test",
            },
        ),
        HumanMessage("And?"),
    ]
    body = ask(server, RESPONSES.llm(server, use_previous_response_id=True), messages)
    assert "previous_response_id" not in body


def test_an_expired_id_is_replaced_by_the_whole_conversation_once(server: Server) -> None:
    llm, messages = answered(server, use_previous_response_id=True)
    body = ask(server, llm, messages, json_reply(UNKNOWN, 400), RESPONSES.answer("Fine"))
    assert "previous_response_id" not in body
    assert body["input"] == WHOLE
    assert len(server.bodies) == 3


@pytest.mark.parametrize("name", ["previous_response_id", "conversation"])
def test_an_id_of_the_user_that_is_not_known_is_a_clear_error(name: str, server: Server) -> None:
    message = "Conversation with id 'x' not found." if name == "conversation" else "Response with id 'x' not found."
    server.script(json_reply({"error": {"message": message, "type": "InvalidParameter"}}, 400))
    with pytest.raises(InvalidRequestError) as caught:
        RESPONSES.llm(server, **{name: "x"}).invoke("Hi")
    assert caught.value.hint is not None
    assert "keeps a response for 7 days" in caught.value.hint
    assert len(server.bodies) == 1


def test_of_a_conversation_with_the_users_id_only_what_is_new_is_sent(server: Server) -> None:
    llm, messages = answered(server)
    server.script(RESPONSES.answer("Fine"))
    llm.invoke(messages, previous_response_id="req-body")
    assert server.bodies[-1]["input"] == NEW


@pytest.mark.parametrize("changed", [{"workspace_id": "ws-other"}, {"region": "beijing"}], ids=["workspace", "region"])
@pytest.mark.parametrize("given", [{"previous_response_id": "req-body"}, {"conversation": "conv_1"}], ids=str)
def test_an_id_of_the_user_from_another_destination_is_refused(changed: Json, given: Json, server: Server) -> None:
    _, messages = answered(server, conversation="conv_1")
    with pytest.raises(UnsupportedInputError, match=f"`{next(iter(given))}` is that of an answer from") as caught:
        RESPONSES.llm(server, **changed).invoke(messages, **given)
    assert repr(changed.get("workspace_id", "cn-beijing")) in caught.value.message
    assert len(server.bodies) == 1


def test_an_id_of_the_user_that_was_not_stored_is_refused(server: Server) -> None:
    llm, messages = answered(server, store=False)
    with pytest.raises(UnsupportedInputError, match="made with `store=False`"):
        llm.invoke(messages, previous_response_id="req-body")
    assert len(server.bodies) == 1


def test_in_a_conversation_of_the_service_only_what_is_new_is_sent(server: Server) -> None:
    llm, messages = answered(server, conversation="conv_1")
    body = ask(server, llm, messages)
    assert (body["conversation"], body["input"]) == ("conv_1", NEW)


def router_of(server: Server) -> WorkspaceRouter:
    one, two = (
        QwenWorkspace(api_key=f"sk-{name}", workspace_id=f"ws-{name}", base_url=server.url) for name in ("one", "two")
    )
    return WorkspaceRouter(tenants={"team": (one, two)})


def routed(server: Server, **fields: Any) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(
        model="qwen3.7-plus", protocol="responses", workspace=router_of(server), max_retries=0, **fields
    )


def test_after_a_failover_the_whole_conversation_is_sent(server: Server) -> None:
    llm = routed(server, use_previous_response_id=True)
    server.script(RESPONSES.answer("Hello"))
    messages: list[Any] = [HumanMessage("Hi"), llm.invoke("Hi", config=TEAM), HumanMessage("And?")]
    server.script(RESPONSES.error(503, "ServiceUnavailable", "busy"), RESPONSES.answer("Fine"))
    answer = llm.invoke(messages, config=TEAM)

    first, second = server.bodies[-2:]
    assert (first["previous_response_id"], first["input"]) == ("req-body", NEW)
    assert "previous_response_id" not in second
    assert second["input"] == WHOLE
    assert answer.response_metadata["workspace_id"] == "ws-two"


def test_an_id_of_the_user_is_never_sent_to_another_workspace(server: Server) -> None:
    llm = routed(server, previous_response_id="r1")
    server.script(RESPONSES.error(503, "ServiceUnavailable", "busy"), RESPONSES.answer("Fine"))
    with pytest.raises(ServerError):
        llm.invoke("Hi", config=TEAM)
    assert len(server.bodies) == 1


def test_ids_belong_to_the_identity_in_caches() -> None:
    def identity(**fields: Any) -> str:
        return RESPONSES.llm("http://127.0.0.1:1", **fields)._get_llm_string()

    strings = {identity(), identity(previous_response_id="r1"), identity(conversation="c1"), identity(store=False)}
    assert len(strings) == 4
