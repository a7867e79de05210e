"""Encodes and decodes chat of the dashscope protocol: its text and multimodal endpoints, which differ in content."""

from collections.abc import Sequence

from langchain_core.outputs import ChatResult

from langchain_qwen_workspace._seam import ChatCall, Decoder, Json, Request
from langchain_qwen_workspace._wire import _capabilities
from langchain_qwen_workspace._wire._capabilities import check_json_mode
from langchain_qwen_workspace._wire._content_blocks import Part
from langchain_qwen_workspace._wire._message_content import as_native_multimodal, as_native_text, names_oss
from langchain_qwen_workspace._wire._messages import encode_messages
from langchain_qwen_workspace._wire._stream_decoder import StreamDecoder
from langchain_qwen_workspace._wire._whole_answer import result
from langchain_qwen_workspace._wire.parameters import check_parameters

# Which of them a model has is a fact about the model, not about the message: the other one answers 400
# "url error, please check url" (Model Studio docs, error codes, 2026-08-18).
_ENDPOINTS = {
    "text": ("/services/aigc/text-generation/generation", as_native_text),
    "multimodal": ("/services/aigc/multimodal-generation/generation", as_native_multimodal),
}


def must_stream(call: ChatCall) -> bool:
    """Return whether the service refuses the call unless it is streamed."""
    # "Non-streaming mode does not support Web Search" (Model Studio docs, web search, 2026-09).
    searches = bool(call.parameters.get("enable_search")) and call.profile.native_endpoint == "multimodal"
    return searches or _capabilities.must_stream(call)


def encode(call: ChatCall) -> Request:
    """Return the request for a call."""
    path, content = _ENDPOINTS[call.profile.native_endpoint]
    parameters = check_parameters(call)
    oss: list[bool] = []

    def written(parts: Sequence[Part]) -> str | list[Json]:
        oss.extend(map(names_oss, parts))
        return content(parts)

    messages = encode_messages(call, written)
    check_json_mode(parameters, messages, call)
    body: Json = {
        "model": call.model,
        "input": {"messages": messages},
        "parameters": {**parameters, "result_format": "message"},
    }
    if call.stream:
        # Without it most models send the whole text so far with every event (recordings, 2025-11).
        body["parameters"]["incremental_output"] = True
    headers = _OSS_HEADERS if any(oss) else {}
    return Request(
        path=path, body=body, model=call.model, destination=call.destination, stream=call.stream, headers=headers
    )


# Temporary files of the service, by `oss://` (Model Studio docs, 2026-07-07).
_OSS_HEADERS = {"X-DashScope-OssResourceResolve": "enable"}


def decode(body: Json, request: Request) -> ChatResult:
    """Return LangChain's result for a whole answer."""
    return result(body, request, _choices_in, _facts_in)


def decoder(request: Request) -> Decoder:
    """Return a fresh decoder for one stream."""
    return StreamDecoder(request, _choices_in, _facts_in)


def _choices_in(body: Json) -> Sequence[Json]:
    output = body.get("output") or {}
    choices: Sequence[Json] = output.get("choices") or ()
    if choices:
        return choices
    if isinstance(message := output.get("message"), dict):
        return (_research_choice(message, output),)
    if isinstance(output.get("text"), str):
        # The text format, which some older models answer in whatever was asked.
        return ({"message": {"content": output["text"]}, "finish_reason": output.get("finish_reason")},)
    return ()


def _research_choice(message: Json, output: Json) -> Json:
    """Return an event of qwen-deep-research as a choice: it has phases, and the answer is only the last of them.

    Shape and spelling ("fininshed") by recordings of 2025 and the docs of 2026-06-28.
    """
    answers = message.get("phase") == "answer"
    reason = output.get("fininshed_reason")
    if reason in (None, "null", "") and (output.get("fininshed") or (answers and message.get("status") == "finished")):
        reason = "stop"
    told = {name: message[name] for name in ("phase", "status") if message.get(name)}
    research = (message.get("extra") or {}).get("deep_research")
    return {
        "message": {
            "content": message.get("content") if answers else "",
            "reasoning_content": "" if answers else message.get("content"),
            "deep_research": [{**told, **research}] if research else None,
        },
        "finish_reason": reason,
    }


def _facts_in(body: Json) -> Json:
    """Return what the service says beside the answer: the sources of a search, a tool's run."""
    output = body.get("output") or {}
    facts: Json = {"model_name": output["model_name"]} if output.get("model_name") else {}
    # Only the first event of a stream names the sources, the others have an empty list (recording of 2025-10-19).
    if (found := output.get("search_info")) and found.get("search_results"):
        facts["search_info"] = found
    if output.get("tool_info"):
        facts["tool_info"] = output["tool_info"]
    return facts
