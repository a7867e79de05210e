"""Chat with servers that are not Model Studio, over HTTP: answers, tools, errors and usage in each way of calling."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_qwen_workspace import (
    AuthenticationError,
    ChatQwenWorkspace,
    ContextLengthError,
    InvalidRequestError,
    NotFoundError,
    QwenWorkspaceError,
    ServerError,
    WorkspaceUsageCallbackHandler,
)
from tests.support.server import Reply, Server, json_reply, stream_reply

Ask = Callable[[ChatQwenWorkspace], AIMessage]

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
MODEL = "Qwen/Qwen3-8B"
ANSWER = {
    "id": "chatcmpl-1",
    "model": MODEL,
    "choices": [{"index": 0, "message": {"content": "Hello", "reasoning": "One"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
DELTAS: list[dict[str, Any]] = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"reasoning": "One"}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
]


@tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"Sun in {city}"


@tool
def time(city: str) -> str:
    """Return the time of a city."""
    return f"Noon in {city}"


def model(server: Server, name: Any = "auto", **fields: Any) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(model=MODEL, base_url=f"{server.url}/v1", server=name, max_retries=0, **fields)


def frames(*events: Any) -> Reply:
    return stream_reply(*(f"data: {json.dumps(event)}\n\n".encode() for event in events), b"data: [DONE]\n\n")


def script_answer(server: Server) -> None:
    server.default = lambda received: frames(*DELTAS) if received.json.get("stream") else json_reply(ANSWER)


def test_an_answer_has_its_reasoning_and_names_its_server(server: Server, ask: Ask) -> None:
    script_answer(server)
    answer = ask(model(server, "vllm"))
    metadata = {name: answer.response_metadata[name] for name in ("server", "protocol", "region", "workspace_id")}
    assert (answer.text, answer.additional_kwargs["reasoning_content"]) == ("Hello", "One")
    assert metadata == {"server": "vllm", "protocol": "openai", "region": None, "workspace_id": None}


def test_reasoning_is_a_content_block(server: Server, ask: Ask) -> None:
    script_answer(server)
    assert ask(model(server)).content_blocks == [
        {"type": "reasoning", "reasoning": "One"},
        {"type": "text", "text": "Hello"},
    ]


def test_usage_is_counted_in_an_unknown_region(server: Server, ask: Ask) -> None:
    script_answer(server)
    usage = WorkspaceUsageCallbackHandler()
    ask(model(server, callbacks=[usage]))
    assert [(row.region, row.total_tokens) for row in usage.rows()] == [(None, 13)]
    assert "unknown" in usage.to_markdown()


@pytest.mark.filterwarnings("error")
def test_parameters_without_a_documentation_of_model_studio_warn_of_nothing(server: Server) -> None:
    script_answer(server)
    ChatQwenWorkspace(model=MODEL, base_url=f"{server.url}/v1").invoke("Hi", min_p=0.1)
    assert server.requests[-1].json["min_p"] == 0.1


# The name of a catalogue model that neither thinks nor follows a JSON schema.
def test_facts_about_model_studios_models_do_not_apply(server: Server) -> None:
    script_answer(server)
    llm = model(server).model_copy(update={"model": "qwen-max", "enable_thinking": True})
    llm.invoke("Hi")
    assert server.requests[-1].json["chat_template_kwargs"] == {"enable_thinking": True}


def test_a_base_model_gives_its_facts(server: Server) -> None:
    llm = model(server, base_model="qwen-plus")
    assert llm.profile is not None


def test_llama_cpp_is_forced_to_call_a_named_tool_by_the_only_way_it_has(server: Server) -> None:
    """It takes an object for "auto"."""
    script_answer(server)
    model(server, "llama_cpp").bind_tools([weather, time], tool_choice="time").invoke("Hi")
    sent = server.requests[-1].json
    assert sent["tool_choice"] == "required"
    assert [each["function"]["name"] for each in sent["tools"]] == ["time"]


def test_a_named_tool_is_forced_by_its_name_elsewhere(server: Server) -> None:
    script_answer(server)
    model(server, "vllm").bind_tools([weather, time], tool_choice="time").invoke("Hi")
    assert server.requests[-1].json["tool_choice"] == {"type": "function", "function": {"name": "time"}}


def test_structured_output_is_read(server: Server) -> None:
    class City(BaseModel):
        """A city."""

        name: str

    call = {"id": "1", "type": "function", "function": {"name": "City", "arguments": '{"name": "Bonn"}'}}
    message = {"content": "<think>One</think>", "tool_calls": [call]}
    server.script(json_reply({"choices": [{"message": message, "finish_reason": "tool_calls"}]}))
    assert model(server).with_structured_output(City).invoke("Hi") == City(name="Bonn")


# ---------------------------------------------------------------------------------------------------- errors

ERRORS: dict[str, tuple[int, Any, type[QwenWorkspaceError], str]] = {
    "vLLM: too long": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
        },
        ContextLengthError,
        "start the server with a longer context",
    ),
    "vLLM, older: no such model": (
        404,
        {
            "object": "error",
            "message": "The model `Qwen/Qwen3-8B` does not exist.",
            "type": "NotFoundError",
            "param": None,
            "code": 404,
        },
        NotFoundError,
        "its `/v1/models` lists",
    ),
    "vLLM: a key is wanted": (401, {"error": "Unauthorized"}, AuthenticationError, "pass it as `api_key=`"),
    "FastAPI: wrong path": (404, {"detail": "Not Found"}, NotFoundError, "ends in the path"),
    "SGLang: wrong parameter": (
        400,
        {"object": "error", "message": "n must be at least 1", "type": "BadRequestError", "param": None, "code": 400},
        InvalidRequestError,
        "n must be at least 1",
    ),
    "Ollama: no such model": (
        404,
        {"error": {"message": 'model "x" not found', "type": "not_found_error", "param": None, "code": None}},
        NotFoundError,
        'model "x" not found',
    ),
    "llama.cpp: too long": (
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size, try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5000,
                "n_ctx": 4096,
            }
        },
        ContextLengthError,
        "start the server with a longer context",
    ),
    "llama.cpp: loading": (
        503,
        {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
        ServerError,
        "Loading model",
    ),
    "LM Studio: no model": (
        400,
        {"error": {"message": "No models loaded.", "type": "invalid_request_error", "param": "model", "code": None}},
        InvalidRequestError,
        "No models loaded.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_has_its_class_and_no_hint_about_model_studio(server: Server, ask: Ask, case: str) -> None:
    status, body, error_class, text = ERRORS[case]
    server.script(json_reply(body, status))
    with pytest.raises(error_class) as caught:
        ask(model(server, "openai"))
    error = caught.value
    assert text in str(error)
    assert (error.server, error.region, error.workspace_id, error.status_code) == ("openai", None, None, status)
    assert "DASHSCOPE_REGION" not in str(error)
    assert "console" not in str(error)


def test_an_error_inside_a_stream_is_raised(server: Server) -> None:
    error = {"error": {"message": "engine died", "type": "InternalServerError", "param": None, "code": 500}}
    server.script(frames(DELTAS[1], DELTAS[0], error))
    with pytest.raises(ServerError, match="engine died") as caught:
        list(model(server, "vllm").stream("Hi"))
    assert caught.value.partial_message is not None
    assert caught.value.partial_message.additional_kwargs == {"reasoning_content": "One"}
