"""The parameters of a generation request: refused where the service refuses them, else made an `Ask`.

The names are the same on both wires. Rules and texts: Model Studio docs, chat and DashScope references and
error-code page, 2026-08-18 and newer. Texts marked "own words" are the sandbox's; the docs give none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langchain_qwen_workspace.sandbox._chat import rules
from langchain_qwen_workspace.sandbox._chat.conversation import Ask, Tool, Turn
from langchain_qwen_workspace.sandbox._chat.messages import check_keys
from langchain_qwen_workspace.sandbox._errors import Refusal, refuse, refuse_algo
from langchain_qwen_workspace.sandbox._models import ChatModel

# Parameters of both wires, including those the service takes without a word in its reference:
# `frequency_penalty`, `logit_bias` and `user`.
_SHARED_NAMES = """
    temperature top_p top_k repetition_penalty presence_penalty frequency_penalty logit_bias
    user max_tokens max_completion_tokens n seed stop logprobs top_logprobs response_format
    tools tool_choice parallel_tool_calls tool_stream enable_thinking thinking_budget
    reasoning_effort preserve_thinking clear_thinking enable_search search_options
    enable_code_interpreter vl_high_resolution_images modalities audio translation_options
    ocr_options skill max_input_tokens
"""
SHARED = frozenset(_SHARED_NAMES.split())

_SEED_LIMIT = {"compatible": 2**31 - 1, "native": 2**63 - 1}
_MAX_LOGPROBS = 5
_MAX_CHOICES = 4
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _is(value: Any, *kinds: type) -> bool:
    """Whether a JSON value is of a kind; `True` is no number."""
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


def read_ask(
    model: ChatModel,
    turns: tuple[Turn, ...],
    given: Mapping[str, Any],
    *,
    stream: bool,
    wire: Literal["compatible", "native"],
) -> Ask:
    """What a request asks for, after every check of its parameters.

    Args:
        model: The asked model.
        turns: The conversation.
        given: The parameters by name.
        stream: Whether the answer is to be streamed.
        wire: The wire, for the limits that differ.

    Returns:
        The request in the sandbox's own words.

    Raises:
        Refusal: If the service would refuse it.
    """
    said = {name: value for name, value in given.items() if value is not None}
    _check_numbers(said, wire)
    _check_limits(said, model)
    thinks = _thinking(said, model, stream=stream)
    tools = _tools(said, model)
    form, schema = _form(said, model, turns)
    asked = Ask(
        model=model,
        turns=turns,
        tools=tools,
        choice=_choice(said, tools, model, thinking=thinks),
        parallel=bool(said.get("parallel_tool_calls")),
        thinking=thinks,
        thinking_budget=said.get("thinking_budget"),
        form=form,
        schema=schema,
        stop=_stop(said.get("stop")),
        max_answer=None if model.caps_thinking else said.get("max_tokens"),
        max_total=said.get("max_completion_tokens") or (said.get("max_tokens") if model.caps_thinking else None),
        choices=_choices(said, thinking=thinks),
        logprobs=_logprobs(said),
        target_language=_translation(said, model, turns),
        search=_search(said, model),
        tool_stream=bool(said.get("tool_stream")),
    )
    _check_length(asked)
    return asked


def _check_numbers(said: Mapping[str, Any], wire: str) -> None:
    for name, fits, text in _NUMBERS:
        if name in said and not (_is(said[name], int, float) and fits(said[name])):
            raise refuse_algo(text)
    for name in _FLAGS:
        if name in said and not _is(said[name], bool):
            raise refuse(f"{said[name]!r} is not of type 'boolean' - '{name}'")
    seed = said.get("seed", 0)
    limit = _SEED_LIMIT[wire]
    if _is(seed, int) and 0 <= seed <= limit:
        return
    if wire == "native":
        raise refuse_algo(f"Range of seed should be [0, {limit}]")
    side = "lesser than the minimum of 0 - 'seed'" if _is(seed, int) and seed < 0 else f"greater than {limit} - 'seed'"
    raise Refusal(f"{seed} is {side}", fixed_code="invalid_value", by_model=True)


def _check_length(asked: Ask) -> None:
    most = asked.model.max_input
    if rules.usage(asked, ()).input > most:
        raise refuse_algo(f"Range of input length should be [1, {most}]")


def _check_limits(said: Mapping[str, Any], model: ChatModel) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        most = model.max_output if name == "max_tokens" else model.max_output + model.max_thinking
        if name in said and not (_is(said[name], int) and 1 <= said[name] <= most):
            raise refuse_algo(f"Range of max_tokens should be [1, {most}]")
    most = model.max_thinking
    if "thinking_budget" in said and not (_is(said["thinking_budget"], int) and 1 <= said["thinking_budget"] <= most):
        raise refuse_algo(f"The thinking_budget parameter must be a positive integer and not greater than {most}")


def _thinking(said: Mapping[str, Any], model: ChatModel, *, stream: bool) -> bool:
    """Whether the model reasons, and whether it may in this way."""
    wanted = said.get("enable_thinking")
    effort = said.get("reasoning_effort")
    if effort is not None and effort not in _EFFORTS:
        raise refuse(f"'{effort}' is not one of {list(_EFFORTS)} - 'reasoning_effort'")
    if effort is not None and "thinking_budget" in said and model.one_control:
        raise refuse("thinking_budget and reasoning_effort cannot be set at the same time.")  # own words
    if effort is not None and wanted is None:
        wanted = effort != "none"
    if model.thinking == "none" and wanted is not None:
        text = f"The model {model.name} does not support enable_thinking."
        raise refuse(text, code="InvalidParameter.NotSupportEnableThinking")
    if model.thinking == "only" and wanted is False:
        raise refuse("The value of the enable_thinking parameter is restricted to True.")
    thinks = model.thinking in ("on", "only") if wanted is None else bool(wanted)
    if model.stream_only == "always" and not stream:
        raise refuse("This model only support stream mode, please enable the stream parameter to access the model.")
    if model.streams_tools and "tools" in said and not stream:
        raise refuse("This model only support stream mode, please enable the stream parameter to access the model.")
    if model.stream_only == "thinking" and thinks and not stream:
        raise refuse("parameter.enable_thinking must be set to false for non-streaming calls")
    return thinks


def _tools(said: Mapping[str, Any], model: ChatModel) -> tuple[Tool, ...]:
    raw = said.get("tools")
    if raw is None:
        return ()
    if not isinstance(raw, list) or not raw:
        raise refuse(f"{raw!r} is too short - 'tools'")
    if not model.tools:
        raise refuse_algo("The tool call is not supported.")
    return tuple(_tool(tool, f"tools.{at}") for at, tool in enumerate(raw))


def _tool(raw: Any, where: str) -> Tool:
    function = raw.get("function") if isinstance(raw, Mapping) else None
    if not isinstance(function, Mapping) or raw.get("type") != "function":
        raise refuse(f"Required parameter(function, type) missing or invalid - '{where}'")
    check_keys(raw, ("type", "function", "cache_control"), where)
    check_keys(function, ("name", "description", "parameters", "strict"), f"{where}.function")
    name = function.get("name")
    if not isinstance(name, str) or not _TOOL_NAME.match(name):
        raise refuse_algo(f"Tool names should be letters, digits, '_' and '-', at most 64 - '{where}'")  # own words
    if name == "search":
        raise refuse_algo("Tool names are not allowed to be [search]")
    schema = function.get("parameters") or {}
    if isinstance(schema, list):
        schema = _listed_schema(schema)
    if not isinstance(schema, Mapping):
        raise refuse(f"{schema!r} is not of type 'object' - '{where}.function.parameters'")
    _check_schema(schema, f"{where}.function.parameters")
    return Tool(name, str(function.get("description") or ""), schema)


def _check_schema(schema: Any, where: str) -> None:
    """Refuse what no answer can be made from, at any depth."""
    properties = (schema.get("properties") or {}) if isinstance(schema, Mapping) else None
    required = (schema.get("required") or []) if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or not isinstance(required, list) or not _are_texts(required):
        raise refuse(f"{schema!r:.80} is not a valid schema - '{where}'")  # own words
    for name, inner in properties.items():
        _check_schema(inner, f"{where}.properties.{name}")
    if "items" in schema:
        _check_schema(schema["items"], f"{where}.items")


def _are_texts(items: list[Any]) -> bool:
    return all(isinstance(item, str) for item in items)


def _listed_schema(raw: list[Any]) -> dict[str, Any]:
    """The schema of parameters given as a list, a form the service accepts too (recorded 2026, qwen-max)."""
    listed = [item for item in raw if isinstance(item, Mapping) and "name" in item]
    properties = {item["name"]: {k: v for k, v in item.items() if k not in ("name", "required")} for item in listed}
    return {"type": "object", "properties": properties, "required": [i["name"] for i in listed if i.get("required")]}


def _choice(said: Mapping[str, Any], tools: Sequence[Tool], model: ChatModel, *, thinking: bool) -> str:
    choice = said.get("tool_choice", "auto")
    if choice in ("auto", "none"):
        return str(choice)
    if choice == "required" and model.required:
        return "required" if tools else "auto"
    if isinstance(choice, str):
        if thinking and choice == "required":
            raise refuse_algo(
                "The tool_choice parameter does not support being set to required or object in thinking mode"
            )
        raise refuse_algo('tool_choice is one of the strings that should be ["none", "auto"]')
    named = choice.get("function") if isinstance(choice, Mapping) else None
    name = named.get("name") if isinstance(named, Mapping) else None
    if not isinstance(choice, Mapping) or choice.get("type") != "function" or not isinstance(name, str):
        raise refuse_algo('tool_choice is one of the strings that should be ["none", "auto"]')
    if thinking:
        raise refuse_algo("The tool_choice parameter does not support being set to required or object in thinking mode")
    if name not in [tool.name for tool in tools]:
        raise refuse_algo(f"tool_choice names the function '{name}', which is not in tools.")  # own words
    return name


def _form(
    said: Mapping[str, Any], model: ChatModel, turns: Sequence[Turn]
) -> tuple[Literal["text", "object", "schema"], Mapping[str, Any] | None]:
    raw = said.get("response_format")
    if raw is None:
        return "text", None
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise refuse_algo(
            "Unknown format of response_format, response_format should be a dict, includes 'type' and an optional "
            f"key 'json_schema'. The response_format type from user is {kind}."
        )
    check_keys(raw, ("type", "json_schema"), "response_format")
    if kind == "text" or model.json == "none":
        return "text", None
    # Media, and models without schema support, turn a schema into plain JSON mode
    # (Model Studio docs, structured output, 2026-08-20 or newer).
    if kind == "json_schema" and model.json == "schema" and not any(turn.media for turn in turns):
        return "schema", _schema_of(raw)
    if not any("json" in turn.text.lower() for turn in turns if turn.role in ("system", "user")):
        raise refuse_algo(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
    return "object", None


def _schema_of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    described = raw.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if not isinstance(described, Mapping) or not isinstance(schema, Mapping) or not described.get("name"):
        raise refuse("Required parameter(json_schema) missing or invalid, please check the request parameters.")
    check_keys(described, ("name", "description", "schema", "strict"), "response_format.json_schema")
    return schema


def _stop(raw: Any) -> tuple[str, ...]:
    """The stop texts. Token ids are accepted and never met: the sandbox has no vocabulary."""
    items = raw if isinstance(raw, list) else [] if raw is None else [raw]
    kinds = {"text" if isinstance(i, str) else "id" if _is(i, int) else "ids" for i in items}
    lists_fit = all(_is(n, int) for i in items if isinstance(i, list) for n in i)
    odd = any(not isinstance(i, str | int | list) or isinstance(i, bool) for i in items)
    if len(kinds) > 1 or odd or not lists_fit or not (raw is None or isinstance(raw, str | list)):
        raise refuse_algo(
            'The "stop" parameter must be of type "str", "list[str]", "list[int]", or "list[list[int]]", and all '
            "elements within the list must be of the same type."
        )
    return tuple(i for i in items if isinstance(i, str) and i)


def _choices(said: Mapping[str, Any], *, thinking: bool) -> int:
    number = said.get("n", 1)
    if not _is(number, int) or not 1 <= number <= _MAX_CHOICES:
        raise refuse_algo(f"Range of n should be [1, {_MAX_CHOICES}]")
    if number > 1 and ("tools" in said or thinking):
        raise refuse_algo("n should be 1 when tools are given or the model thinks.")  # own words
    return int(number)


def _logprobs(said: Mapping[str, Any]) -> int | None:
    top = said.get("top_logprobs", 0)
    if not _is(top, int) or not 0 <= top <= _MAX_LOGPROBS:
        raise refuse_algo(f"Range of top_logprobs should be [0, {_MAX_LOGPROBS}]")
    return int(top) if said.get("logprobs") else None


def _translation(said: Mapping[str, Any], model: ChatModel, turns: Sequence[Turn]) -> str | None:
    if not model.translates:
        return None
    if any(turn.role not in ("user", "assistant") for turn in turns):
        raise refuse_algo("Role must be in [user, assistant]")
    options = said.get("translation_options")
    target = options.get("target_lang") if isinstance(options, Mapping) else None
    if not isinstance(target, str):
        raise refuse("Required parameter(translation_options) missing or invalid, please check the request parameters.")
    return target


def _search(said: Mapping[str, Any], model: ChatModel) -> bool:
    wanted = bool(said.get("enable_search"))
    if wanted and not model.search:
        raise refuse_algo("This model does not support enable_search.")
    return wanted
