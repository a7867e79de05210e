"""Qwen4 returns a summary of its reasoning with a ciphertext, which is sent back to it, and has an explicit cache."""

import asyncio
import sqlite3
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.encoding import encode, messages_of
from tests.support.protocols import MakeModel, ProtocolStub, stub_of
from tests.support.server import Server
from tests.support.ways import WAYS, Way, ask_by

CIPHERTEXT = "gAAAAAB+/="
TURN = AIMessage(
    "Hi",
    additional_kwargs={"reasoning_content": "A summary.", "encrypted_content": CIPHERTEXT},
    response_metadata={"model_provider": "qwen_workspace", "model_name": "qwen4-max"},
)
NAMES = ("alpha", "beta", "gamma")
TOOLS = [{"type": "function", "function": {"name": name, "description": "", "parameters": {}}} for name in NAMES]


def replayed(*messages: BaseMessage, model: str = "qwen4-max") -> list[str | None]:
    """Return the ciphertexts of the assistant's messages as they are sent."""
    sent = messages_of(*messages, HumanMessage("Go on."), model=model)
    return [message.get("encrypted_content") for message in sent if message["role"] == "assistant"]


# ------------------------------------------------------------------------------------------------------ what is sent


def test_a_ciphertext_goes_back_with_its_message(stub: ProtocolStub) -> None:
    body = encode(HumanMessage("Hi"), TURN, HumanMessage("Go on."), model="qwen4-max", protocol=stub.protocol).body

    assert stub.messages(body)[1]["encrypted_content"] == CIPHERTEXT
    assert stub.messages(body)[1]["reasoning_content"] == "A summary."


def test_a_replayed_ciphertext_needs_preserve_thinking(stub: ProtocolStub) -> None:
    body = encode(HumanMessage("Hi"), TURN, HumanMessage("Go on."), model="qwen4-max", protocol=stub.protocol).body

    assert stub.parameters(body)["preserve_thinking"] is True


def test_preserve_thinking_is_not_sent_without_earlier_reasoning(stub: ProtocolStub) -> None:
    body = encode(HumanMessage("Hi"), model="qwen4-max", protocol=stub.protocol).body

    assert "preserve_thinking" not in stub.parameters(body)


def test_preserve_thinking_false_sends_no_ciphertext() -> None:
    [_, turn, _] = encode(
        HumanMessage("Hi"), TURN, HumanMessage("Go on."), model="qwen4-max", preserve_thinking=False
    ).body["messages"]

    assert turn == {"role": "assistant", "content": "Hi"}


@pytest.mark.parametrize("model", ["qwen-plus", "qwen3.8-max", "my-model"])
def test_another_model_does_not_get_a_ciphertext(model: str) -> None:
    assert replayed(HumanMessage("Hi"), TURN, model=model) == [None]


@pytest.mark.parametrize(
    ("metadata", "is_sent"),
    [
        ({}, True),
        ({"model_provider": "qwen_workspace", "model_name": "qwen4-max-2026-11-16"}, True),
        ({"model_provider": "qwen_workspace", "model_name": "qwen4-plus"}, False),
        ({"model_provider": "qwen_workspace", "model_name": "qwen-plus"}, False),
        ({"model_provider": "openai"}, False),
        ({"model_provider": "openai", "model_name": "qwen4-max"}, False),
        ({"model_name": None}, True),
    ],
    ids=repr,
)
def test_only_its_own_model_gets_a_ciphertext(metadata: Json, is_sent: bool) -> None:
    turn = TURN.model_copy(update={"response_metadata": metadata})

    assert replayed(HumanMessage("Hi"), turn) == [CIPHERTEXT if is_sent else None]


@pytest.mark.parametrize(
    ("extras", "sent"),
    [({"encrypted_content": CIPHERTEXT}, CIPHERTEXT), ({}, None), (None, None), ("x", None)],
    ids=repr,
)
def test_a_ciphertext_in_a_reasoning_block_goes_back(extras: Any, sent: str | None) -> None:
    blocks: list[Any] = [
        {"type": "reasoning", "reasoning": "A summary.", "extras": extras},
        {"type": "text", "text": "Hi"},
        "!",
    ]

    assert replayed(HumanMessage("Hi"), AIMessage(blocks)) == [sent]


def test_a_deployment_gets_its_own_ciphertext(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    turn = TURN.model_copy(update={"response_metadata": {"model_name": "my-deployment"}})

    stub.llm(server, model="my-deployment", base_model="qwen4-max").invoke(
        [HumanMessage("Hi"), turn, HumanMessage("?")]
    )

    assert stub.messages_sent(server)[1]["encrypted_content"] == CIPHERTEXT


def test_thinking_display_is_sent_without_a_warning(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stub.llm(server, model="qwen4-max", thinking_display="summarized").invoke("Hi")

    assert stub.parameters_sent(server)["thinking_display"] == "summarized"


def test_thinking_display_of_a_wrong_type_is_refused() -> None:
    with pytest.raises(UnsupportedInputError, match="`thinking_display` is 1"):
        encode(HumanMessage("Hi"), model="qwen4-max", thinking_display=1)


def test_reasoning_effort_off_is_not_thinking(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    choice = {"type": "function", "function": {"name": "alpha"}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stub.llm(server, model="qwen4-max", reasoning_effort="off").invoke("Hi", tools=TOOLS, tool_choice=choice)

    assert stub.parameters_sent(server)["reasoning_effort"] == "off"


# ------------------------------------------------------------------------------------------------------------- cache

MARKS: list[Json] = [
    {"cache_control": {"type": "ephemeral"}},
    {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
    {"prompt_cache_breakpoint": {"mode": "explicit"}},
]


@pytest.mark.parametrize("mark", MARKS, ids=repr)
@pytest.mark.parametrize("where", ["block", "extras"])
@pytest.mark.parametrize(
    "message_class", [SystemMessage, HumanMessage, AIMessage], ids=lambda message_class: message_class.__name__
)
def test_a_cache_mark_is_sent_with_its_text(
    stub: ProtocolStub, mark: Json, where: str, message_class: type[BaseMessage]
) -> None:
    block = {"type": "text", "text": "long", **(mark if where == "block" else {"extras": mark})}
    message = message_class(content=[block])

    body = encode(HumanMessage("Hi"), message, model="qwen4-max", protocol=stub.protocol).body

    [part] = stub.messages(body)[1]["content"]
    assert part == {"text": "long", **mark} | ({} if stub.is_dashscope else {"type": "text"})


def test_a_cache_mark_is_sent_with_a_tools_result(stub: ProtocolStub) -> None:
    call = AIMessage("", tool_calls=[{"id": "call_1", "name": "alpha", "args": {}}])
    result = ToolMessage([{"type": "text", "text": "long", **MARKS[2]}], tool_call_id="call_1")

    body = encode(HumanMessage("Hi"), call, result, model="qwen4-max", protocol=stub.protocol).body

    assert stub.messages(body)[2]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}


def test_a_cache_mark_is_sent_with_an_image(stub: ProtocolStub) -> None:
    image = HumanMessage([{"type": "image", "url": "https://example.com/a.png", **MARKS[2]}])

    body = encode(image, model="qwen4-max", protocol=stub.protocol).body

    assert stub.messages(body)[0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}


@pytest.mark.parametrize(
    "parameter", [{"prompt_cache_options": {"mode": "auto", "ttl": "1h"}}, {"cache_control": {"ttl": "1h"}}], ids=repr
)
def test_parameters_of_automatic_caching_are_sent_without_a_warning(
    server: Server, stub: ProtocolStub, parameter: Json
) -> None:
    server.default = stub.reply_to
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stub.llm(server, model="qwen4-max").invoke("Hi", **parameter)

    assert parameter.items() <= stub.parameters_sent(server).items()


MARKED = HumanMessage([{"type": "text", "text": "long", **MARKS[1]}])


@pytest.mark.parametrize(
    ("message", "parameters"),
    [
        (MARKED, {}),
        (HumanMessage("Hi"), {"cache_control": {"ttl": "1h"}}),
        (HumanMessage("Hi"), {"tools": [{**TOOLS[0], **MARKS[1]}]}),
    ],
    ids=["text", "parameter", "tool"],
)
def test_a_lifetime_is_sent_with_a_warning_to_a_model_without_one(message: BaseMessage, parameters: Json) -> None:
    with pytest.warns(UserWarning, match=r"'qwen-plus' is not known to support: .* since 2026-"):
        body = encode(message, model="qwen-plus", **parameters).body

    assert "1h" in str(body)


@pytest.mark.parametrize("model", ["qwen4-max", "my-model"])
def test_a_lifetime_is_sent_without_a_warning_to_a_model_that_may_have_one(model: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(MARKED, model=model)


# ---------------------------------------------------------------------------------------------------------- received


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "deltas",
    [
        [{"reasoning_content": "A "}, {"reasoning_content": "summary.", "encrypted_content": CIPHERTEXT}],
        [{"reasoning_content": "A summary."}, {"encrypted_content": CIPHERTEXT}],
        [{"reasoning_content": part, "encrypted_content": CIPHERTEXT} for part in ("A ", "summary.")],
        [
            {"reasoning_content": "A summary.", "encrypted_content": CIPHERTEXT[:4]},
            {"encrypted_content": CIPHERTEXT[4:]},
        ],
    ],
    ids=["last of the reasoning", "alone", "repeated", "in pieces"],
)
def test_an_answer_has_its_ciphertext_once(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: Way, deltas: Sequence[Json]
) -> None:
    whole = {"reasoning_content": "A summary.", "encrypted_content": CIPHERTEXT, "content": "Hi"}
    server.script(stub.stream_of([*deltas, {"content": "Hi"}]) if "stream" in way else stub.answer_with(whole))

    message = ask_by(way, stub.llm(server, model="qwen4-max"), runner)

    assert message.additional_kwargs == {"reasoning_content": "A summary.", "encrypted_content": CIPHERTEXT}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_the_reasoning_block_has_the_ciphertext(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: Way, output_version: str
) -> None:
    fields = {"reasoning_content": "A summary.", "encrypted_content": CIPHERTEXT}
    server.script(
        stub.stream_of([fields, {"content": "Hi"}])
        if "stream" in way
        else stub.answer_with({**fields, "content": "Hi"})
    )

    message = ask_by(way, stub.llm(server, model="qwen4-max", output_version=output_version), runner)

    block = {name: value for name, value in message.content_blocks[0].items() if name != "index"}
    assert block == {"type": "reasoning", "reasoning": "A summary.", "extras": {"encrypted_content": CIPHERTEXT}}


def test_a_ciphertext_without_a_summary_has_a_reasoning_block() -> None:
    turn = TURN.model_copy(update={"additional_kwargs": {"encrypted_content": CIPHERTEXT}})

    assert turn.content_blocks[0] == {
        "type": "reasoning",
        "reasoning": "",
        "extras": {"encrypted_content": CIPHERTEXT},
    }


@pytest.mark.parametrize("way", WAYS)
def test_writes_to_the_cache_are_counted_by_their_lifetime(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: Way
) -> None:
    details = {
        "cached_tokens": 80_000,
        "cache_creation_input_tokens": 30_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 10_000, "ephemeral_1h_input_tokens": 20_000},
        "cache_type": "ephemeral",
    }
    usage = {**stub.usage, "prompt_tokens_details": details}
    deltas = [{"content": "Hi"}]
    server.script(stub.stream_of(deltas, usage=usage) if "stream" in way else stub.answer_with(deltas[0], usage=usage))

    message = ask_by(way, stub.llm(server, model="qwen4-max"), runner)

    assert message.usage_metadata is not None
    assert message.usage_metadata["input_token_details"] == {
        "cache_read": 80_000,
        "cache_creation": 30_000,
        "ephemeral_5m_input_tokens": 10_000,
        "ephemeral_1h_input_tokens": 20_000,
    }
    assert message.response_metadata["token_usage"]["prompt_tokens_details"]["cache_type"] == "ephemeral"


# ----------------------------------------------------------------------------------------- conversations in the sandbox


def through_sqlite(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return messages as a checkpoint in SQLite returns them."""
    serializer = JsonPlusSerializer()
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE checkpoints (type TEXT, value BLOB)")
        database.execute("INSERT INTO checkpoints VALUES (?, ?)", serializer.dumps_typed(list(messages)))
        loaded: list[BaseMessage] = serializer.loads_typed(database.execute("SELECT * FROM checkpoints").fetchone())
    database.close()
    return loaded


def converse(llm: ChatQwenWorkspace, way: Way, runner: asyncio.Runner) -> list[BaseMessage]:
    """Return a conversation of three tool rounds and an answer, each stored in SQLite before the next."""
    messages: list[BaseMessage] = [HumanMessage(f"Call {', '.join(NAMES)}.")]
    while not isinstance(messages[-1], AIMessage):
        answer = ask_by(way, llm, runner, messages, tools=TOOLS)
        messages.append(answer)
        messages += [ToolMessage("Done.", tool_call_id=call["id"]) for call in answer.tool_calls]
        messages = through_sqlite(messages)
    return messages


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_every_ciphertext_of_three_tool_rounds_goes_back_unchanged(
    sandbox: Sandbox, make_model: MakeModel, runner: asyncio.Runner, way: Way, output_version: str
) -> None:
    llm = make_model(model="qwen4-max", thinking_display="summarized", output_version=output_version)

    messages = converse(llm, way, runner)

    received = [
        message.additional_kwargs["encrypted_content"] for message in messages if isinstance(message, AIMessage)
    ]
    sent = stub_of(llm.protocol).messages(sandbox.requests[-1].body)
    assert [message["encrypted_content"] for message in sent if message["role"] == "assistant"] == received[:3]
    assert len(set(received)) > 1


def test_a_later_turn_of_another_model_gets_no_ciphertext(make_model: MakeModel, runner: asyncio.Runner) -> None:
    messages = converse(make_model(model="qwen4-max", thinking_display="summarized"), "stream", runner)

    # The sandbox refuses a ciphertext for any other model.
    make_model(model="qwen-plus").invoke([*messages, HumanMessage("Thanks.")])


def test_qwen4_max_thinks_by_default(make_model: MakeModel) -> None:
    message = make_model(model="qwen4-max").invoke("Hi")

    assert message.additional_kwargs["reasoning_content"]
    assert "encrypted_content" not in message.additional_kwargs


@pytest.mark.filterwarnings("ignore:.*beta:langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_ciphertext_survives_serialization(make_model: MakeModel) -> None:
    message = make_model(model="qwen4-max", thinking_display="summarized", output_version="v1").invoke("Hi")

    loaded = load(dumpd(message), allowed_objects="core")

    assert replayed(HumanMessage("Hi"), loaded) == [message.additional_kwargs["encrypted_content"]]
