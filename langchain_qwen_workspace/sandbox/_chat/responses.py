"""The Responses protocol: creates responses, and shows and deletes those that it keeps.

Parameters and shapes: Model Studio docs, create-response page (2026-09 or newer) and the pages beside it
(2026-05-15 and newer). Parameters that the page does not list are ignored without a sign, as the service ignores them.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._calls import Call, Reply, SandboxWorkspace
from langchain_qwen_workspace.sandbox._chat import rules
from langchain_qwen_workspace.sandbox._chat.ciphertext import encrypt
from langchain_qwen_workspace.sandbox._chat.conversation import ChatRequest, ModelAnswer
from langchain_qwen_workspace.sandbox._chat.parameters import read_parameters
from langchain_qwen_workspace.sandbox._chat.responses_errors import (
    combination_error,
    missing_error,
    unsupported_model_error,
    value_error,
)
from langchain_qwen_workspace.sandbox._chat.responses_events import events
from langchain_qwen_workspace.sandbox._chat.responses_input import Item, as_item, messages_of, read_input
from langchain_qwen_workspace.sandbox._chat.responses_store import Conversation, ResponseStore, StoredResponse
from langchain_qwen_workspace.sandbox._chat.responses_tools import (
    Tools,
    call_built_in,
    check_thinking,
    count_calls,
    read_tools,
    serves,
)
from langchain_qwen_workspace.sandbox._chat.stream_steps import with_ids
from langchain_qwen_workspace.sandbox._errors import Refusal
from langchain_qwen_workspace.sandbox._models import ChatModel

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_MIN_OUTPUT_TOKENS = 16
_MIN_CACHED_TOKENS = 1_024
_MAX_PAGE = 100
# The service keeps about 20 % of the window free, and cuts what is longer.
_USED_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class _Request:
    """A request of this protocol.

    Attributes:
        chat: What it asks the model.
        tools: Its tools.
        echo: What the response repeats of it.
        history: The items of earlier turns.
        given: The items of `input`.
        store: Whether the response is kept.
        previous: The response that it continues.
        conversation: The conversation that it belongs to.
        session_cache: Whether the session cache is on.
        request_id: The request's id.
    """

    chat: ChatRequest
    tools: Tools
    echo: Mapping[str, Any]
    history: tuple[Item, ...]
    given: tuple[Item, ...]
    store: bool
    previous: StoredResponse | None
    conversation: Conversation | None
    session_cache: bool
    request_id: str


class Responses:
    """The handlers of `/responses`, and what the service keeps of each workspace."""

    def __init__(self) -> None:
        self._stores: defaultdict[str, ResponseStore] = defaultdict(ResponseStore)

    def store_of(self, workspace: SandboxWorkspace) -> ResponseStore:
        """Return what the service keeps of a workspace."""
        return self._stores[workspace.workspace_id]

    def expire(self) -> list[str]:
        """Let every response of every workspace expire, and return their ids."""
        return [id_ for store in list(self._stores.values()) for id_ in store.expire()]

    def create(self, call: Call) -> Reply:
        """Answer `POST /responses`."""
        body = call.body
        if body.get("model") is None:
            raise missing_error("model")
        model = call.find_model(ChatModel)
        if not serves(model):
            raise unsupported_model_error(model.name)
        stream = _read_flag(body, "stream", default=False)
        store = self.store_of(call.workspace)
        request = _read_request(call, model, store, stream=stream)
        response, cached = _respond(request)
        if stream:
            return Reply(events=_stream(request, response, cached, store), usage=response["usage"])
        _keep(request, response, cached, store)
        return Reply(response)

    def show(self, call: Call) -> Reply:
        """Answer `GET /responses/{id}`."""
        response = self.store_of(call.workspace).get(call.object_id).body
        extra = {"background": False, "completed_at": response["created_at"], "metadata": {}}
        return Reply({**extra, **response})

    def delete(self, call: Call) -> Reply:
        """Answer `DELETE /responses/{id}`."""
        self.store_of(call.workspace).delete(call.object_id)
        return Reply({"id": call.object_id, "deleted": True})

    def list_input_items(self, call: Call) -> Reply:
        """Answer `GET /responses/{id}/input_items` with the messages that the model read, newest first."""
        stored = self.store_of(call.workspace).get(call.object_id)
        messages = [item.data for item in stored.context if item.data["type"] == "message"]
        extra: dict[str, Any] = {"id": stored.body["id"], "model": stored.body["model"]}
        # In milliseconds, unlike the response's own.
        extra["created_at"] = stored.body["created_at"] * 1000
        if stored.previous_id is not None:
            extra["previous_response_id"] = stored.previous_id
        return Reply({**page(call, messages), **extra})


def page(call: Call, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one page of a list of items.

    Args:
        call: The request, with `limit`, `order` and `after` in its query.
        items: All items, oldest first.

    Returns:
        The page, as the API writes it.

    Raises:
        Refusal: If a parameter of the query is not valid.
    """
    limit, order = call.query.get("limit", "20"), call.query.get("order", "desc")
    if not limit.isdecimal() or not 1 <= int(limit) <= _MAX_PAGE:
        raise value_error("limit", limit, f"an integer from 1 to {_MAX_PAGE}")
    if order not in ("asc", "desc"):
        raise value_error("order", order, "asc or desc")
    rows = list(items) if order == "asc" else list(items)[::-1]
    after = call.query.get("after")
    if after is not None:
        ids = [row["id"] for row in rows]
        if after not in ids:
            raise value_error("after", after, "the id of an item")
        rows = rows[ids.index(after) + 1 :]
    shown = rows[: int(limit)]
    ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
    return {"object": "list", "data": shown, **ends, "has_more": len(rows) > len(shown)}


# --- requests ---------------------------------------------------------------------------------------


def _read_flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise value_error(name, value, "a boolean")
    return default if value is None else value


def _read_text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise value_error(name, value, "a string")
    return value


def _read_request(call: Call, model: ChatModel, store: ResponseStore, *, stream: bool) -> _Request:
    body = call.body
    previous, conversation = _read_history(body, store)
    if previous is not None:
        history = (*previous.context, *previous.output)
    else:
        history = tuple(conversation.items) if conversation is not None else ()
    given = read_input(body.get("input"), model, history)
    tools = read_tools(body, model)
    window = int(model.max_input * _USED_SHARE)
    messages = messages_of((*history, *given), _read_text(body, "instructions"), window)
    summarized = model.summarizes and _read_reasoning(body).get("summary") == "auto"
    chat = read_parameters(model, messages, _chat_parameters(body, tools), call.protocol, stream=stream)
    check_thinking(tools, model, thinking=chat.thinking)
    limit = _read_limit(body)
    choice = tools.choice if tools.functions else "auto"
    return _Request(
        chat=replace(
            chat,
            tool_choice=choice,
            summarized=summarized,
            max_answer=None if model.caps_response else limit,
            max_total=limit if model.caps_response else None,
        ),
        tools=tools,
        echo={"tool_choice": tools.choice, "tools": body.get("tools") or []},
        history=history,
        given=given,
        store=_read_flag(body, "store", default=True),
        previous=previous,
        conversation=conversation,
        session_cache=call.headers.get("x-dashscope-session-cache") == "enable",
        request_id=call.request_id,
    )


def _read_history(body: Mapping[str, Any], store: ResponseStore) -> tuple[StoredResponse | None, Conversation | None]:
    previous_id = _read_text(body, "previous_response_id")
    conversation_id = _read_text(body, "conversation")
    if previous_id is not None and conversation_id is not None:
        raise combination_error("'previous_response_id' and 'conversation' cannot be used together.")
    if previous_id is not None:
        previous = store.find(previous_id)
        if previous is None:
            raise Refusal(f"[400] previous_response_not_found: Previous response with id '{previous_id}' not found.")
        return previous, None
    if conversation_id is None:
        return None, None
    conversation = store.find_conversation(conversation_id)
    if conversation is None:
        raise Refusal(f"[400] conversation_not_found: Conversation with id '{conversation_id}' not found.")
    return None, conversation


def _read_reasoning(body: Mapping[str, Any]) -> Mapping[str, Any]:
    reasoning = body.get("reasoning")
    if reasoning is None:
        return {}
    if not isinstance(reasoning, Mapping):
        raise value_error("reasoning", reasoning, "an object")
    effort = reasoning.get("effort")
    if effort is not None and effort not in _EFFORTS:
        raise value_error("reasoning.effort", effort, f"one of {', '.join(_EFFORTS)}")
    return reasoning


def _chat_parameters(body: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the documented parameters under the names that they have in the chat protocols."""
    effort = _read_reasoning(body).get("effort")
    # The effort has precedence.
    thinking = {"enable_thinking": body.get("enable_thinking")} if effort is None else {"reasoning_effort": effort}
    given = {"temperature": body.get("temperature"), "top_p": body.get("top_p"), **thinking}
    if tools.functions:
        given |= {"tools": list(tools.functions), "parallel_tool_calls": True, "tool_stream": True}
    return given


def _read_limit(body: Mapping[str, Any]) -> int | None:
    limit = body.get("max_output_tokens")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < _MIN_OUTPUT_TOKENS):
        raise value_error("max_output_tokens", limit, f"an integer from {_MIN_OUTPUT_TOKENS}")
    return limit


# --- responses --------------------------------------------------------------------------------------


def _respond(request: _Request) -> tuple[dict[str, Any], int]:
    """Return the response, and the number of tokens in the session cache after it."""
    called = call_built_in(request.tools, request.chat.messages)
    why = _reason_to_call(request.chat, called)
    chat = request.chat
    if chat.max_total is not None:
        chat = replace(chat, max_total=max(chat.max_total - _tokens.count(why), 0))
    answer = with_ids(rules.answers(chat)[0], request.request_id, 0)
    output = [
        {"id": _item_id(request.request_id, number), **item}
        for number, item in enumerate(_output(request.chat, why, called, answer))
    ]
    usage, cached = _usage(request, answer, _tokens.count(why), called)
    response: dict[str, Any] = {
        "created_at": int(time.time()),
        "id": f"resp_{request.request_id}",
        "model": request.chat.model.name,
        "object": "response",
        "output": output,
        "parallel_tool_calls": False,
        "status": "completed",
        **request.echo,
    }
    if answer.finish_reason == "length":
        response |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    # Usage comes last: the log of requests reads the last key of that name.
    return {**response, "usage": usage}, cached


def _reason_to_call(chat: ChatRequest, called: Sequence[Mapping[str, Any]]) -> str:
    """Return the reasoning before the calls of built-in tools."""
    if not chat.thinking or not called:
        return ""
    return f"Built-in tools are on offer, so I call them: {', '.join(item['type'] for item in called)}."


def _output(
    chat: ChatRequest, why: str, called: Sequence[Mapping[str, Any]], answer: ModelAnswer
) -> Iterator[dict[str, Any]]:
    """Yield the items of the output, without their ids."""
    if why:
        yield _reasoning_item(why, encrypt(why) if chat.summarized else "")
    yield from map(dict, called)
    if answer.reasoning:
        yield _reasoning_item(answer.reasoning, answer.ciphertext)
    status = "incomplete" if answer.finish_reason == "length" else "completed"
    if answer.text:
        part = {"annotations": [], "text": answer.text, "type": "output_text"}
        yield {"content": [part], "role": "assistant", "status": status, "type": "message"}
    for number, tool in enumerate(answer.calls, 1):
        is_last = number == len(answer.calls)
        fields = {"arguments": tool.arguments, "call_id": tool.id, "name": tool.name}
        yield {**fields, "type": "function_call", "status": status if is_last else "completed"}


def _reasoning_item(text: str, ciphertext: str) -> dict[str, Any]:
    encrypted = {"encrypted_content": ciphertext} if ciphertext else {}
    return {"summary": [{"type": "summary_text", "text": text}], **encrypted, "type": "reasoning"}


def _item_id(request_id: str, number: int) -> str:
    return f"msg_{uuid.uuid5(uuid.UUID(request_id), str(number))}"


def _usage(
    request: _Request, answer: ModelAnswer, reasoning_before: int, called: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], int]:
    counts = rules.usage(request.chat, [answer])
    output = counts.output + reasoning_before
    totals = {"input_tokens": counts.input, "output_tokens": output, "total_tokens": counts.input + output}
    cache, cached = _session_cache(request, counts.input)
    reasoning = {"reasoning_tokens": counts.reasoning + reasoning_before}
    tools = count_calls(called)
    details: dict[str, Any] = {
        **totals,
        "output_tokens_details": reasoning,
        "prompt_tokens_details": cache,
        "x_billing_type": "response_api",
    }
    media = {f"{kind}_tokens": tokens for kind, tokens in counts.media}
    if media:
        details |= media
        details["input_tokens_details"] = {"text_tokens": counts.input - sum(media.values()), **media}
    usage = {**totals, "input_tokens_details": cache, "output_tokens_details": reasoning}
    if tools:
        details["plugins"] = usage["x_tools"] = tools
    return {**usage, "x_details": [details]}, cached


def _session_cache(request: _Request, tokens: int) -> tuple[dict[str, Any], int]:
    """Return the details of the cache, and the number of tokens in it afterwards.

    With the header, inputs of 1,024 tokens or more are cached; what an earlier turn has cached is a hit.
    """
    if not request.session_cache:
        return {"cached_tokens": 0}, 0
    source = request.previous or request.conversation
    hit = min(source.cached_tokens, tokens) if source is not None else 0
    created = tokens - hit if tokens >= _MIN_CACHED_TOKENS else 0
    details = {
        "cached_tokens": hit,
        "cache_creation_input_tokens": created,
        "cache_creation": {"ephemeral_5m_input_tokens": created},
        "cache_type": "ephemeral",
    }
    return details, hit + created


def _keep(request: _Request, response: Mapping[str, Any], cached: int, store: ResponseStore) -> None:
    """Keep the response, unless it is not to be stored, and add it to its conversation."""
    output = tuple(map(as_item, response["output"]))
    if request.conversation is not None:
        request.conversation.items += [*request.given, *output]
        request.conversation.cached_tokens = cached
    if request.store:
        previous_id = request.previous.body["id"] if request.previous is not None else None
        store.add(StoredResponse(response, (*request.history, *request.given), output, previous_id, cached))


def _stream(request: _Request, response: Mapping[str, Any], cached: int, store: ResponseStore) -> Iterator[bytes]:
    """Yield the events; the response is kept when the last one is due, and not if the stream ends before."""
    *frames, last = events(response)
    yield from frames
    _keep(request, response, cached, store)
    yield last
