"""Encodes and decodes chat of the openai protocol: the OpenAI-compatible Chat Completions API."""

from collections.abc import Sequence

from langchain_core.outputs import ChatResult

from langchain_qwen_workspace._seam import ChatCall, Decoder, Json, Request
from langchain_qwen_workspace._wire._capabilities import check_json_mode, must_stream
from langchain_qwen_workspace._wire._message_content import as_openai
from langchain_qwen_workspace._wire._messages import encode_messages
from langchain_qwen_workspace._wire._stream_decoder import StreamDecoder
from langchain_qwen_workspace._wire._whole_answer import result
from langchain_qwen_workspace._wire.parameters import check_parameters

PATH = "/chat/completions"

__all__ = ["decode", "decoder", "encode", "must_stream"]


def encode(call: ChatCall) -> Request:
    """Return the request for a call."""
    parameters = check_parameters(call)
    messages = encode_messages(call, as_openai)
    check_json_mode(parameters, messages, call)
    body: Json = {"model": call.model, "messages": messages, **parameters}
    if call.stream:
        body["stream"] = True
        if call.with_usage:
            body["stream_options"] = {"include_usage": True, **body.get("stream_options", {})}
    else:
        # "stream_options without stream=true" is an error of the service.
        body.pop("stream_options", None)
    return Request(
        path=PATH,
        body=body,
        model=call.model,
        destination=call.destination,
        stream=call.stream,
        cumulative=call.stream and call.profile.cumulative_on_openai,
    )


def decode(body: Json, request: Request) -> ChatResult:
    """Return LangChain's result for a whole answer."""
    return result(body, request, _choices_in, _facts_in)


def decoder(request: Request) -> Decoder:
    """Return a fresh decoder for one stream."""
    return StreamDecoder(request, _choices_in, _facts_in)


def _choices_in(body: Json) -> Sequence[Json]:
    return body.get("choices") or ()


# What else an answer tells, and what LangChain's metadata call it.
_FACTS = (("model", "model_name"), ("id", "id"), ("system_fingerprint", "system_fingerprint"))


def _facts_in(body: Json) -> Json:
    return {name: fact for told, name in _FACTS if (fact := body.get(told))}
