"""LangChain's `profile` of a chat model: it follows the model, and the user's wins over the catalogue."""

import pickle
import warnings
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import ConfigurableField
from pydantic import BaseModel

from langchain_qwen_workspace import ChatQwenWorkspace, profiles
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.errors import ConfigurationError, UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile, langchain_profile, profile_of
from tests.support.protocols import ProtocolStub
from tests.support.server import Server

TOOL: Json = {"type": "function", "function": {"name": "look", "description": "", "parameters": {}}}
NAMED: Json = {"type": "function", "function": {"name": "look"}}
IMAGE = HumanMessage([{"type": "image", "url": "https://example.com/a.png"}])


class Answer(BaseModel):
    """An answer."""

    text: str


def model(name: str = "qwen-plus", **fields: Any) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(model=name, api_key="sk-test", **fields)


@pytest.fixture
def registry() -> Iterator[None]:
    """Remove what a test registered."""
    yield
    profiles.unregister("qwen5-plus", "qwen-plus", "my-model", "text-embedding-v9")


# ------------------------------------------------------------------------------------------------- follows the model


def test_the_profile_follows_the_model_of_a_copy() -> None:
    copied = model().model_copy(update={"model": "qwen3.8-max"})

    assert copied.profile == langchain_profile(profile_of("qwen3.8-max"))


def test_the_profile_of_a_copy_with_an_unknown_model_is_none() -> None:
    assert model().model_copy(update={"model": "my-model"}).profile is None


def test_the_profile_follows_an_unknown_model_to_a_known_one() -> None:
    copied = model("my-model").model_copy(update={"model": "qwen-plus"})

    assert copied.profile == langchain_profile(profile_of("qwen-plus"))


def test_the_profile_follows_a_configurable_model() -> None:
    configurable = model().configurable_fields(model=ConfigurableField(id="model"))
    prepared, _ = configurable.prepare({"configurable": {"model": "qwen3.8-max"}})  # type: ignore[attr-defined]  # of core

    assert prepared.profile == langchain_profile(profile_of("qwen3.8-max"))


@pytest.mark.parametrize("copy", [pickle.loads, None], ids=["pickled", "as it was"])
def test_the_profile_follows_the_model_of_a_restored_model(copy: Any) -> None:
    restored = copy(pickle.dumps(model())) if copy else model()

    assert restored.model_copy(update={"model": "qwen4-max"}).profile == langchain_profile(profile_of("qwen4-max"))


def test_a_given_profile_stays_with_every_copy() -> None:
    given = {"max_input_tokens": 7}
    llm = model(profile=given)
    configurable = llm.configurable_fields(model=ConfigurableField(id="model"))
    prepared, _ = configurable.prepare({"configurable": {"model": "qwen4-max"}})  # type: ignore[attr-defined]  # of core

    assert llm.model_copy(update={"model": "qwen4-max"}).profile == given
    assert prepared.profile == given


def test_a_profile_among_the_changes_of_a_copy_stays() -> None:
    copied = model().model_copy(update={"model": "qwen4-max", "profile": {"max_input_tokens": 7}})

    assert copied.model_copy(update={"model": "qwen-plus"}).profile == {"max_input_tokens": 7}


def test_structured_output_follows_the_model_of_the_call(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.answer('{"text": "Hi"}')

    stub.llm(server).with_structured_output(Answer, model="qwen3.7-plus").invoke("Hi")

    assert stub.parameters_sent(server)["response_format"]["type"] == "json_schema"


# ------------------------------------------------------------------------------------- wins over the catalogue


def sent(server: Server, stub: ProtocolStub, prompt: Any = "Hi", **fields: Any) -> Json:
    """Call a model without a warning, and return the parameters as they arrived."""
    options = {name: fields.pop(name) for name in ("tools", "tool_choice", "response_format") if name in fields}
    server.default = stub.reply_to
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".* was retired on")
        stub.llm(server, **fields).invoke(prompt, **options)
    return stub.parameters_sent(server)


@pytest.mark.parametrize("name", ["qwen-plus", "my-model"])
def test_a_given_structured_output_decides_the_method(server: Server, stub: ProtocolStub, name: str) -> None:
    server.default = lambda _: stub.answer('{"text": "Hi"}')
    llm = stub.llm(server, model=name, profile={"structured_output": True})

    llm.with_structured_output(Answer).invoke("Hi")

    assert stub.parameters_sent(server)["response_format"]["type"] == "json_schema"


def test_a_given_lack_of_structured_output_decides_the_method(server: Server, stub: ProtocolStub) -> None:
    reply = {"tool_calls": [{"id": "1", "function": {"name": "Answer", "arguments": '{"text": "Hi"}'}}]}
    server.default = lambda _: stub.answer_with(reply)
    llm = stub.llm(server, model="qwen3.7-plus", profile={"structured_output": False}, enable_thinking=False)

    assert llm.with_structured_output(Answer).invoke("Hi") == Answer(text="Hi")
    assert "response_format" not in stub.parameters_sent(server)


def test_a_given_lack_of_structured_output_refuses_a_json_schema() -> None:
    llm = model("my-model", profile={"structured_output": False}, base_model="qwen3.7-plus")

    with pytest.raises(UnsupportedInputError, match="JSON schema, which 'my-model' does not support"):
        llm.invoke("Hi", response_format=Answer)


@pytest.mark.parametrize("choice", ["required", NAMED], ids=["required", "named"])
def test_a_given_tool_choice_is_sent_unchanged_while_the_model_thinks(
    server: Server, stub: ProtocolStub, choice: Any
) -> None:
    parameters = sent(
        server, stub, model="qwen3.8-max", profile={"tool_choice": True}, tools=[TOOL, TOOL], tool_choice=choice
    )

    assert parameters["tool_choice"] == choice
    assert "enable_thinking" not in parameters


def test_a_given_lack_of_tool_choice_is_respected(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="my-model", profile={"tool_calling": True, "tool_choice": False})
    other = {**TOOL, "function": {**TOOL["function"], "name": "other"}}

    with pytest.warns(UserWarning, match="cannot be forced to call any of 2 tools"):
        llm.invoke("Hi", tools=[TOOL, other], tool_choice="required")

    assert stub.parameters_sent(server)["tool_choice"] == "auto"


def test_given_image_inputs_let_images_pass(server: Server, stub: ProtocolStub) -> None:
    sent(server, stub, [IMAGE], model="qwen-plus", profile={"image_inputs": True})

    assert "https://example.com/a.png" in str(stub.messages_sent(server))


def test_a_given_lack_of_image_inputs_refuses_images() -> None:
    with pytest.raises(UnsupportedInputError, match="accepts only audio, text, video"):
        model("my-model", profile={"image_inputs": False}).invoke([IMAGE])


def test_given_reasoning_lets_thinking_parameters_pass(server: Server, stub: ProtocolStub) -> None:
    parameters = sent(server, stub, model="qwen-max", profile={"reasoning_output": True}, enable_thinking=True)

    assert parameters["enable_thinking"] is True


def test_a_given_lack_of_reasoning_refuses_thinking_parameters() -> None:
    llm = model("my-model", profile={"reasoning_output": False}, enable_thinking=True)

    with pytest.raises(UnsupportedInputError, match="'my-model' does not think"):
        llm.invoke("Hi")


def test_a_given_reasoning_output_keeps_the_default_of_a_model_that_thinks() -> None:
    assert model("qwen3.8-max", profile={"reasoning_output": True})._profile_of("qwen3.8-max").thinking == "on"


def test_given_effort_levels_are_sent(server: Server, stub: ProtocolStub) -> None:
    profile = {"reasoning_effort_levels": ["low", "ultra"], "reasoning_effort_default": "low"}
    parameters = sent(server, stub, model="qwen3.8-max", profile=profile, reasoning_effort="ultra")

    assert parameters["reasoning_effort"] == "ultra"


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        ({"max_input_tokens": 7}, {"max_input_tokens": 7, "max_input_tokens_thinking": None}),
        ({"max_output_tokens": 7}, {"max_output_tokens": 7}),
        ({"tool_calling": False}, {"tool_calling": False, "tool_choice": frozenset()}),
        ({"tool_calling": True}, {"tool_choice": frozenset({"auto", "none", "function"})}),
        ({"audio_outputs": True}, {"outputs": frozenset({"text", "audio"})}),
        ({"structured_output": False}, {"json_output": "object_non_thinking"}),
        ({"name": "x"}, {"name": "qwen-plus"}),
        ({}, {"stated": frozenset()}),
    ],
    ids=lambda value: "-".join(value) or "empty",
)
def test_each_key_of_a_given_profile_is_a_fact(given: Any, facts: Json) -> None:
    profile = model(profile=given)._profile_of("qwen-plus")

    assert {name: getattr(profile, name) for name in facts} == facts


def test_tool_calling_of_a_model_without_tools_can_be_given() -> None:
    assert model("qwen-mt-plus", profile={"tool_calling": True})._profile_of("qwen-mt-plus").tool_choice == {
        "auto",
        "none",
    }


def test_a_given_profile_counts_for_the_model_of_a_call(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server, profile={"image_inputs": True}).invoke([IMAGE], model="qwen-flash")

    assert "https://example.com/a.png" in str(stub.messages_sent(server))


# ---------------------------------------------------------------------------------------------------------- register


@pytest.mark.usefixtures("registry")
def test_a_registered_profile_adds_a_model() -> None:
    profiles.register(Profile(name="qwen5-plus", kind="chat", thinking="only", native_endpoint="text"))

    assert profile_of("QWEN5-plus").thinking == "only"
    assert profile_of("qwen5-plus").known
    assert "qwen5-plus" in {profile.name for profile in profiles.catalogue()}


@pytest.mark.usefixtures("registry")
def test_a_registered_profile_replaces_a_row() -> None:
    before = profile_of("qwen-plus")
    profiles.register(Profile(name="qwen-plus", kind="chat", thinking="only", as_of=date(2026, 12, 1)))

    assert profile_of("qwen-plus").thinking == "only"
    profiles.unregister("qwen-plus", "never-registered")
    assert profile_of("qwen-plus") == before


@pytest.mark.usefixtures("registry")
def test_a_version_follows_a_registered_model() -> None:
    profiles.register(Profile(name="qwen5-plus", kind="chat", thinking="only", context=7))

    assert profile_of("qwen5-plus-2027-01-01").thinking == "only"
    assert profile_of("qwen5-plus-2027-01-01").context is None
    assert profile_of("qwen5-plus-latest").context == 7


@pytest.mark.usefixtures("registry")
def test_a_refusal_by_a_registered_profile_names_its_date() -> None:
    profiles.register(Profile(name="my-model", kind="chat", thinking="none", as_of=date(2026, 12, 1)))

    with pytest.raises(UnsupportedInputError, match=r"changed since 2026-12-01, pass `check_capabilities=False`"):
        model("my-model", enable_thinking=True).invoke("Hi")


@pytest.mark.usefixtures("registry")
def test_check_capabilities_false_keeps_a_registered_profile() -> None:
    profiles.register(Profile(name="my-model", kind="chat", thinking="none"))

    assert profile_of("my-model", enforced=False).thinking == "none"
    assert not profile_of("my-model", enforced=False).enforced


@pytest.mark.parametrize(
    "wrong", [Profile(), Profile(name=" "), {"name": "x"}, None], ids=["none", "blank", "dict", "None"]
)
def test_a_profile_without_a_name_is_not_registered(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="Profile 1 is"):
        profiles.register(Profile(name="my-model"), wrong)

    assert profile_of("my-model") == Profile()
