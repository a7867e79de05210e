"""Deterministic rules that turn a chat request into its answers; there is no language model and no state.

The first rule that applies decides:

1. `tool_choice` forces a tool: the answer calls it.
2. The last message is a tool's result: the answer quotes it, unless the prompt names another tool that has
   not been called yet.
3. The prompt's words match a tool's name, description or parameters: the answer calls it, with arguments made from
   its JSON schema and the literals of the prompt.
4. `response_format` asks for a schema or a JSON object: the answer is such an object.
5. Otherwise the answer is a sentence that quotes the last user message and says that it comes from the sandbox.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from typing import Any

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._chat.ciphertext import encrypt
from langchain_qwen_workspace.sandbox._chat.conversation import (
    ChatRequest,
    Message,
    ModelAnswer,
    Tool,
    ToolCall,
    Usage,
)
from langchain_qwen_workspace.sandbox._chat.prompt_literals import COMMON_WORDS, Literals, quoted_texts, words
from langchain_qwen_workspace.sandbox._chat.schema_values import arguments, instance
from langchain_qwen_workspace.sandbox._errors import Refusal

_MAX_QUOTE = 400
_MIN_SCORE = 2
_KEY = re.compile(r"[A-Za-z_]\w{0,40}\Z")


def answers(request: ChatRequest) -> list[ModelAnswer]:
    """Return the answers to a request, one for each choice.

    Args:
        request: The request.

    Returns:
        The answers, cut at stop texts and token limits.
    """
    first = _summarize(_truncate(_answer(request), request), request)
    others = [
        _truncate(replace(first, text=f"Choice {number}. {first.text}", finish_reason="stop"), request)
        for number in range(2, request.choices + 1)
    ]
    return [first, *others]


def _summarize(answer: ModelAnswer, request: ChatRequest) -> ModelAnswer:
    """Return the answer with a summary of its reasoning and the ciphertext, if the request asks for them."""
    if not request.summarized or not answer.reasoning:
        return answer
    summary = answer.reasoning.partition(". ")[0]
    return replace(answer, reasoning=f"{summary}.", ciphertext=encrypt(answer.reasoning))


def usage(request: ChatRequest, so_far: Sequence[ModelAnswer]) -> Usage:
    """Return the token counts of a request and its answers.

    Args:
        request: The request.
        so_far: The answers, or the part of them that has been sent.

    Returns:
        The counts.
    """
    text = sum(_tokens.count(_counted_text(message)) + _tokens.PER_MESSAGE for message in request.messages)
    text += sum(_tokens.count(f"{t.name} {t.description} {json.dumps(dict(t.schema))}") for t in request.tools)
    kinds = Counter(kind for message in request.messages for kind in message.media)
    media = tuple((kind, _tokens.PER_MEDIUM * number) for kind, number in sorted(kinds.items()))
    reasoning = sum(_tokens.count(answer.reasoning) for answer in so_far)
    answered = sum(_tokens.count(answer.text) for answer in so_far)
    called = sum(_tokens.count(c.name) + _tokens.count(c.arguments) for a in so_far for c in a.calls)
    return Usage(text + sum(tokens for _, tokens in media), reasoning + answered + called, reasoning, media)


def _counted_text(message: Message) -> str:
    calls = (f"{call.name} {call.arguments}" for call in message.calls)
    return " ".join(filter(None, (message.text, message.reasoning, *calls)))


def _answer(request: ChatRequest) -> ModelAnswer:
    prompt = _last_user_text(request.messages)
    calls = _tool_calls(request, prompt)
    if calls:
        why = "Tools fit the request: " + ", ".join(call.name for call in calls) + "."
        return ModelAnswer(calls=calls, finish_reason="tool_calls", reasoning=_reasoning(request, prompt, why))
    results = _last_tool_results(request.messages)
    if request.output_format == "schema":
        text = _dump(instance(request.schema or {}, Literals(_literal_source(prompt, results))))
        return ModelAnswer(text, _reasoning(request, prompt, "A schema was given, so I fill it in."))
    if request.output_format == "object":
        text = _dump(_json_object(request.messages, prompt, results))
        return ModelAnswer(text, _reasoning(request, prompt, "JSON was asked for, so I build an object."))
    if request.target_language is not None:
        return ModelAnswer(f"[sandbox translation to {request.target_language}] {prompt}")
    why = "There is a tool's result to report." if results else "No tool fits, so I repeat what was said."
    return ModelAnswer(_sentence(request, prompt, results), _reasoning(request, prompt, why))


def _last_user_text(messages: Sequence[Message]) -> str:
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def _messages_after_user(messages: Sequence[Message]) -> Sequence[Message]:
    last = max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)
    return messages[last + 1 :]


def _last_tool_results(messages: Sequence[Message]) -> list[str]:
    """Return the tool results that end the conversation."""
    results = [message.text for message in takewhile(lambda message: message.role == "tool", reversed(messages))]
    return results[::-1]


def _literal_source(prompt: str, results: list[str]) -> str:
    """Return the text whose literals fill an object: the tool results, quoted, before the prompt."""
    return "\n".join([*(json.dumps(r, ensure_ascii=False) for r in results), prompt])


def _sentence(request: ChatRequest, prompt: str, results: list[str]) -> str:
    if results:
        return "Model Studio sandbox, not a language model. The tool answered: " + "; ".join(map(_quote, results))
    media = Counter(kind for message in request.messages if message.role == "user" for kind in message.media)
    seen = "".join(f" I received {n} {kind} part{'s' if n > 1 else ''}." for kind, n in sorted(media.items()))
    return f"This is the Model Studio sandbox, not a language model.{seen} You said: {_quote(prompt)}"


def _quote(text: str) -> str:
    return f'"{text if len(text) <= _MAX_QUOTE else text[:_MAX_QUOTE] + "…"}"'


def _reasoning(request: ChatRequest, prompt: str, why: str) -> str:
    if not request.thinking:
        return ""
    return f"The user said: {_quote(prompt[:80])}. I am a sandbox and follow rules. {why}"


# --- tools ------------------------------------------------------------------------------------------


def _tool_calls(request: ChatRequest, prompt: str) -> tuple[ToolCall, ...]:
    model = request.model
    if not request.tools or request.tool_choice == "none" or (model.needs_tool_stream and not request.tool_stream):
        return ()
    chosen = _choose_tools(request, prompt)
    if not chosen:
        return ()
    if not request.parallel:
        is_first = not any(message.calls for message in _messages_after_user(request.messages))
        return (_tool_call(chosen[0], Literals(prompt) if is_first else _literals_for(chosen[0], prompt)),)
    if len(chosen) == 1:
        return _tool_calls_for_each_value(chosen[0], prompt)
    return tuple(_tool_call(tool, _literals_for(tool, prompt)) for tool in chosen)


def _literals_for(tool: Tool, prompt: str) -> Literals:
    """Return the literals that follow the words of a tool's name, or all literals if there are none."""
    names = [tool.name, *(word for word in _split_words(tool.name).split() if word.lower() not in COMMON_WORDS)]
    starts = [start for name in names if (start := prompt.lower().find(name.lower())) >= 0]
    return Literals(prompt[min(starts, default=0) :]) or Literals(prompt)


def _choose_tools(request: ChatRequest, prompt: str) -> list[Tool]:
    """Return the tools to call, best first."""
    if request.tool_choice not in ("auto", "required"):
        return [tool for tool in request.tools if tool.name == request.tool_choice]
    called = {call.name for message in _messages_after_user(request.messages) for call in message.calls}
    uncalled = [tool for tool in request.tools if tool.name not in called]
    if called and request.tool_choice == "auto":
        return [tool for tool in uncalled if _has_word(prompt, tool.name)][:1]
    scored = sorted(uncalled, key=lambda tool: -_score(tool, prompt))
    matching = [tool for tool in scored if _score(tool, prompt) >= _MIN_SCORE]
    return matching or (list(request.tools[:1]) if request.tool_choice == "required" else [])


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _score(tool: Tool, prompt: str) -> int:
    """Return how well a prompt's words fit a tool: its name counts most, its description least."""
    prompt_stems = {_stem(word) for word in words(prompt)}
    properties = tool.schema.get("properties") or {}
    score = 10 if _has_word(prompt, tool.name) else 0
    for text, weight in (
        (_split_words(tool.name), 3),
        (" ".join(_split_words(name) for name in properties), 2),
        (tool.description.split("\n\n", maxsplit=1)[0], 1),
    ):
        shared = prompt_stems & {_stem(word) for word in words(text)}
        # A pair of CJK characters is a whole word of its kind, so one is enough.
        score += weight * (len(shared) + sum(not word.isascii() for word in shared))
    return score


def _split_words(name: str) -> str:
    """Return a camel-case, snake-case or kebab-case name with spaces between its words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ")


def _stem(word: str) -> str:
    """Return what a word shares with its plural and related words: `generate`, `generator`."""
    return word.removesuffix("s")[:6] if word.isascii() else word


def _tool_call(tool: Tool, literals: Literals) -> ToolCall:
    return ToolCall("", tool.name, _dump(arguments(tool.schema, literals)))


def _tool_calls_for_each_value(tool: Tool, prompt: str) -> tuple[ToolCall, ...]:
    """Return one call for each value the prompt lists, if the tool takes a single text; otherwise one call."""
    required = tool.schema.get("required") or []
    only = required[0] if len(required) == 1 else None
    schema = (tool.schema.get("properties") or {}).get(only) or {}
    if schema.get("type") != "string" or "enum" in schema:
        return (_tool_call(tool, Literals(prompt)),)
    values = Literals(prompt.replace(tool.name, " ")).phrases()
    if len(values) <= 1:
        return (_tool_call(tool, Literals(prompt)),)
    return tuple(ToolCall("", tool.name, _dump({only: value})) for value in values)


# --- structured output ------------------------------------------------------------------------------


def _json_object(messages: Sequence[Message], prompt: str, results: list[str]) -> Any:
    """Return an object with the keys that the conversation names, in a schema or in quotation marks."""
    text = "\n".join(message.text for message in messages if message.role in ("system", "user"))
    schema = _last_schema_in(text)
    keys = [key for key in dict.fromkeys(quoted_texts(text)) if _KEY.match(key)]
    # The keys are not values: the rest of the prompt fills them.
    rest = prompt
    for key in keys:
        rest = re.sub(rf"""["'`]{re.escape(key)}["'`]""", " ", rest)
    literals = Literals(_literal_source(rest, results))
    if schema is not None:
        # What looks like a schema in a text may be none.
        with suppress(Refusal):
            return instance(schema, literals)
    if keys:
        return {key: literals.phrase() or f"sandbox {key}" for key in keys}
    return {"answer": f"sandbox: {prompt[:_MAX_QUOTE]}"}


def _last_schema_in(text: str) -> Mapping[str, Any] | None:
    """Return the last JSON schema in a text, where output parsers put one.

    The last, because their instructions explain schemas with a small example first.
    """
    decoder = json.JSONDecoder()
    schema: Mapping[str, Any] | None = None
    position = text.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
        except ValueError:
            value, end = None, position + 1
        except RecursionError:
            break
        if isinstance(value, dict) and isinstance(value.get("properties"), dict):
            schema = value
        position = text.find("{", end)
    return schema


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- limits -----------------------------------------------------------------------------------------


def _truncate(answer: ModelAnswer, request: ChatRequest) -> ModelAnswer:
    """Cut an answer at stop texts, then at the token limits, reasoning first."""
    text, finish_reason = answer.text, answer.finish_reason
    if cuts := [at for stop in request.stop if (at := text.find(stop)) >= 0]:
        text = text[: min(cuts)]
    reasoning = answer.reasoning
    if request.thinking_budget is not None:
        reasoning = _tokens.cut(reasoning, request.thinking_budget)
    if request.max_total is not None:
        reasoning = _tokens.cut(reasoning, request.max_total)
    left = None if request.max_total is None else max(request.max_total - _tokens.count(reasoning), 0)
    limits = [limit for limit in (request.max_answer, left) if limit is not None]
    if not limits:
        return replace(answer, text=text, reasoning=reasoning)
    limit = min(limits)
    short = _tokens.cut(text, limit)
    calls, all_fit = _cut_tool_calls(answer.calls, limit - _tokens.count(short))
    if short != text or not all_fit or (limit == 0 and text):
        finish_reason = "length"
    return ModelAnswer(short, reasoning, calls, finish_reason)


def _cut_tool_calls(calls: tuple[ToolCall, ...], limit: int) -> tuple[tuple[ToolCall, ...], bool]:
    """Return the tool calls that fit into a number of tokens, and whether all do; the last may end in broken JSON."""
    fitting: list[ToolCall] = []
    for call in calls:
        name_tokens = _tokens.count(call.name)
        tokens = name_tokens + _tokens.count(call.arguments)
        if tokens > limit:
            if limit > name_tokens:
                fitting.append(replace(call, arguments=_tokens.cut(call.arguments, limit - name_tokens)))
            return tuple(fitting), False
        fitting.append(call)
        limit -= tokens
    return tuple(fitting), True
