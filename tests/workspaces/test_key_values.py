"""Keys that a callable gives, as values: equal, hashed, copied, pickled, compared, and nowhere to be read."""

import asyncio
import copy
import logging
import pickle
import traceback
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from langchain_core.load import dumps
from pydantic import BaseModel, SecretStr, ValidationError

from langchain_qwen_workspace import (
    AuthenticationError,
    ChatQwenWorkspace,
    ConfigurationError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
)
from langchain_qwen_workspace._workspace.keys import KeyProvider
from tests.support.key_provider import ScriptedKeyProvider, accept_keys, invalid_key_reply, key_in
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Ask, Way, ask_by

KEY = "sk-S3CR3Tmaterial"
MATERIAL = "S3CR3T"


def give() -> str:
    return KEY


def give_another() -> str:
    return "sk-another"


def _made_with(token: str) -> str:
    return token


@dataclass
class _Account:
    """A callable that compares by its values and therefore has no hash."""

    token: str

    def __call__(self) -> str:
        return self.token


CALLABLES: dict[str, Any] = {
    "function": give,
    "partial": partial(_made_with, KEY),
    "object": _Account(KEY),
    "method": _Account(KEY).__call__,
    "lambda": lambda: KEY,
}


def _holders(key: Any) -> list[BaseModel]:
    return [
        QwenWorkspace(api_key=key),
        ChatQwenWorkspace(model="qwen-plus", api_key=key),
        ChatQwenWorkspace(model="qwen-plus", workspace=QwenWorkspace(api_key=key)),
        QwenWorkspaceEmbeddings(model="text-embedding-v4", api_key=key),
    ]


def _of(server: Server, key: Any, **fields: Any) -> QwenWorkspace:
    return QwenWorkspace(**{"api_key": key, "workspace_id": "ws-test", "base_url": server.url, **fields})


def test_workspaces_are_equal_if_their_callables_are() -> None:
    assert QwenWorkspace(api_key=give) == QwenWorkspace(api_key=give)
    assert hash(QwenWorkspace(api_key=give)) == hash(QwenWorkspace(api_key=give))
    assert QwenWorkspace(api_key=give) != QwenWorkspace(api_key=give_another)
    assert QwenWorkspace(api_key=give) != QwenWorkspace(api_key=KEY)
    assert QwenWorkspace(api_key=give) != QwenWorkspace(api_key=give, region="beijing")
    assert len({QwenWorkspace(api_key=_Account("a")), QwenWorkspace(api_key=_Account("a"))}) == 1
    assert QwenWorkspace(api_key=_Account("a")) != QwenWorkspace(api_key=_Account("b"))


@pytest.mark.parametrize("name", [name for name in CALLABLES if name != "lambda"])
def test_a_pickle_has_the_callable_and_no_key(server: Server, stub: ProtocolStub, ask: Ask, name: str) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, api_key=CALLABLES[name])
    ask(llm)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        frozen = pickle.dumps(llm, protocol)
        assert (MATERIAL.encode() in frozen) == (name != "function")  # What the user's own callable was made with.
        thawed = pickle.loads(frozen)  # noqa: S301 - made two lines above
        assert (thawed == llm) == (name not in {"partial", "method"})  # As Python compares them.
        assert ask(thawed).text == "Hello"
    assert {key_in(received) for received in server.requests} == {KEY}


def test_a_lambda_is_refused_by_pickle_itself() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError), match=r"lambda"):
        pickle.dumps(QwenWorkspace(api_key=lambda: KEY))


def test_copies_share_the_key(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = accept_keys(stub, "sk-1")
    vault = ScriptedKeyProvider("sk-1", "sk-2")
    llm = stub.llm(server, api_key=vault.get)
    for other in (llm, copy.copy(llm), copy.deepcopy(llm), llm.model_copy(), llm.model_copy(deep=True)):
        assert other == llm
        ask(other)
    ask(llm.model_copy(update={"timeout": 5.0}))
    workspace = llm.resolved_workspace()
    for copied, region in ((copy.copy(workspace), "beijing"), (copy.deepcopy(workspace), "tokyo")):
        # Another region is another connection, so that nothing but the copy itself can share the key.
        moved = copied.model_copy(update={"region": region})
        ask(ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=moved))
    assert vault.asked == 1


def test_a_copy_with_a_callable_is_asked_at_the_next_call(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = stub.reply_to
    plain = stub.llm(server, api_key="sk-plain")
    ask(plain)
    ask(plain.model_copy(update={"api_key": give}))
    ask(plain.model_copy(update={"api_key": give}).model_copy(update={"api_key": "sk-plain"}))
    assert [key_in(received) for received in server.requests] == ["sk-plain", KEY, "sk-plain"]


def test_who_comes_just_after_the_answer_does_not_ask_again() -> None:
    """Between looking for a key and asking for it, another thread may have got it."""
    given = KeyProvider(give)
    given._key = SecretStr(KEY)
    asking, first = given._join_or_start_request(None)
    assert (first, asking.result()) == (False, SecretStr(KEY))


def test_a_component_and_its_workspace_may_name_the_same_callable() -> None:
    workspace = QwenWorkspace(api_key=give)
    assert ChatQwenWorkspace(model="qwen-plus", workspace=workspace, api_key=give).resolved_workspace() == workspace
    for other in (give_another, KEY):
        with pytest.raises(ValueError, match=r"`api_key` and `workspace` contradict each other"):
            ChatQwenWorkspace(model="qwen-plus", workspace=workspace, api_key=other)
    with pytest.raises(ValueError, match=r"`api_key` and `workspace` contradict each other"):
        ChatQwenWorkspace(model="qwen-plus", workspace=QwenWorkspace(api_key=KEY), api_key=give)
    late = ChatQwenWorkspace(model="qwen-plus", workspace=workspace).model_copy(update={"api_key": give_another})
    with pytest.raises(ConfigurationError, match=r"contradict"):
        late.invoke("Hi")


def test_a_callable_comes_before_the_environment(
    server: Server, stub: ProtocolStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-environment")
    server.default = stub.reply_to
    ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=_of(server, give)).invoke("Hi")
    assert key_in(server.requests[0]) == KEY


async def _coroutine() -> str:
    return KEY


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_what_is_neither_a_key_nor_a_callable_is_refused() -> None:
    for wrong in ([KEY], 7, _coroutine(), {"key": KEY}):
        with pytest.raises(ValidationError, match=r"api_key") as caught:
            QwenWorkspace(api_key=wrong)
        assert MATERIAL not in str(caught.value)


def test_a_dictionary_is_validated_as_arguments_are() -> None:
    assert QwenWorkspace.model_validate({"api_key": give}) == QwenWorkspace(api_key=give)
    llm = ChatQwenWorkspace.model_validate({"model": "qwen-plus", "workspace": {"api_key": give}, "api_key": give})
    assert llm.resolved_workspace() == QwenWorkspace(api_key=give)


def test_a_schema_of_the_workspace_can_still_be_made() -> None:
    assert "api_key" in QwenWorkspace.model_json_schema()["properties"]


# ------------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("name", CALLABLES)
def test_no_text_and_no_dump_shows_what_a_callable_gives_or_was_made_with(name: str) -> None:
    for holder in _holders(CALLABLES[name]):
        written = [
            repr(holder),
            str(holder),
            repr(holder.__dict__),
            holder.model_dump_json(),
            repr(holder.model_dump()),
            repr(holder.model_dump(mode="json")),
            dumps(holder),
            repr(list(holder)),
        ]
        assert not [text for text in written if MATERIAL in text]


def test_tracing_and_caching_see_no_callable() -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", api_key=partial(_made_with, KEY))
    seen = [llm._identifying_params, llm._get_ls_params(), llm._get_llm_string(), llm.lc_attributes, dumps(llm)]
    assert not [text for text in map(repr, seen) if MATERIAL in text or "_made_with" in text]


def test_no_refusal_shows_what_a_callable_was_made_with() -> None:
    wrong: list[dict[str, Any]] = [{"region": "moon"}, {"base_url": "no url"}, {"workspace": {"unknown": 1}}]
    for values in wrong:
        with pytest.raises(ValueError, match=r".") as caught:
            ChatQwenWorkspace(model="qwen-plus", api_key=partial(_made_with, KEY), **values)
        details = repr(caught.value.errors()) if isinstance(caught.value, ValidationError) else ""
        assert MATERIAL not in f"{details} {''.join(traceback.format_exception(caught.value))}"


def test_no_log_and_no_error_has_a_key(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, caplog: pytest.LogCaptureFixture
) -> None:
    server.default = lambda _: invalid_key_reply(stub)
    caplog.set_level(logging.DEBUG)
    llm = stub.llm(server, api_key=ScriptedKeyProvider(f"{KEY}1", f"{KEY}2", f"{KEY}3", f"{KEY}4").get)
    errors: list[AuthenticationError] = []
    ways: tuple[Way, ...] = ("invoke", "ainvoke")
    for way in ways:
        with pytest.raises(AuthenticationError) as caught:
            ask_by(way, llm, runner)
        errors.append(caught.value)
    assert len(server.requests) == 4
    assert caplog.records
    shown = [record.getMessage() + repr(record.args) for record in caplog.records]
    shown += ["".join(traceback.format_exception(error)) + repr(error.__dict__) for error in errors]
    assert not [text for text in shown if MATERIAL in text]
    transport: Any = llm._bare_transport(llm.resolved_workspace())
    assert MATERIAL not in f"{transport!r} {transport._transport._transport._connection!r} {transport._key_provider!r}"
