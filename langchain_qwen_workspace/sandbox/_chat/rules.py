"""What the sandbox answers: rules over the request, no language model, no state, no chance.

The rules, first match wins:

1. A tool is forced: it is called.
2. The last message is a tool's result: the answer quotes it, unless the prompt names another tool that has
   not been called yet.
3. The prompt's words match a tool's name, description or parameters: it is called, with arguments made of its
   JSON schema and the literals of the prompt.
4. A schema or a JSON object is asked for: such an object.
5. Otherwise a sentence that quotes the last user message and says it comes from the sandbox.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._chat.conversation import Answer, Ask, Call, Tool, Turn, Usage
from langchain_qwen_workspace.sandbox._chat.prompt_literals import COMMON, Literals, quoted, words
from langchain_qwen_workspace.sandbox._chat.schema_values import arguments, instance

_QUOTE = 400
_ENOUGH = 2
_KEY = re.compile(r"[A-Za-z_]\w{0,40}\Z")


def answers(ask: Ask) -> list[Answer]:
    """The answers to a request, one for each choice.

    Args:
        ask: The checked request.

    Returns:
        The answers, already cut at stop texts and token limits.
    """
    first = _shortened(_answer(ask), ask)
    others = [
        _shortened(replace(first, text=f"Choice {number}. {first.text}", finish="stop"), ask)
        for number in range(2, ask.choices + 1)
    ]
    return [first, *others]


def usage(ask: Ask, given: Sequence[Answer]) -> Usage:
    """The token counts of a request and its answers.

    Args:
        ask: The request.
        given: What was answered, or has been so far.

    Returns:
        The counts.
    """
    text = sum(_tokens.count(_spoken(turn)) + _tokens.PER_MESSAGE for turn in ask.turns)
    text += sum(_tokens.count(f"{t.name} {t.description} {json.dumps(dict(t.schema))}") for t in ask.tools)
    kinds = Counter(kind for turn in ask.turns for kind in turn.media)
    media = tuple((kind, 64 * number) for kind, number in sorted(kinds.items()))
    reasoning = sum(_tokens.count(answer.reasoning) for answer in given)
    spoken = sum(_tokens.count(answer.text) for answer in given)
    called = sum(_tokens.count(c.name) + _tokens.count(c.arguments) for a in given for c in a.calls)
    return Usage(text + sum(n for _, n in media), reasoning + spoken + called, reasoning, media)


def _spoken(turn: Turn) -> str:
    return " ".join(filter(None, (turn.text, turn.reasoning, *(f"{c.name} {c.arguments}" for c in turn.calls))))


def _answer(ask: Ask) -> Answer:
    prompt = _prompt(ask.turns)
    calls = _calls(ask, prompt)
    if calls:
        why = "Tools fit the request: " + ", ".join(call.name for call in calls) + "."
        return Answer(calls=calls, finish="tool_calls", reasoning=_reasoning(ask, prompt, why))
    results = _results(ask.turns)
    if ask.form == "schema":
        text = _dump(instance(ask.schema or {}, Literals(_material(prompt, results))))
        return Answer(text, _reasoning(ask, prompt, "A schema was given, so I fill it in."))
    if ask.form == "object":
        text = _dump(_any_object(ask.turns, prompt, results))
        return Answer(text, _reasoning(ask, prompt, "JSON was asked for, so I build an object."))
    if ask.target_language is not None:
        return Answer(f"[sandbox translation to {ask.target_language}] {prompt}")
    why = "There is a tool's result to report." if results else "No tool fits, so I repeat what was said."
    return Answer(_sentence(ask, prompt, results), _reasoning(ask, prompt, why))


def _prompt(turns: Sequence[Turn]) -> str:
    return next((turn.text for turn in reversed(turns) if turn.role == "user"), "")


def _since_user(turns: Sequence[Turn]) -> Sequence[Turn]:
    last = max((i for i, turn in enumerate(turns) if turn.role == "user"), default=-1)
    return turns[last + 1 :]


def _results(turns: Sequence[Turn]) -> list[str]:
    """The tool results at the end of the conversation."""
    results = [turn.text for turn in takewhile(lambda turn: turn.role == "tool", reversed(turns))]
    return results[::-1]


def _material(prompt: str, results: list[str]) -> str:
    return "\n".join([*(json.dumps(r, ensure_ascii=False) for r in results), prompt])


def _sentence(ask: Ask, prompt: str, results: list[str]) -> str:
    if results:
        return "Model Studio sandbox, not a language model. The tool answered: " + "; ".join(map(_quote, results))
    media = Counter(kind for turn in ask.turns if turn.role == "user" for kind in turn.media)
    seen = "".join(f" I received {n} {kind} part{'s' if n > 1 else ''}." for kind, n in sorted(media.items()))
    return f"This is the Model Studio sandbox, not a language model.{seen} You said: {_quote(prompt)}"


def _quote(text: str) -> str:
    return f'"{text if len(text) <= _QUOTE else text[:_QUOTE] + "…"}"'


def _reasoning(ask: Ask, prompt: str, why: str) -> str:
    if not ask.thinking:
        return ""
    return f"The user said: {_quote(prompt[:80])}. I am a sandbox and follow rules. {why}"


# --- tools ------------------------------------------------------------------------------------------


def _calls(ask: Ask, prompt: str) -> tuple[Call, ...]:
    if not ask.tools or ask.choice == "none" or (ask.model.needs_tool_stream and not ask.tool_stream):
        return ()
    chosen = _chosen(ask, prompt)
    if not chosen:
        return ()
    if not ask.parallel:
        alone = not any(turn.calls for turn in _since_user(ask.turns))
        return (_call(chosen[0], Literals(prompt) if alone else _literals_for(chosen[0], prompt)),)
    if len(chosen) == 1:
        return _repeated(chosen[0], prompt)
    return tuple(_call(tool, _literals_for(tool, prompt)) for tool in chosen)


def _literals_for(tool: Tool, prompt: str) -> Literals:
    """The literals behind the words that name a tool, or all of them if there are none."""
    spoken = [tool.name, *(word for word in _spaced(tool.name).split() if word.lower() not in COMMON)]
    starts = [at for word in spoken if (at := prompt.lower().find(word.lower())) >= 0]
    return Literals(prompt[min(starts, default=0) :]) or Literals(prompt)


def _chosen(ask: Ask, prompt: str) -> list[Tool]:
    """The tools to call, best first."""
    if ask.choice not in ("auto", "required"):
        return [tool for tool in ask.tools if tool.name == ask.choice]
    called = {call.name for turn in _since_user(ask.turns) for call in turn.calls}
    fresh = [tool for tool in ask.tools if tool.name not in called]
    if called and ask.choice == "auto":
        return [tool for tool in fresh if _names(prompt, tool.name)][:1]
    scored = sorted(fresh, key=lambda tool: -_score(tool, prompt))
    matching = [tool for tool in scored if _score(tool, prompt) >= _ENOUGH]
    return matching or (list(ask.tools[:1]) if ask.choice == "required" else [])


def _names(prompt: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", prompt) is not None


def _score(tool: Tool, prompt: str) -> int:
    """How well a prompt's words fit a tool: its own name counts most, its description least."""
    said = {_stem(word) for word in words(prompt)}
    properties = tool.schema.get("properties") or {}
    score = 10 if _names(prompt, tool.name) else 0
    for text, weight in (
        (_spaced(tool.name), 3),
        (" ".join(_spaced(name) for name in properties), 2),
        (tool.description.split("\n\n", maxsplit=1)[0], 1),
    ):
        shared = said & {_stem(word) for word in words(text)}
        # A pair of CJK characters is a whole word of its kind, so one is enough.
        score += weight * (len(shared) + sum(not word.isascii() for word in shared))
    return score


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ")


def _stem(word: str) -> str:
    """What a word shares with its plural and its relatives: `generate`, `generator`."""
    return word.removesuffix("s")[:6] if word.isascii() else word


def _call(tool: Tool, literals: Literals) -> Call:
    return Call("", tool.name, _dump(arguments(tool.schema, literals)))


def _repeated(tool: Tool, prompt: str) -> tuple[Call, ...]:
    """One call for each value the prompt lists, if the tool takes a single text; otherwise one call."""
    required = tool.schema.get("required") or []
    single = required[0] if len(required) == 1 else None
    inner = (tool.schema.get("properties") or {}).get(single) or {}
    if inner.get("type") != "string" or "enum" in inner:
        return (_call(tool, Literals(prompt)),)
    values = Literals(prompt.replace(tool.name, " ")).phrases()
    if len(values) <= 1:
        return (_call(tool, Literals(prompt)),)
    return tuple(Call("", tool.name, _dump({single: value})) for value in values)


# --- structured output ------------------------------------------------------------------------------


def _any_object(turns: Sequence[Turn], prompt: str, results: list[str]) -> Any:
    """An object with the keys the conversation names: of a schema it shows, or put in quotation marks."""
    text = "\n".join(turn.text for turn in turns if turn.role in ("system", "user"))
    schema = _shown_schema(text)
    keys = [key for key in dict.fromkeys(quoted(text)) if _KEY.match(key)]
    # The keys are no values: what is left of the prompt fills them.
    rest = prompt
    for key in keys:
        rest = re.sub(rf"""["'`]{re.escape(key)}["'`]""", " ", rest)
    literals = Literals(_material(rest, results))
    if schema is not None:
        return instance(schema, literals)
    if keys:
        return {key: literals.phrase() or f"sandbox {key}" for key in keys}
    return {"answer": f"sandbox: {prompt[:_QUOTE]}"}


def _shown_schema(text: str) -> Mapping[str, Any] | None:
    """The last JSON schema that stands in a text, as output parsers write one there.

    The last, because their instructions explain schemas with a small example first.
    """
    decoder = json.JSONDecoder()
    shown: Mapping[str, Any] | None = None
    position = text.find("{")
    while position >= 0:
        try:
            found, end = decoder.raw_decode(text, position)
        except ValueError:
            found, end = None, position + 1
        if isinstance(found, dict) and isinstance(found.get("properties"), dict):
            shown = found
        position = text.find("{", end)
    return shown


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- limits -----------------------------------------------------------------------------------------


def _shortened(answer: Answer, ask: Ask) -> Answer:
    """The answer cut at stop texts, then at the token limits, reasoning first."""
    text, finish = answer.text, answer.finish
    if cuts := [at for word in ask.stop if (at := text.find(word)) >= 0]:
        text = text[: min(cuts)]
    reasoning = answer.reasoning
    if ask.thinking_budget is not None:
        reasoning = _tokens.cut(reasoning, ask.thinking_budget)
    if ask.max_total is not None:
        reasoning = _tokens.cut(reasoning, ask.max_total)
    room = [limit for limit in (ask.max_answer, _left(ask.max_total, reasoning)) if limit is not None]
    if not room:
        return replace(answer, text=text, reasoning=reasoning)
    limit = min(room)
    short = _tokens.cut(text, limit)
    calls, whole = _cut_calls(answer.calls, limit - _tokens.count(short))
    if short != text or not whole or (limit == 0 and text):
        finish = "length"
    return Answer(short, reasoning, calls, finish)


def _left(total: int | None, reasoning: str) -> int | None:
    return None if total is None else max(total - _tokens.count(reasoning), 0)


def _cut_calls(calls: tuple[Call, ...], room: int) -> tuple[tuple[Call, ...], bool]:
    """The calls that fit into so many tokens, and whether all did; the last may end in broken JSON."""
    kept: list[Call] = []
    for call in calls:
        need = _tokens.count(call.name) + _tokens.count(call.arguments)
        if need > room:
            head = room - _tokens.count(call.name)
            if head > 0:
                kept.append(replace(call, arguments=_tokens.cut(call.arguments, head)))
            return tuple(kept), False
        kept.append(call)
        room -= need
    return tuple(kept), True
