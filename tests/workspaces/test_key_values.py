"""Key providers as values: compared, hashed, copied, pickled, and never shown."""

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
from tests.support.transports import http_transport_of
from tests.support.ways import Ask, Way, ask_by

KEY = "sk-S3CR3Tmaterial"
MATERIAL = "S3CR3T"


def give() -> str:
    return KEY


def give_another() -> str:
    return "sk-another"


def make_provider(token: str) -> str:
    return token


@dataclass
class Account:
    """A key provider that compares by its values and therefore has no hash."""

    token: str

    def __call__(self) -> str:
        return self.token


CALLABLES: dict[str, Any] = {
    "function": give,
    "partial": partial(make_provider, KEY),
    "object": Account(KEY),
    "method": Account(KEY).__call__,
    "lambda": lambda: KEY,
}


def make_holders(key: Any) -> list[BaseModel]:
    return [
        QwenWorkspace(api_key=key),
        ChatQwenWorkspace(model="qwen-plus", api_key=key),
        ChatQwenWorkspace(model="qwen-plus", workspace=QwenWorkspace(api_key=key)),
        QwenWorkspaceEmbeddings(model="text-embedding-v4", api_key=key),
    ]


def workspace_with(server: Server, key: Any, **fields: Any) -> QwenWorkspace:
    return QwenWorkspace(**{"api_key": key, "workspace_id": "ws-test", "base_url": server.url, **fields})


def test_workspaces_with_equal_providers_are_equal() -> None:
    assert QwenWorkspace(api_key=give) == QwenWorkspace(api_key=give)
    assert hash(QwenWorkspace(api_key=give)) == hash(QwenWorkspace(api_key=give))
    assert QwenWorkspace(api_key=give) != QwenWorkspace(api_key=give_another)
    assert QwenWorkspace(api_key=give) != QwenWorkspace(api_key=KEY)
    assert QwenWorkspace(api_key=give) != QwenWorkspace(api_key=give, region="beijing")
    assert len({QwenWorkspace(api_key=Account("a")), QwenWorkspace(api_key=Account("a"))}) == 1
    assert QwenWorkspace(api_key=Account("a")) != QwenWorkspace(api_key=Account("b"))


@pytest.mark.parametrize("name", [name for name in CALLABLES if name != "lambda"])
def test_a_pickle_has_the_provider_and_no_key(server: Server, stub: ProtocolStub, ask: Ask, name: str) -> None:
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


def test_a_lambda_as_provider_cannot_be_pickled() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError), match=r"lambda"):
        pickle.dumps(QwenWorkspace(api_key=lambda: KEY))


def test_copies_share_the_key_of_their_provider(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = accept_keys(stub, "sk-1")
    provider = ScriptedKeyProvider("sk-1", "sk-2")
    llm = stub.llm(server, api_key=provider.get)
    for other in (llm, copy.copy(llm), copy.deepcopy(llm), llm.model_copy(), llm.model_copy(deep=True)):
        assert other == llm
        ask(other)
    ask(llm.model_copy(update={"timeout": 5.0}))
    workspace = llm.resolved_workspace()
    for copied, region in ((copy.copy(workspace), "beijing"), (copy.deepcopy(workspace), "tokyo")):
        # Another region is another connection, so that nothing but the copy itself can share the key.
        moved = copied.model_copy(update={"region": region})
        ask(ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=moved))
    assert provider.asked == 1


def test_a_provider_given_to_a_copy_takes_effect_at_the_next_call(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = stub.reply_to
    plain = stub.llm(server, api_key="sk-plain")
    ask(plain)
    ask(plain.model_copy(update={"api_key": give}))
    ask(plain.model_copy(update={"api_key": give}).model_copy(update={"api_key": "sk-plain"}))
    assert [key_in(received) for received in server.requests] == ["sk-plain", KEY, "sk-plain"]


def test_a_call_that_comes_just_after_the_key_arrived_does_not_request_another() -> None:
    """Between the look-up of a key and the request for it, another thread may have got it."""
    given = KeyProvider(give)
    given._key = SecretStr(KEY)
    asking, first = given._join_or_start_request(None)
    assert (first, asking.result()) == (False, SecretStr(KEY))


def test_a_component_and_its_workspace_may_have_the_same_provider() -> None:
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


def test_a_provider_takes_precedence_over_the_environment(
    server: Server, stub: ProtocolStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-environment")
    server.default = stub.reply_to
    ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=workspace_with(server, give)).invoke("Hi")
    assert key_in(server.requests[0]) == KEY


async def give_later() -> str:
    return KEY


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_a_value_that_is_neither_key_nor_provider_is_refused() -> None:
    for wrong in ([KEY], 7, give_later(), {"key": KEY}):
        with pytest.raises(ValidationError, match=r"api_key") as caught:
            QwenWorkspace(api_key=wrong)  # type: ignore[arg-type]  # the mistake of the test
        assert MATERIAL not in str(caught.value)


def test_a_provider_in_a_dictionary_is_validated_like_an_argument() -> None:
    assert QwenWorkspace.model_validate({"api_key": give}) == QwenWorkspace(api_key=give)
    llm = ChatQwenWorkspace.model_validate({"model": "qwen-plus", "workspace": {"api_key": give}, "api_key": give})
    assert llm.resolved_workspace() == QwenWorkspace(api_key=give)


def test_the_json_schema_of_a_workspace_can_be_made() -> None:
    assert "api_key" in QwenWorkspace.model_json_schema()["properties"]


# ------------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("name", CALLABLES)
def test_no_text_or_dump_shows_a_providers_key_or_closure(name: str) -> None:
    for holder in make_holders(CALLABLES[name]):
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


def test_a_provider_is_in_no_tracing_parameter_or_cache_key() -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", api_key=partial(make_provider, KEY))
    seen = [llm._identifying_params, llm._get_ls_params(), llm._get_llm_string(), llm.lc_attributes, dumps(llm)]
    assert not [text for text in map(repr, seen) if MATERIAL in text or "make_provider" in text]


def test_no_refusal_shows_a_providers_closure() -> None:
    wrong: list[dict[str, Any]] = [{"region": "moon"}, {"base_url": "no url"}, {"workspace": {"unknown": 1}}]
    for values in wrong:
        with pytest.raises(ValueError, match=r".") as caught:
            ChatQwenWorkspace(model="qwen-plus", api_key=partial(make_provider, KEY), **values)
        details = repr(caught.value.errors()) if isinstance(caught.value, ValidationError) else ""
        assert MATERIAL not in f"{details} {''.join(traceback.format_exception(caught.value))}"


def test_no_log_and_no_error_has_a_providers_key(
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
    connection = http_transport_of(llm)._connection
    assert MATERIAL not in f"{transport!r} {connection!r} {transport._key_provider!r}"
