"""Reads the parameters of a chat request, and refuses what the service refuses.

The names are those of both chat protocols; `responses` translates its own. Rules and texts: Model Studio docs, chat and
DashScope references and error-code page, 2026-08-18 and newer. Texts marked "our text" were made up for the sandbox;
the docs give none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_qwen_workspace.sandbox._calls import Protocol
from langchain_qwen_workspace.sandbox._chat import rules
from langchain_qwen_workspace.sandbox._chat.conversation import ChatRequest, Message, OutputFormat, Tool
from langchain_qwen_workspace.sandbox._errors import (
    check_keys,
    inference_error,
    missing_parameter_error,
    parameter_error,
)
from langchain_qwen_workspace.sandbox._models import ChatModel

# Parameters of openai and of dashscope, including three that the service accepts although its reference does not name
# them: `frequency_penalty`, `logit_bias` and `user`.
_SHARED_NAMES = """
    temperature top_p top_k repetition_penalty presence_penalty frequency_penalty logit_bias
    user max_tokens max_completion_tokens n seed stop logprobs top_logprobs response_format
    tools tool_choice parallel_tool_calls tool_stream enable_thinking thinking_budget
    reasoning_effort preserve_thinking clear_thinking enable_search search_options
    enable_code_interpreter vl_high_resolution_images modalities audio translation_options
    ocr_options skill max_input_tokens thinking_display cache_control prompt_cache_options
"""
SHARED = frozenset(_SHARED_NAMES.split())

_STREAM_ONLY = "This model only support stream mode, please enable the stream parameter to access the model."
_UNSUPPORTED_TOOL_CHOICE = 'tool_choice is one of the strings that should be ["none", "auto"]'
_FORCED_WHILE_THINKING = "The tool_choice parameter does not support being set to required or object in thinking mode"
_MAX_LOGPROBS = 5
_MAX_CHOICES = 4
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_EFFORTS = ("none", "off", "minimal", "low", "medium", "high", "xhigh", "max")


def _is_of_type(value: Any, *kinds: type) -> bool:
    """Return whether a JSON value is of one of the types; `True` is not a number."""
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


_NUMBERS: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("temperature", lambda v: 0 <= v < 2, "Temperature should be in [0.0, 2.0)"),  # noqa: PLR2004 - the text says what it is
    ("top_p", lambda v: 0 < v <= 1, "Range of top_p should be (0.0, 1.0]"),
    ("top_k", lambda v: v >= 0, "Parameter top_k be greater than or equal to 0"),
    ("repetition_penalty", lambda v: v > 0, "Repetition_penalty should be greater than 0.0"),
    ("presence_penalty", lambda v: -2 <= v <= 2, "Presence_penalty should be in [-2.0, 2.0]"),  # noqa: PLR2004 - same
)
_FLAGS = (
    "parallel_tool_calls",
    "tool_stream",
    "enable_thinking",
    "preserve_thinking",
    "enable_search",
    "logprobs",
)


def read_parameters(
    model: ChatModel,
    messages: tuple[Message, ...],
    given: Mapping[str, Any],
    protocol: Protocol,
    *,
    stream: bool,
) -> ChatRequest:
    """Check the parameters of a chat request.

    Args:
        model: The requested model.
        messages: The conversation.
        given: The parameters by name; those of `SHARED` are read.
        protocol: The protocol, for the limits that differ.
        stream: Whether the answer is streamed.

    Returns:
        The chat request.

    Raises:
        Refusal: If the service would refuse a parameter.
    """
    sent = {name: given[name] for name in SHARED if given.get(name) is not None}
    _check_types(sent)
    _check_seed(sent, protocol)
    _check_limits(sent, model)
    thinking = _read_thinking(sent, model, stream=stream)
    tools = _read_tools(sent, model)
    output_format, schema = _read_output_format(sent, model, messages)
    request = ChatRequest(
        model=model,
        messages=messages,
        tools=tools,
        tool_choice=_read_tool_choice(sent, tools, model, thinking=thinking),
        parallel=bool(sent.get("parallel_tool_calls")),
        thinking=thinking,
        thinking_budget=sent.get("thinking_budget"),
        output_format=output_format,
        schema=schema,
        stop=_read_stop(sent.get("stop")),
        max_answer=None if model.caps_thinking else sent.get("max_tokens"),
        max_total=sent.get("max_completion_tokens") or (sent.get("max_tokens") if model.caps_thinking else None),
        choices=_read_choices(sent, thinking=thinking),
        logprobs=_read_logprobs(sent),
        target_language=_read_target_language(sent, model, messages),
        search=_read_search(sent, model),
        tool_stream=bool(sent.get("tool_stream")),
        summarized=model.summarizes and sent.get("thinking_display") == "summarized",
    )
    if rules.usage(request, ()).input > model.max_input:
        raise inference_error(f"Range of input length should be [1, {model.max_input}]")
    return request


def _check_types(sent: Mapping[str, Any]) -> None:
    for name, fits, text in _NUMBERS:
        if name in sent and not (_is_of_type(sent[name], int, float) and fits(sent[name])):
            raise inference_error(text)
    for name in _FLAGS:
        if name in sent and not _is_of_type(sent[name], bool):
            raise parameter_error(f"{sent[name]!r} is not of type 'boolean' - '{name}'")


def _check_seed(sent: Mapping[str, Any], protocol: Protocol) -> None:
    seed = sent.get("seed", 0)
    if not (_is_of_type(seed, int) and 0 <= seed <= protocol.max_seed):
        raise protocol.seed_error(seed, protocol.max_seed)


def _check_limits(sent: Mapping[str, Any], model: ChatModel) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        most = model.max_output if name == "max_tokens" else model.max_output + model.max_thinking
        if name in sent and not (_is_of_type(sent[name], int) and 1 <= sent[name] <= most):
            raise inference_error(f"Range of max_tokens should be [1, {most}]")
    most = model.max_thinking
    if "thinking_budget" in sent and not (
        _is_of_type(sent["thinking_budget"], int) and 1 <= sent["thinking_budget"] <= most
    ):
        raise inference_error(f"The thinking_budget parameter must be a positive integer and not greater than {most}")


def _read_thinking(sent: Mapping[str, Any], model: ChatModel, *, stream: bool) -> bool:
    """Return whether the model reasons; refuse what it does not support."""
    wanted = sent.get("enable_thinking")
    effort = sent.get("reasoning_effort")
    if effort is not None and effort not in _EFFORTS:
        raise parameter_error(f"'{effort}' is not one of {list(_EFFORTS)} - 'reasoning_effort'")
    if effort is not None and "thinking_budget" in sent and model.one_control:
        raise parameter_error("thinking_budget and reasoning_effort cannot be set at the same time.")  # our text
    if effort is not None and wanted is None:
        wanted = effort not in ("none", "off")
    if model.thinking == "none" and wanted is not None:
        text = f"The model {model.name} does not support enable_thinking."
        raise parameter_error(text, code="InvalidParameter.NotSupportEnableThinking")
    if model.thinking == "only" and wanted is False:
        raise parameter_error("The value of the enable_thinking parameter is restricted to True.")
    thinking = model.thinking in ("on", "only") if wanted is None else bool(wanted)
    if not stream and (model.stream_only == "always" or (model.streams_tools and "tools" in sent)):
        raise parameter_error(_STREAM_ONLY)
    if model.stream_only == "thinking" and thinking and not stream:
        raise parameter_error("parameter.enable_thinking must be set to false for non-streaming calls")
    return thinking


def _read_tools(sent: Mapping[str, Any], model: ChatModel) -> tuple[Tool, ...]:
    raw = sent.get("tools")
    if raw is None:
        return ()
    if not isinstance(raw, list) or not raw:
        raise parameter_error(f"{raw!r} is too short - 'tools'")
    if not model.tools:
        raise inference_error("The tool call is not supported.")
    return tuple(_read_tool(tool, f"tools.{at}") for at, tool in enumerate(raw))


def _read_tool(raw: Any, where: str) -> Tool:
    function = raw.get("function") if isinstance(raw, Mapping) else None
    if not isinstance(function, Mapping) or raw.get("type") != "function":
        raise parameter_error(f"Required parameter(function, type) missing or invalid - '{where}'")
    check_keys(raw, ("type", "function", "cache_control"), where)
    check_keys(function, ("name", "description", "parameters", "strict"), f"{where}.function")
    name = function.get("name")
    if not isinstance(name, str) or not _TOOL_NAME.match(name):
        raise inference_error(f"Tool names should be letters, digits, '_' and '-', at most 64 - '{where}'")  # our text
    if name == "search":
        raise inference_error("Tool names are not allowed to be [search]")
    schema = function.get("parameters") or {}
    if isinstance(schema, list):
        schema = _schema_from_list(schema)
    if not isinstance(schema, Mapping):
        raise parameter_error(f"{schema!r} is not of type 'object' - '{where}.function.parameters'")
    _check_schema(schema, f"{where}.function.parameters")
    return Tool(name, str(function.get("description") or ""), schema)


def _check_schema(schema: Any, where: str) -> None:
    """Refuse a schema, at any depth, from which no answer can be made."""
    properties = (schema.get("properties") or {}) if isinstance(schema, Mapping) else None
    required = (schema.get("required") or []) if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or not isinstance(required, list) or not _are_strings(required):
        raise parameter_error(f"{schema!r:.80} is not a valid schema - '{where}'")  # our text
    for name, inner in properties.items():
        _check_schema(inner, f"{where}.properties.{name}")
    if "items" in schema:
        _check_schema(schema["items"], f"{where}.items")


def _are_strings(items: list[Any]) -> bool:
    return all(isinstance(item, str) for item in items)


def _schema_from_list(raw: list[Any]) -> dict[str, Any]:
    """Return the schema of parameters given as a list, which the service accepts too (recorded 2026, qwen-max)."""
    listed = [item for item in raw if isinstance(item, Mapping) and "name" in item]
    properties = {item["name"]: {k: v for k, v in item.items() if k not in ("name", "required")} for item in listed}
    return {"type": "object", "properties": properties, "required": [i["name"] for i in listed if i.get("required")]}


def _read_tool_choice(sent: Mapping[str, Any], tools: Sequence[Tool], model: ChatModel, *, thinking: bool) -> str:
    choice = sent.get("tool_choice", "auto")
    if choice in ("auto", "none"):
        return str(choice)
    if choice == "required" and model.accepts_required:
        return "required" if tools else "auto"
    function = choice.get("function") if isinstance(choice, Mapping) and choice.get("type") == "function" else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if choice != "required" and not isinstance(name, str):
        raise inference_error(_UNSUPPORTED_TOOL_CHOICE)
    if thinking:
        raise inference_error(_FORCED_WHILE_THINKING)
    if not isinstance(name, str):
        raise inference_error(_UNSUPPORTED_TOOL_CHOICE)
    if name not in [tool.name for tool in tools]:
        raise inference_error(f"tool_choice names the function '{name}', which is not in tools.")  # our text
    return name


def _read_output_format(
    sent: Mapping[str, Any], model: ChatModel, messages: Sequence[Message]
) -> tuple[OutputFormat, Mapping[str, Any] | None]:
    raw = sent.get("response_format")
    if raw is None:
        return "text", None
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise inference_error(
            "Unknown format of response_format, response_format should be a dict, includes 'type' and an optional "
            f"key 'json_schema'. The response_format type from user is {kind}."
        )
    check_keys(raw, ("type", "json_schema"), "response_format")
    if kind == "text" or model.json == "none":
        return "text", None
    # Media, and models without schema support, turn a schema into plain JSON mode
    # (Model Studio docs, structured output, 2026-08-20 or newer).
    if kind == "json_schema" and model.json == "schema" and not any(message.media for message in messages):
        return "schema", _read_response_schema(raw)
    if not any("json" in message.text.lower() for message in messages if message.role in ("system", "user")):
        raise inference_error(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
    return "object", None


def _read_response_schema(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    described = raw.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if not isinstance(described, Mapping) or not isinstance(schema, Mapping) or not described.get("name"):
        raise missing_parameter_error("json_schema")
    check_keys(described, ("name", "description", "schema", "strict"), "response_format.json_schema")
    return schema


def _read_stop(raw: Any) -> tuple[str, ...]:
    """Return the stop texts. Token ids are accepted without effect: the sandbox has no vocabulary."""
    if raw is None:
        return ()
    items = raw if isinstance(raw, list) else [raw]
    if isinstance(raw, str | list) and all(isinstance(item, str) for item in items):
        return tuple(filter(None, items))
    if isinstance(raw, list) and (_are_integers(raw) or all(_are_integers(item) for item in raw)):
        return ()
    raise inference_error(
        'The "stop" parameter must be of type "str", "list[str]", "list[int]", or "list[list[int]]", and all '
        "elements within the list must be of the same type."
    )


def _are_integers(items: Any) -> bool:
    return isinstance(items, list) and all(_is_of_type(item, int) for item in items)


def _read_choices(sent: Mapping[str, Any], *, thinking: bool) -> int:
    number = sent.get("n", 1)
    if not _is_of_type(number, int) or not 1 <= number <= _MAX_CHOICES:
        raise inference_error(f"Range of n should be [1, {_MAX_CHOICES}]")
    if number > 1 and ("tools" in sent or thinking):
        raise inference_error("n should be 1 when tools are given or the model thinks.")  # our text
    return int(number)


def _read_logprobs(sent: Mapping[str, Any]) -> int | None:
    top = sent.get("top_logprobs", 0)
    if not _is_of_type(top, int) or not 0 <= top <= _MAX_LOGPROBS:
        raise inference_error(f"Range of top_logprobs should be [0, {_MAX_LOGPROBS}]")
    return int(top) if sent.get("logprobs") else None


def _read_target_language(sent: Mapping[str, Any], model: ChatModel, messages: Sequence[Message]) -> str | None:
    if not model.translates:
        return None
    if any(message.role not in ("user", "assistant") for message in messages):
        raise inference_error("Role must be in [user, assistant]")
    options = sent.get("translation_options")
    target = options.get("target_lang") if isinstance(options, Mapping) else None
    if not isinstance(target, str):
        raise missing_parameter_error("translation_options")
    return target


def _read_search(sent: Mapping[str, Any], model: ChatModel) -> bool:
    wanted = bool(sent.get("enable_search"))
    if wanted and not model.search:
        raise inference_error("This model does not support enable_search.")
    return wanted
