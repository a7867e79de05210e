"""Encodes and decodes chat for the openai protocol, the OpenAI-compatible Chat Completions API."""

from collections.abc import Sequence

from langchain_core.outputs import ChatResult

from langchain_qwen_workspace._seam import ChatCall, Decoder, Json, Request
from langchain_qwen_workspace._wire._capabilities import check_json_mode, must_stream, warn_of_cache_ttl
from langchain_qwen_workspace._wire._message_content import to_openai_content
from langchain_qwen_workspace._wire._messages import encode_messages
from langchain_qwen_workspace._wire._other_servers import AnswerReader
from langchain_qwen_workspace._wire._other_servers import find_choices as find_choices_of_others
from langchain_qwen_workspace._wire._replayed_fields import with_preserved_thinking
from langchain_qwen_workspace._wire._stream_decoder import StreamDecoder
from langchain_qwen_workspace._wire._stream_rules import ChatStreamRules
from langchain_qwen_workspace._wire._tool_names import rename_tools
from langchain_qwen_workspace._wire._whole_answer import read_result
from langchain_qwen_workspace._wire.parameters import check_parameters

_PATH = "/chat/completions"

__all__ = ["decode", "decoder", "encode", "must_stream"]


def encode(call: ChatCall) -> Request:
    """Return the request for a call."""
    parameters = check_parameters(call)
    messages = encode_messages(call, to_openai_content, to_openai_content)
    parameters, tool_names = rename_tools(parameters, messages, reserves_names=call.reserves_tool_names)
    parameters = with_preserved_thinking(parameters, messages, call)
    check_json_mode(parameters, messages, call)
    warn_of_cache_ttl(parameters, messages, call)
    body: Json = {"model": call.model, "messages": messages, **parameters}
    if call.stream:
        body["stream"] = True
        if call.with_usage:
            body["stream_options"] = {"include_usage": True, **body.get("stream_options", {})}
    else:
        # The service refuses `stream_options` without `stream`.
        body.pop("stream_options", None)
    return Request(
        path=_PATH,
        body=body,
        model=call.model,
        destination=call.destination,
        stream=call.stream,
        cumulative=call.stream and call.profile.cumulative_on_openai,
        tool_names=tool_names,
        # `[DONE]` ends the stream; the usage is between it and the finish reason.
        stream_rules=ChatStreamRules(
            _find_choices if call.server is None else find_choices_of_others, grace=_GRACE, with_usage=call.with_usage
        ),
    )


def decode(body: Json, request: Request) -> ChatResult:
    """Return LangChain's result for a whole response."""
    if request.destination.server is not None:
        reader = AnswerReader()
        return read_result(body, request, reader.read_whole, lambda body: _find_facts(body) | reader.facts)
    return read_result(body, request, _find_choices, _find_facts)


def decoder(request: Request) -> Decoder:
    """Return a new decoder for one stream."""
    if request.destination.server is not None:
        reader = AnswerReader()
        return StreamDecoder(request, reader.read_event, lambda body: _find_facts(body) | reader.facts)
    return StreamDecoder(request, _find_choices, _find_facts)


def _find_choices(body: Json) -> Sequence[Json]:
    return body.get("choices") or ()


_GRACE = 10.0
"""Seconds to wait for the usage and `[DONE]` after the finish reason. Either follows at once, or never."""

# Keys of a response, and the keys of the metadata that they become.
_FACTS = (("model", "model_name"), ("id", "id"), ("system_fingerprint", "system_fingerprint"))


def _find_facts(body: Json) -> Json:
    return {name: fact for key, name in _FACTS if (fact := body.get(key))}
