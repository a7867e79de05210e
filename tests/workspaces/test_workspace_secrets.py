"""The key is never shown: not in a text, dump, pickle, validation error or exception of this package."""

import json
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps
from pydantic import BaseModel, SecretStr, ValidationError

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceEmbeddings, QwenWorkspaceError
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.transports import http_transport_of
from tests.support.ways import Ask

KEY = "sk-S3CR3Tmaterial"
MATERIAL = "S3CR3T"

Make = Callable[..., BaseModel]


def make_chat(**values: Any) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(**{"model": "qwen-plus", **values})


def make_embeddings(**values: Any) -> QwenWorkspaceEmbeddings:
    return QwenWorkspaceEmbeddings(**{"model": "text-embedding-v4", **values})


def make_workspace(**values: Any) -> QwenWorkspace:
    return QwenWorkspace(**values)


def make_chat_in_workspace(**values: Any) -> ChatQwenWorkspace:
    return make_chat(workspace=QwenWorkspace(**values))


HOLDERS = [make_workspace, make_chat, make_embeddings, make_chat_in_workspace]


@pytest.fixture(params=HOLDERS, ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


@pytest.fixture(params=[KEY, SecretStr(KEY), None], ids=["plain", "secret", "environment"])
def holder(request: pytest.FixtureRequest, make: Make, monkeypatch: pytest.MonkeyPatch) -> BaseModel:
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    return make(api_key=request.param) if request.param else make()


def test_the_key_is_in_no_text_and_no_dump(holder: BaseModel) -> None:
    written = [
        repr(holder),
        str(holder),
        f"{holder}",
        repr(holder.__dict__),
        repr(vars(holder).items()),
        holder.model_dump_json(),
        repr(holder.model_dump()),
        repr(holder.model_dump(mode="json")),
        dumps(holder),
        repr(list(holder)),
    ]
    assert not [text for text in written if MATERIAL in text]


def test_the_key_is_not_readable_in_a_pickle_and_comes_back_from_it(holder: BaseModel) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        frozen = pickle.dumps(holder, protocol)
        assert MATERIAL.encode() not in frozen
        thawed = pickle.loads(frozen)  # noqa: S301 - made two lines above
        assert thawed == holder
        key = thawed.api_key or thawed.workspace.api_key
        assert key.get_secret_value() == KEY


def test_the_key_is_in_no_tracing_parameter_or_cache_key() -> None:
    llm = make_chat(api_key=KEY)
    assert MATERIAL not in repr(llm._identifying_params)
    assert MATERIAL not in repr(llm._get_ls_params())
    assert MATERIAL not in llm._get_llm_string()
    assert MATERIAL not in repr(llm.lc_attributes)
    assert llm.lc_secrets == {"api_key": "DASHSCOPE_API_KEY"}


WRONG: dict[str, dict[str, Any]] = {
    "base_url": {"base_url": "no url"},
    "region": {"region": "moon"},
    "workspace_id": {"workspace_id": "a.evil.com"},
    "endpoint": {"endpoint": "private"},
    "two hosts": {"base_url": "http://127.0.0.1:1", "endpoint": "shared"},
    "no host": {"region": "frankfurt"},
    "a contradiction": {"base_url": "https://dashscope.aliyuncs.com", "region": "tokyo"},
    "an unknown name": {"workspace": {"api_key": KEY, "unknown": 1}},
}
WRONG_KEYS: dict[str, Any] = {
    "a blank": f"{KEY} ",
    "a line break": f"{KEY}\n",
    "a plan's": f"sk-sp-{KEY}",
    "bytes": f"{KEY} ".encode(),
    "a list": [KEY],
    "a secret with a blank": SecretStr(f"{KEY} "),
}


def refusal_of(make: Make, **values: Any) -> ValueError:
    with pytest.raises(ValueError, match=r".") as caught:
        make(**values)
    return caught.value


def texts_of(error: ValueError) -> Iterator[str]:
    yield str(error)
    yield repr(error)
    yield repr(error.args)
    yield "".join(traceback.format_exception(error))


def details_of(error: ValueError) -> Iterator[str]:
    if isinstance(error, ValidationError):
        yield repr(error.errors())
        yield error.json()


@pytest.mark.parametrize("wrong", WRONG)
def test_the_key_is_in_no_text_of_a_refused_construction(wrong: str, make: Make) -> None:
    assert not [text for text in texts_of(refusal_of(make, api_key=KEY, **WRONG[wrong])) if MATERIAL in text]


@pytest.mark.parametrize("wrong", WRONG_KEYS)
def test_a_refused_key_is_in_no_text_of_its_error(wrong: str, make: Make) -> None:
    assert not [text for text in texts_of(refusal_of(make, api_key=WRONG_KEYS[wrong])) if MATERIAL in text]


def test_the_key_is_not_in_the_details_of_a_validation_error() -> None:
    """`ValidationError.errors()` and `.json()` go to logs and to the responses of web frameworks.

    A key that is not text is left out: pydantic refuses it before it can be masked.
    """
    wrong = {name: {"api_key": KEY, **values} for name, values in WRONG.items()}
    wrong |= {name: {"api_key": key} for name, key in WRONG_KEYS.items() if name != "a list"}
    leaking = [
        (make.__name__, name)
        for make in HOLDERS
        for name, values in wrong.items()
        if any(MATERIAL in text for text in details_of(refusal_of(make, **values)))
    ]
    assert leaking == []


def test_the_key_is_not_in_the_details_of_errors_about_other_fields() -> None:
    given: list[tuple[Make, dict[str, Any]]] = [
        (make_chat, {"temperature": "warm"}),
        (make_chat, {"temperature": 1, "model_kwargs": {"temperature": 1}}),
        (make_chat, {"protocol": "grpc"}),
        (make_chat, {"base_url": "http://127.0.0.1:1/api/v1"}),
        (make_chat, {"workspace": QwenWorkspace(api_key="sk-other")}),
        (make_embeddings, {"dimensions": 3}),
        (make_embeddings, {"chunk_size": 11}),
        (make_embeddings, {"unknown": 1}),
    ]
    errors = [refusal_of(make, api_key=KEY, **values) for make, values in given]
    assert [str(error) for error in errors if any(MATERIAL in text for text in details_of(error))] == []


def test_the_key_of_a_changed_copy_is_not_shown() -> None:
    for holder in (make_workspace(), make_chat(), make_embeddings()):
        copy = holder.model_copy(update={"api_key": KEY})
        assert MATERIAL not in repr(copy)


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_the_key_is_not_in_the_error_of_a_call(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, status: int
) -> None:
    server.default = lambda _: stub.error(status, "Any.Code", "Something happened.")
    with pytest.raises(QwenWorkspaceError) as caught:
        ask_two_ways(stub.llm(server, api_key=KEY))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    seen = [*texts_of(caught.value), repr(caught.value.__dict__), repr(pickle.dumps(caught.value))]  # type: ignore[arg-type]  # any exception will do
    assert not [text for text in seen if MATERIAL in text]


def test_the_key_is_in_no_text_of_a_transport(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, api_key=KEY)
    llm.invoke("Hi")
    transport = http_transport_of(llm)
    assert MATERIAL not in repr(transport)
    assert MATERIAL not in repr(transport._connection)


def test_default_headers_are_in_no_text_dump_or_cache_key() -> None:
    llm = make_chat(api_key=KEY, default_headers={"x-token": KEY})
    shown = [repr(llm), str(llm), dumps(llm), json.dumps(llm.to_json(), default=repr), json.dumps(llm.asdict())]
    shown += [str(llm.model_dump()), llm.model_dump_json(), llm._get_llm_string(), str(llm._get_ls_params())]
    assert [text for text in shown if MATERIAL in text] == []


def test_neither_key_nor_default_headers_are_in_what_callbacks_get(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())
    seen: list[str] = []

    class Tracer(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            seen.append(repr((args, kwargs)))

        def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            seen.append(repr((args, kwargs)))

    stub.llm(server, api_key=KEY, default_headers={"x-token": KEY}).invoke("Hi", config={"callbacks": [Tracer()]})
    assert len(seen) == 2
    assert [text for text in seen if MATERIAL in text] == []
    assert server.requests[0].headers["x-token"] == KEY
