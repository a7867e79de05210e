"""LangChain's standard suites, for each protocol: with thinking off and on, and for models of other capabilities.

Tests that are skipped: `test_serdes`, since only LangChain's own packages can be loaded back; `test_pdf_inputs` and
`test_pdf_tool_message`, since no chat endpoint of Model Studio takes a PDF; images or audio with a model that takes
none: `qwen-plus` takes no images, only the omni models take audio. The suites have no test for videos.
"""

import base64
import io
import json
import wave
from typing import Any, ClassVar, Literal, TypeAlias

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langchain_tests.conftest import base_vcr_config
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.sandbox import Sandbox

MODEL = "qwen3.7-plus"

Detail: TypeAlias = Literal[
    "audio_input", "audio_output", "reasoning_output", "cache_read_input", "cache_creation_input"
]


# One pixel.
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _wav() -> bytes:
    """Return a hundredth of a second of silence."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(b"\0\0" * 80)
    return sound.getvalue()


class _Download:
    """The part of `httpx.get`'s response that the suites use."""

    def __init__(self, content: bytes) -> None:
        self.content = content


def _download(url: str, **_: Any) -> _Download:
    return _Download({"png": base64.b64decode(_PNG), "wav": _wav()}[url.rpartition(".")[2]])


def _without_headers(request: Any) -> Any:
    """Remove a recorded request's headers, the content type excepted: no key, nothing of the machine is recorded."""
    kept = {name: value for name, value in request.headers.items() if name.lower() == "content-type"}
    request.headers.clear()
    request.headers.update(kept)
    return request


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    """Return a configuration that replays recordings on any port of the sandbox.

    To record again: `pytest tests/project/test_standard.py -k stream_time --record-mode=rewrite -W ignore`.
    """
    config = {**base_vcr_config(), "match_on": ["method", "path", "body"], "before_record_request": _without_headers}
    # Without these two nothing is recorded unless asked for, and the files are where pytest-recording puts them.
    return {name: value for name, value in config.items() if name not in {"record_mode", "cassette_library_dir"}}


# ------------------------------------------------------------------------------------------------ unit suite


class UnitTests(ChatModelUnitTests):
    __test__ = False
    protocol: ClassVar[ProtocolName]
    options: ClassVar[dict[str, Any]] = {"enable_thinking": False}

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatQwenWorkspace

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": MODEL, "protocol": self.protocol, **self.options}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {"DASHSCOPE_API_KEY": "sk-env", "DASHSCOPE_WORKSPACE": "llm-env", "DASHSCOPE_REGION": "beijing"},
            self.chat_model_params,
            {"api_key": "sk-env", "workspace_id": "llm-env", "region": "cn-beijing"},
        )


class TestOpenAIUnit(UnitTests):
    __test__ = True
    protocol = "openai"


class TestDashScopeUnit(UnitTests):
    __test__ = True
    protocol = "dashscope"


class TestResponsesUnit(UnitTests):
    __test__ = True
    protocol = "responses"


class TestResponsesThinkingUnit(TestResponsesUnit):
    options: ClassVar[dict[str, Any]] = {"enable_thinking": True}


class TestOpenAIThinkingUnit(TestOpenAIUnit):
    options: ClassVar[dict[str, Any]] = {"enable_thinking": True}


class TestDashScopeThinkingUnit(TestDashScopeUnit):
    options: ClassVar[dict[str, Any]] = {"enable_thinking": True}


# ------------------------------------------------------------------------------------------------ integration suite


@tool
def magic_function(number: int) -> int:
    """Apply a magic function to a number."""
    return number + 2


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


class IntegrationTests(ChatModelIntegrationTests):
    """The suite for one model over one protocol, with every capability on that the model has."""

    __test__ = False
    protocol: ClassVar[ProtocolName]
    name: ClassVar[str] = MODEL
    options: ClassVar[dict[str, Any]] = {}
    other_name: ClassVar[str] = "qwen-plus"
    takes_images: ClassVar[bool] = True
    takes_audio: ClassVar[bool] = False
    details: ClassVar[list[Detail]] = ["cache_read_input", "cache_creation_input"]

    sandbox: Sandbox
    workspace: QwenWorkspace

    @pytest.fixture(autouse=True)
    def _offline(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox, self.workspace = sandbox, sandbox.workspace("standard")
        monkeypatch.setattr(httpx, "get", _download)
        monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "offline")

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatQwenWorkspace

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.name, "protocol": self.protocol, "workspace": self.workspace, **self.options}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return self.takes_images

    @property
    def supports_image_urls(self) -> bool:
        return self.takes_images

    @property
    def supports_image_tool_message(self) -> bool:
        return self.takes_images

    @property
    def supports_audio_inputs(self) -> bool:
        return self.takes_audio

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return self.other_name

    @property
    def enable_vcr_tests(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> dict[Literal["invoke", "stream"], list[Detail]]:
        return {"invoke": self.details, "stream": self.details}

    def llm(self, **fields: Any) -> ChatQwenWorkspace:
        return ChatQwenWorkspace(**{**self.chat_model_params, **fields})

    def ask(self, llm: ChatQwenWorkspace, prompt: Any, *, stream: bool) -> AIMessage:
        if not stream:
            return llm.invoke(prompt)
        first, *rest = llm.stream(prompt)
        return first + rest

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        message = self.ask(self.llm(enable_thinking=True), "Why is the sky blue?", stream=stream)
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_token_details"]["reasoning"] > 0
        return message

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        sound = {"type": "audio", "base64": base64.b64encode(_wav()).decode(), "mime_type": "audio/wav"}
        prompt = [HumanMessage([{"type": "text", "text": "What is this?"}, sound])]
        message = self.ask(self.llm(), prompt, stream=stream)
        assert message.usage_metadata is not None
        assert message.usage_metadata["input_token_details"]["audio"] > 0
        return message

    # The sandbox neither caches nor speaks, so that it is given the counts of the documentation's examples
    # (Model Studio docs, context cache and Qwen-Omni, 2026-09).

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        message = self._ask_for_counts(stream, {"prompt_tokens_details": {"cached_tokens": 2048}})
        assert message.usage_metadata is not None
        assert message.usage_metadata["input_token_details"]["cache_read"] == 2048
        return message

    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        written = {
            "cached_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 1605},
            "cache_creation_input_tokens": 1605,
            "cache_type": "ephemeral",
        }
        message = self._ask_for_counts(stream, {"prompt_tokens_details": written})
        assert message.usage_metadata is not None
        assert message.usage_metadata["input_token_details"]["cache_creation"] == 1605
        return message

    def invoke_with_audio_output(self, *, stream: bool = False) -> AIMessage:
        details = {"completion_tokens_details": {"audio_tokens": 60, "text_tokens": 44}}
        spoken = {"audio": {"data": "UklGRg==", "transcript": "Hello"}}
        options = {"modalities": ["text", "audio"], "audio": {"voice": "Cherry", "format": "wav"}}
        message = self._ask_for_counts(stream, details, message=spoken, events=True, **options)
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_token_details"]["audio"] == 60
        return message

    def _ask_for_counts(
        self,
        stream: bool,
        details: dict[str, Any],
        *,
        message: dict[str, Any] | None = None,
        events: bool = False,
        **options: Any,
    ) -> AIMessage:
        """Let the sandbox answer with these counts, and return the answer."""
        events = events or stream
        self.sandbox.fail_next(
            status=200,
            body=self._body(details, message or {}, events=events),
            headers={"content-type": "text/event-stream" if events else "application/json"},
        )
        return self.ask(self.llm(**options), "Hello", stream=stream)

    def _body(self, details: dict[str, Any], message: dict[str, Any], *, events: bool) -> str:
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        content = {"role": "assistant", "content": "Hello", **message}
        if self.protocol == "responses":
            return self._responses_body(details, events=events)
        if self.protocol == "dashscope":
            usage = {"input_tokens": 3019, "output_tokens": 104, "total_tokens": 3123, **details}
            body = {"output": {"choices": [{**choice, "message": content}]}, "usage": usage, "request_id": "r"}
            return f"event:result\ndata:{json.dumps(body)}\n\n" if events else json.dumps(body)
        usage = {"prompt_tokens": 3019, "completion_tokens": 104, "total_tokens": 3123, **details}
        common = {"id": "chatcmpl-1", "model": self.name}
        if not events:
            return json.dumps({**common, "choices": [{**choice, "message": content}], "usage": usage})
        frames: list[dict[str, Any]] = [
            {"choices": [{**choice, "delta": content}], "usage": None},
            {"choices": [], "usage": usage},
        ]
        return "".join(f"data: {json.dumps({**common, **frame})}\n\n" for frame in frames) + "data: [DONE]\n\n"

    def _responses_body(self, details: dict[str, Any], *, events: bool) -> str:
        named = {name.replace("prompt", "input"): value for name, value in details.items()}
        usage = {"input_tokens": 3019, "output_tokens": 104, "total_tokens": 3123, **named}
        content = [{"type": "output_text", "text": "Hello", "annotations": []}]
        item = {"id": "msg_1", "type": "message", "role": "assistant", "content": content}
        body = {"id": "r", "model": self.name, "status": "completed", "output": [item], "usage": usage}
        frame = {"type": "response.completed", "response": body}
        return f"event:response.completed\ndata:{json.dumps(frame)}\n\n" if events else json.dumps(body)


class QwenTests(IntegrationTests):
    """Models that can be forced to call one tool by name, but not any of several."""

    @pytest.mark.xfail(reason="Qwen cannot be forced to call any of two tools, only one by its name")
    def test_tool_choice(self, model: BaseChatModel) -> None:
        try:
            super().test_tool_choice(model)
        except UserWarning as warning:
            pytest.fail(str(warning), pytrace=False)

    @pytest.mark.parametrize("named", ["magic_function", "weather"])
    def test_tool_choice_by_name(self, model: BaseChatModel, named: str) -> None:
        message = model.bind_tools([magic_function, weather], tool_choice=named).invoke("Hello!")

        assert isinstance(message, AIMessage)
        assert [call["name"] for call in message.tool_calls] == [named]

    def test_tool_choice_of_the_only_tool(self, model: BaseChatModel) -> None:
        message = model.bind_tools([magic_function], tool_choice="any").invoke("Hello!")

        assert isinstance(message, AIMessage)
        assert [call["name"] for call in message.tool_calls] == ["magic_function"]


# A class of pydantic v1 has no JSON schema, so that it is asked for by function calling, with a warning.
@pytest.mark.filterwarnings("ignore:.*is a class of pydantic v1.*:UserWarning")
class PlainTests(QwenTests):
    options: ClassVar[dict[str, Any]] = {"enable_thinking": False}
    details: ClassVar[list[Detail]] = [*IntegrationTests.details, "reasoning_output"]

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "json_schema"}


class TestOpenAI(PlainTests):
    __test__ = True
    protocol = "openai"


class TestDashScope(PlainTests):
    __test__ = True
    protocol = "dashscope"


class ResponsesTests(QwenTests):
    """Over this protocol no model stops at texts, and structured output is asked for by function calling."""

    protocol = "responses"
    other_name = "qwen3.8-max"

    @property
    def supports_json_mode(self) -> bool:
        return False

    @pytest.mark.xfail(reason="`stop` does not exist over this protocol", raises=UnsupportedInputError, strict=True)
    def test_stop_sequence(self, model: BaseChatModel) -> None:
        super().test_stop_sequence(model)


class TestResponses(ResponsesTests):
    __test__ = True
    options: ClassVar[dict[str, Any]] = {"enable_thinking": False}
    details: ClassVar[list[Detail]] = [*IntegrationTests.details, "reasoning_output"]


# A forced tool call, as structured output by function calling is, switches thinking off for the call.
@pytest.mark.filterwarnings("ignore:.*cannot be forced to call a tool while it thinks.*:UserWarning")
class ThinkingTests(QwenTests):
    options: ClassVar[dict[str, Any]] = {"enable_thinking": True}
    details: ClassVar[list[Detail]] = [*IntegrationTests.details, "reasoning_output"]

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "function_calling"}


class TestOpenAIThinking(ThinkingTests):
    __test__ = True
    protocol = "openai"


class TestDashScopeThinking(ThinkingTests):
    __test__ = True
    protocol = "dashscope"


@pytest.mark.filterwarnings("ignore:.*cannot be forced to call a tool while it thinks.*:UserWarning")
class TestResponsesThinking(ResponsesTests):
    __test__ = True
    options: ClassVar[dict[str, Any]] = {"enable_thinking": True}
    details: ClassVar[list[Detail]] = [*IntegrationTests.details, "reasoning_output"]


class TextTests(QwenTests):
    """A model of DashScope's text endpoint, with its default method of structured output: `function_calling`."""

    name = "qwen-plus"
    other_name = MODEL
    takes_images = False


class TestOpenAIText(TextTests):
    __test__ = True
    protocol = "openai"


class TestDashScopeText(TextTests):
    __test__ = True
    protocol = "dashscope"


@pytest.mark.filterwarnings("ignore:.*documents only basic compatibility.*:UserWarning")
class TestResponsesText(ResponsesTests):
    __test__ = True
    name = "qwen-plus"
    other_name = MODEL
    takes_images = False


class OmniTests(QwenTests):
    """A model that takes audio, and that must stream to call tools or to speak."""

    name = "qwen3.5-omni-plus"
    takes_audio = True
    details: ClassVar[list[Detail]] = [*IntegrationTests.details, "audio_input"]


class TestOpenAIOmni(OmniTests):
    __test__ = True
    protocol = "openai"
    # How it speaks over DashScope is not documented.
    details: ClassVar[list[Detail]] = [*OmniTests.details, "audio_output"]


class TestDashScopeOmni(OmniTests):
    __test__ = True
    protocol = "dashscope"


class TestResponsesOmni(ResponsesTests):
    __test__ = True
    name = "qwen3.8-omni-flash"
    options: ClassVar[dict[str, Any]] = {"enable_thinking": False}
    takes_audio = True


class RequiredTests(IntegrationTests):
    """A model that can be forced to call any of several tools, so that `test_tool_choice` passes, and always thinks."""

    name = "kimi-k3"
    other_name = MODEL
    details: ClassVar[list[Detail]] = [*IntegrationTests.details, "reasoning_output"]


class TestOpenAIRequired(RequiredTests):
    __test__ = True
    protocol = "openai"


class TestDashScopeRequired(RequiredTests):
    __test__ = True
    protocol = "dashscope"


class TestResponsesRequired(ResponsesTests):
    """Over this protocol it can only be forced to call a tool by name."""

    __test__ = True
    name = "kimi-k3"
    other_name = MODEL
    details: ClassVar[list[Detail]] = [*IntegrationTests.details, "reasoning_output"]


# ------------------------------------------------------------------------------------------------ completeness


@pytest.mark.parametrize("suite", [UnitTests, IntegrationTests])
def test_every_protocol_runs_the_same_suites_with_thinking_off_and_on(
    suite: type[UnitTests] | type[IntegrationTests],
) -> None:
    suites = [item for item in globals().values() if isinstance(item, type) and issubclass(item, suite)]
    running = [item for item in suites if item.__name__.startswith("Test")]
    names: dict[str, set[str]] = {}
    for protocol in PROTOCOLS:
        own = [item for item in running if item.protocol == protocol]
        names[protocol] = {item.__name__.lower().replace(protocol, "") for item in own}
        assert {item.options.get("enable_thinking") for item in own} >= {True, False}
    assert [own for own in names.values() if own != names["openai"]] == []
