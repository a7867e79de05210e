"""A secret in a keyword that this package does not know is refused by name, and neither sent nor shown."""

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from pydantic import BaseModel, SecretStr, ValidationError

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    UnsupportedInputError,
)
from langchain_qwen_workspace._workspace.secrets import secret_names
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Way, ask_by

KEY = "sk-S3CR3Tmaterial"
MATERIAL = "S3CR3T"
OTHER = "S3CR3T-without-prefix"

Make = Callable[..., BaseModel]


def make_chat(**values: Any) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(**{"model": "qwen-plus", **values})


def make_embeddings(**values: Any) -> QwenWorkspaceEmbeddings:
    return QwenWorkspaceEmbeddings(**{"model": "text-embedding-v4", **values})


def make_rerank(**values: Any) -> QwenWorkspaceRerank:
    return QwenWorkspaceRerank(**{"model": "qwen3-rerank", **values})


def make_workspace(**values: Any) -> QwenWorkspace:
    return QwenWorkspace(**values)


def make_chat_in_workspace(**values: Any) -> ChatQwenWorkspace:
    return make_chat(workspace=values)


COMPONENTS: list[Make] = [make_chat, make_embeddings, make_rerank]
HOLDERS: list[Make] = [*COMPONENTS, make_workspace]


def texts_of(error: BaseException) -> list[str]:
    texts = [str(error), repr(error), "".join(traceback.format_exception(error))]
    if isinstance(error, ValidationError):
        texts += [repr(error.errors()), error.json()]
    return texts


def assert_refused(call: Callable[[], Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}`") as caught:
        call()
    assert [text for text in texts_of(caught.value) if MATERIAL in text] == []


# --------------------------------------------------------------------------------------------- which names and values

SECRET: list[tuple[str, Any]] = [
    ("openai_api_key", OTHER),
    ("qwen_api_key", OTHER),
    ("OPENAI_API_KEY", OTHER),
    ("apiKey", OTHER),
    ("apikey", OTHER),
    ("x-api-key", OTHER),
    ("key", OTHER),
    ("secret", OTHER),
    ("access_key_secret", OTHER),
    ("token", OTHER),
    ("security_token", OTHER),
    ("password", OTHER),
    ("passwd", OTHER),
    ("authorization", OTHER),
    ("Authorization", OTHER),
    ("credentials", OTHER),
    ("key", 123),
    ("key", b"abc"),
    ("key", {"value": OTHER}),
    ("key", lambda: OTHER),
    ("user", KEY),
    ("user", f" {KEY}"),
    ("user", f"Bearer {OTHER}"),
    ("user", KEY.encode()),
    ("user", SecretStr(OTHER)),
    ("keys", [KEY]),
    ("auth", {"value": KEY}),
    ("headers", {"Authorization": OTHER}),
    ("extra_headers", {"X-Api-Key": OTHER}),
    ("hooks", [{"token": OTHER}]),
    ("options", {"api_key": OTHER}),
]


@pytest.mark.parametrize(("name", "value"), SECRET)
def test_a_keyword_is_a_secret_by_its_name_or_value(name: str, value: Any) -> None:
    assert secret_names({name: value}) == [name]


@pytest.mark.parametrize("place", ["model_kwargs", "extra_body"])
def test_a_secret_among_parameters_is_named_itself(place: str) -> None:
    assert secret_names({place: {"qwen_api_key": OTHER, "top_k": 5}}) == ["qwen_api_key"]


HARMLESS: list[tuple[str, Any]] = [
    ("max_tokens", 5),
    ("keywords", ["a"]),
    ("tokens", 7),
    ("key_format", "pem"),
    ("openai_api_key", None),
    ("user", "ask-me"),
    ("prompt_cache_key", "conversation 7"),
    ("functions", [{"parameters": {"properties": {"api_key": {"type": "string"}}, "required": ["api_key"]}}]),
    ("filters", {"key": "city", "value": "Paris"}),
    ("extra_headers", {"Idempotency-Key": "7"}),
    ("model_kwargs", None),
    ("user", 5),
]


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_other_keywords_are_not_secrets(name: str, value: Any) -> None:
    assert secret_names({name: value}) == []


def test_a_value_that_is_in_itself_is_searched_once() -> None:
    circle: dict[str, Any] = {"list": []}
    circle["list"].append(circle)
    assert secret_names({"options": circle, "extra_body": {"extra_body": circle}}) == []


def test_a_deep_value_is_searched() -> None:
    value: Any = KEY
    for _ in range(100_000):
        value = [value]
    assert secret_names({"options": value}) == ["options"]


def test_the_values_of_documented_parameters_are_not_searched() -> None:
    parameters = {"stop": [KEY], "extra_body": {"stop": KEY}}
    assert secret_names(parameters, documented={"stop"}) == []


# -------------------------------------------------------------------------------------------------------- construction


@pytest.mark.parametrize("make", HOLDERS)
@pytest.mark.parametrize("name", ["openai_api_key", "qwen_api_key", "key", "user"])
def test_a_secret_under_an_unknown_name_is_refused(make: Make, name: str) -> None:
    assert_refused(lambda: make(**{name: KEY}), name)


@pytest.mark.parametrize("make", COMPONENTS)
def test_a_secret_in_model_kwargs_is_refused(make: Make) -> None:
    assert_refused(lambda: make(model_kwargs={"openai_api_key": KEY}), "openai_api_key")


def test_a_secret_in_extra_body_is_refused() -> None:
    assert_refused(lambda: make_chat(extra_body={"qwen_api_key": KEY}), "qwen_api_key")


def test_a_secret_in_a_nested_workspace_is_refused() -> None:
    assert_refused(lambda: make_chat_in_workspace(openai_api_key=KEY), "openai_api_key")


@pytest.mark.parametrize("model", [QwenWorkspace, QwenWorkspaceEmbeddings, QwenWorkspaceRerank, ChatQwenWorkspace])
def test_a_secret_is_refused_by_model_validate(model: type[BaseModel]) -> None:
    assert_refused(lambda: model.model_validate({"model": "qwen-plus", "openai_api_key": KEY}), "openai_api_key")


@pytest.mark.parametrize("make", HOLDERS)
def test_a_secret_among_the_changes_of_a_copy_is_refused(make: Make) -> None:
    assert_refused(lambda: make().model_copy(update={"openai_api_key": KEY}), "openai_api_key")


# -------------------------------------------------------------------------------------------------- `dashscope_api_key`


@pytest.mark.parametrize("make", HOLDERS)
@pytest.mark.parametrize("key", [KEY, SecretStr(KEY)], ids=["plain", "secret"])
def test_dashscope_api_key_is_another_name_of_api_key(make: Make, key: Any) -> None:
    assert make(dashscope_api_key=key) == make(api_key=KEY)


@pytest.mark.parametrize("make", HOLDERS)
def test_dashscope_api_key_beside_api_key_is_refused(make: Make) -> None:
    assert_refused(lambda: make(dashscope_api_key=KEY, api_key="sk-other"), "dashscope_api_key")


@pytest.mark.parametrize("make", HOLDERS)
def test_dashscope_api_key_is_another_name_in_the_changes_of_a_copy(make: Make) -> None:
    assert make().model_copy(update={"dashscope_api_key": KEY}) == make().model_copy(update={"api_key": KEY})


@pytest.mark.parametrize("make", HOLDERS)
def test_a_key_given_as_dashscope_api_key_is_not_shown(make: Make) -> None:
    holder = make(dashscope_api_key=KEY)
    assert [text for text in (repr(holder), holder.model_dump_json(), repr(vars(holder))) if MATERIAL in text] == []


def test_dashscope_api_key_without_a_value_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    assert make_chat(dashscope_api_key=None) == make_chat()


# --------------------------------------------------------------------------------------------------------------- calls


class Recorder(BaseCallbackHandler):
    """Counts the runs that callbacks, and so tracers, are told of."""

    def __init__(self) -> None:
        self.runs = 0

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self.runs += 1


@pytest.mark.parametrize("options", [{"openai_api_key": KEY}, {"api_key": KEY}, {"extra_body": {"key": KEY}}], ids=str)
def test_a_secret_is_not_bound(options: dict[str, Any]) -> None:
    assert_refused(lambda: make_chat().bind(**options), next(iter(options.get("extra_body", options))))


def test_a_secret_is_not_bound_with_tools() -> None:
    assert_refused(lambda: make_chat().bind_tools([], openai_api_key=KEY), "openai_api_key")


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_in_the_options_of_a_call_is_neither_sent_nor_traced(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: Way
) -> None:
    recorder, llm = Recorder(), stub.llm(server)
    for options in ({"openai_api_key": KEY}, {"extra_body": {"openai_api_key": KEY}}):
        assert_refused(
            lambda options=options: ask_by(way, llm, runner, config={"callbacks": [recorder]}, **options),  # type: ignore[misc]  # bound early
            "openai_api_key",
        )
    assert (server.requests, recorder.runs) == ([], 0)


def test_a_secret_that_was_put_into_model_kwargs_later_is_not_sent(server: Server, stub: ProtocolStub) -> None:
    llm = stub.llm(server)
    llm.model_kwargs["openai_api_key"] = KEY
    assert_refused(lambda: llm.invoke("Hi"), "openai_api_key")


@pytest.mark.parametrize("make", [make_embeddings, make_rerank])
def test_a_secret_that_was_put_into_the_model_kwargs_of_a_retrieval_component_later_is_not_sent(make: Make) -> None:
    component: Any = make(api_key="sk-a", base_url="http://127.0.0.1:9")
    component.model_kwargs["openai_api_key"] = KEY
    call = component.embed_query if make is make_embeddings else lambda text: component.rerank([text], text)
    assert_refused(lambda: call("Hi"), "openai_api_key")


def test_a_secret_is_not_written_into_a_batch() -> None:
    llm = make_chat(api_key="sk-a", base_url="http://127.0.0.1:9")
    llm.model_kwargs["openai_api_key"] = KEY
    assert_refused(lambda: QwenWorkspaceBatch(llm).submit(["Hi"]), "openai_api_key")


def test_the_refusal_says_where_secrets_go() -> None:
    with pytest.raises(UnsupportedInputError, match=r"`api_key`.*`default_headers`") as caught:
        make_chat().bind(openai_api_key=KEY)
    assert isinstance(caught.value, QwenWorkspaceError)


def test_a_secret_that_is_bound_to_what_bind_returned_is_not_sent(server: Server, stub: ProtocolStub) -> None:
    """It is an object of LangChain's, which refuses nothing."""
    assert_refused(lambda: stub.llm(server).bind(temperature=0).bind(openai_api_key=KEY).invoke("Hi"), "openai_api_key")
    assert server.requests == []
