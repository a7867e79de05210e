"""Encodes and decodes chat for the dashscope protocol, whose text and multimodal endpoints differ in content."""

from collections.abc import Callable, Sequence

from langchain_core.outputs import ChatResult

from langchain_qwen_workspace._seam import ChatCall, Decoder, Json, Request
from langchain_qwen_workspace._wire import _capabilities
from langchain_qwen_workspace._wire._capabilities import check_json_mode, warn_of_cache_ttl
from langchain_qwen_workspace._wire._content_blocks import Media, Part
from langchain_qwen_workspace._wire._message_content import (
    is_temporary_file,
    to_dashscope_multimodal_content,
    to_dashscope_text_content,
)
from langchain_qwen_workspace._wire._messages import encode_messages
from langchain_qwen_workspace._wire._replayed_fields import with_preserved_thinking
from langchain_qwen_workspace._wire._stream_decoder import StreamDecoder
from langchain_qwen_workspace._wire._stream_rules import ChatStreamRules
from langchain_qwen_workspace._wire._tool_names import rename_tools
from langchain_qwen_workspace._wire._whole_answer import read_result
from langchain_qwen_workspace._wire.parameters import check_parameters
from langchain_qwen_workspace.data._row import Endpoint
from langchain_qwen_workspace.errors import UnsupportedInputError

# Which of the two serves a model is a fact about the model, whatever the messages contain: the other one answers 400
# "url error, please check url" (Model Studio docs, error codes, 2026-08-18).
_ENDPOINTS: dict[Endpoint, tuple[str, Callable[[Sequence[Part]], str | list[Json]]]] = {
    "text": ("/services/aigc/text-generation/generation", to_dashscope_text_content),
    "multimodal": ("/services/aigc/multimodal-generation/generation", to_dashscope_multimodal_content),
}


def must_stream(call: ChatCall) -> bool:
    """Return whether the service refuses the call unless it is streamed."""
    # "Non-streaming mode does not support Web Search" (Model Studio docs, web search, 2026-09).
    searches = bool(call.parameters.get("enable_search")) and call.profile.native_endpoint == "multimodal"
    return searches or _capabilities.must_stream(call)


def encode(call: ChatCall) -> Request:
    """Return the request for a call."""
    parameters = check_parameters(call)
    # The endpoint may depend on all parts of the conversation, so that each message first has its own as content.
    messages = encode_messages(call, list, lambda parts: _ENDPOINTS[_endpoint(call, parts)][1](parts))
    parts: list[Part] = [part for message in messages for part in message["content"]]
    endpoint = _endpoint(call, parts)
    path, encode_content = _ENDPOINTS[endpoint]
    encoded = [{**message, "content": encode_content(message["content"])} for message in messages]
    parameters, tool_names = rename_tools(parameters, encoded, reserves_names=call.reserves_tool_names)
    parameters = with_preserved_thinking(parameters, encoded, call)
    check_json_mode(parameters, encoded, call)
    warn_of_cache_ttl(parameters, encoded, call)
    parameters = {**parameters, "result_format": "message"}
    if call.stream:
        # Without it, most models repeat the whole text so far in every event (recordings, 2025-11).
        parameters["incremental_output"] = True
    body: Json = {"model": call.model, "input": {"messages": encoded}, "parameters": parameters}
    headers = _TEMPORARY_FILE_HEADERS if any(map(is_temporary_file, parts)) else {}
    return Request(
        path=path,
        body=body,
        model=call.model,
        destination=call.destination,
        stream=call.stream,
        headers=headers,
        tool_names=tool_names,
        stream_rules=_STREAM_RULES,
        other_endpoint=lambda: _for_other_endpoint(body, endpoint, [message["content"] for message in messages]),
    )


def _for_other_endpoint(body: Json, endpoint: Endpoint, contents: Sequence[Sequence[Part]]) -> tuple[str, Json] | None:
    """Return the path and the body of the same call at the other endpoint; `None` if that one cannot take a content."""
    other: Endpoint = "text" if endpoint == "multimodal" else "multimodal"
    path, encode_content = _ENDPOINTS[other]
    try:
        encoded = [
            {**message, "content": encode_content(content)}
            for message, content in zip(body["input"]["messages"], contents, strict=True)
        ]
    except UnsupportedInputError:
        return None
    return path, {**body, "input": {"messages": encoded}}


def _endpoint(call: ChatCall, parts: Sequence[Part]) -> Endpoint:
    """Return the endpoint that serves a call: the model's, or the one for media that the user insists on."""
    profile = call.profile
    insists = not profile.enforced or "inputs" in profile.stated
    return "multimodal" if insists and any(isinstance(part, Media) for part in parts) else profile.native_endpoint


# For temporary files of the service, with `oss://` URLs (Model Studio docs, 2026-07-07).
_TEMPORARY_FILE_HEADERS = {"X-DashScope-OssResourceResolve": "enable"}


def decode(body: Json, request: Request) -> ChatResult:
    """Return LangChain's result for a whole response."""
    return read_result(body, request, _find_choices, _find_facts)


def decoder(request: Request) -> Decoder:
    """Return a new decoder for one stream."""
    return StreamDecoder(request, _find_choices, _find_facts)


def _find_choices(body: Json) -> Sequence[Json]:
    output = body.get("output") or {}
    choices: Sequence[Json] = output.get("choices") or ()
    if choices:
        return choices
    if isinstance(message := output.get("message"), dict):
        return (_research_choice(message, output),)
    if isinstance(output.get("text"), str):
        # The `text` result format, which some older models use although `message` was requested.
        return ({"message": {"content": output["text"]}, "finish_reason": output.get("finish_reason")},)
    return ()


def _research_choice(message: Json, output: Json) -> Json:
    """Return an event of qwen-deep-research as a choice. Its phases are reasoning, except the last one, the answer.

    Source of the shape and the spelling "fininshed": recordings of 2025, docs of 2026-06-28.
    """
    is_answer = message.get("phase") == "answer"
    reason = output.get("fininshed_reason")
    if reason in (None, "null", "") and (
        output.get("fininshed") or (is_answer and message.get("status") == "finished")
    ):
        reason = "stop"
    phase = {name: message[name] for name in ("phase", "status") if message.get(name)}
    research = (message.get("extra") or {}).get("deep_research")
    return {
        "message": {
            **{name: value for name, value in message.items() if name not in {"phase", "status", "extra"}},
            "content": message.get("content") if is_answer else "",
            "reasoning_content": "" if is_answer else message.get("content"),
            "deep_research": [{**phase, **research}] if research else None,
        },
        "finish_reason": reason,
    }


def _find_facts(body: Json) -> Json:
    """Return what a response has for the metadata: the model's name, a search's sources, the run of a server tool."""
    output = body.get("output") or {}
    facts: Json = {"model_name": output["model_name"]} if output.get("model_name") else {}
    # Only the first event of a stream has the sources; the others have empty lists (recording of 2025-10-19).
    if (found := output.get("search_info")) and any(found.values()):
        facts["search_info"] = found
    if output.get("tool_info"):
        facts["tool_info"] = output["tool_info"]
    return facts


# The protocol has no end mark: in recordings of 2025 the event with the finish reason is the last one, with the usage.
_STREAM_RULES = ChatStreamRules(_find_choices, grace=1.0)
