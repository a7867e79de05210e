"""Encodes and decodes chat for the responses protocol, Model Studio's Responses API."""

from dataclasses import replace

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult

from langchain_qwen_workspace._seam import ChatCall, Decoder, Json, Request
from langchain_qwen_workspace._wire import _responses_input
from langchain_qwen_workspace._wire._capabilities import must_stream
from langchain_qwen_workspace._wire._messages import encode_messages
from langchain_qwen_workspace._wire._responses_history import ids_and_messages, is_known_to_user_only
from langchain_qwen_workspace._wire._responses_output import (
    FUNCTION_CALL,
    facts_of,
    finish_reason_of,
    kind_of,
    read_response,
)
from langchain_qwen_workspace._wire._responses_parameters import encode_parameters, read_parameters
from langchain_qwen_workspace._wire._responses_stream import ResponsesDecoder, ResponsesStreamRules
from langchain_qwen_workspace._wire._tool_names import rename_tools
from langchain_qwen_workspace._wire._whole_answer import read_result

__all__ = ["decode", "decoder", "encode", "must_stream"]

_PATH = "/responses"
# Model Studio docs, context cache, 2026-09.
_SESSION_CACHE_HEADER = "x-dashscope-session-cache"
# No `[DONE]` is documented: `response.completed` is the last event, with the usage (reference, 2026-10-23).
_STREAM_RULES = ResponsesStreamRules(grace=1.0)


def encode(call: ChatCall) -> Request:
    """Return the request for a call."""
    parameters = read_parameters(call)
    ids, messages = ids_and_messages(parameters, call)
    request = _encode(call, parameters, ids, replace(call, messages=messages))
    if is_known_to_user_only(parameters):
        return replace(request, whole_conversation=lambda: None)
    if ids:
        return replace(request, whole_conversation=lambda: _encode(call, parameters, {}, call).body)
    return request


def _encode(call: ChatCall, parameters: Json, ids: Json, new: ChatCall) -> Request:
    """Return the request that sends the messages of `new` after what the service has by its ids."""
    messages = encode_messages(
        new, _responses_input.encode_content, _responses_input.encode_content, _responses_input.ROLES
    )
    named, tool_names = rename_tools(parameters, messages, reserves_names=call.reserves_tool_names)
    body: Json = {
        "model": call.model,
        "input": _responses_input.encode_items(messages, new),
        **encode_parameters(named, call),
        **ids,
    }
    if call.stream:
        body["stream"] = True
    headers = {}
    if (cached := parameters.get("session_cache")) is not None:
        headers[_SESSION_CACHE_HEADER] = "enable" if cached else "disable"
    return Request(
        path=_PATH,
        body=body,
        model=call.model,
        destination=call.destination,
        stream=call.stream,
        headers=headers,
        tool_names=tool_names,
        stream_rules=_STREAM_RULES,
    )


def decode(body: Json, request: Request) -> ChatResult:
    """Return LangChain's result for a whole response."""
    blocks: list[Json] | None = None

    def find_choices(body: Json) -> list[Json]:
        nonlocal blocks
        message, blocks = read_response(body, request)
        has_calls = any(kind_of(item) == FUNCTION_CALL for item in body["output"])
        return [{"message": message, "finish_reason": finish_reason_of(body, has_calls=has_calls)}]

    result = read_result(body, request, find_choices, lambda body: facts_of(body, request))
    message = result.generations[0].message
    if blocks is not None and isinstance(message, AIMessage):
        message.content = list(blocks)
    return result


def decoder(request: Request) -> Decoder:
    """Return a new decoder for one stream."""
    return ResponsesDecoder(request)
