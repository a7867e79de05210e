"""The tools of a Responses request: reads them, and makes the items of the built-in ones by rules.

Each offered built-in tool is called once after a user's message, in the order of `tools`, with the message as its
query; `image_search` only if there is an image. Nothing is searched, fetched or run.

Tools and items: Model Studio docs, create-response page (2026-09 or newer).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox._chat.conversation import Message
from langchain_qwen_workspace.sandbox._chat.responses_errors import combination_error, missing_error, value_error
from langchain_qwen_workspace.sandbox._models import ChatModel

_STRINGS = ("auto", "none", "required")
_MCP_FIELDS = ("server_protocol", "server_label", "server_url")
_NEEDS_THINKING = {
    "web_extractor": re.compile(r"qwen3-max"),
    "code_interpreter": re.compile(r"qwen3\.8-(max|flash)|qwen3\.7-max|qwen3-max"),
}
_OMNI_TOOLS = frozenset({"web_search"})
_URL = re.compile(r"https?://[^\s\"'<>]+[^\s\"'<>.,;:!?)]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MAX_QUERY = 80


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of a request.

    Attributes:
        functions: The functions, as the chat protocols write them.
        built_in: The built-in tools.
        choice: `auto`, `none` or `required`.
    """

    functions: tuple[Mapping[str, Any], ...] = ()
    built_in: tuple[Mapping[str, Any], ...] = ()
    choice: str = "auto"


def serves(model: ChatModel) -> bool:
    """Return whether the protocol serves a model: in full, or, as text models, with "basic compatibility"."""
    is_basic = model.family == "text" and not model.translates and model.is_openai_compatible
    return model.has_built_in_tools or is_basic


def read_tools(body: Mapping[str, Any], model: ChatModel) -> Tools:
    """Read `tools` and `tool_choice`.

    Args:
        body: The body of the request.
        model: The requested model.

    Returns:
        The tools that the model may call.

    Raises:
        Refusal: If the service would refuse a tool or the choice.
    """
    raw = body.get("tools")
    raw = [] if raw is None else raw
    if not isinstance(raw, list):
        raise value_error("tools", raw, "a list of tools")
    functions: dict[str, Mapping[str, Any]] = {}
    built_in: list[Mapping[str, Any]] = []
    for at, tool in enumerate(raw):
        type_ = tool.get("type") if isinstance(tool, Mapping) else None
        if type_ == "function":
            if not isinstance(tool.get("name"), str):
                raise missing_error(f"tools[{at}].name")
            keys = ("name", "description", "parameters")
            described = {key: tool[key] for key in keys if tool.get(key) is not None}
            functions[tool["name"]] = {"type": "function", "function": described}
            continue
        _check_built_in(tool, type_, f"tools[{at}]", model)
        built_in.append(tool)
    types = {tool["type"] for tool in built_in}
    if "web_extractor" in types and "web_search" not in types:
        raise combination_error("web_extractor must be used together with web_search.")
    return _choose(body.get("tool_choice"), Tools(tuple(functions.values()), tuple(built_in)))


def _check_built_in(tool: Any, type_: Any, where: str, model: ChatModel) -> None:
    if not isinstance(type_, str) or type_ not in _ITEMS:
        raise value_error(f"{where}.type", type_, f"one of function, {', '.join(_ITEMS)}")
    if not model.has_built_in_tools or ("audio" in model.media and type_ not in _OMNI_TOOLS):
        raise combination_error(f"The model {model.name} does not support the tool {type_}.")
    if type_ == "file_search":
        ids = tool.get("vector_store_ids")
        if not isinstance(ids, list) or len(ids) != 1 or not isinstance(ids[0], str):
            raise value_error(f"{where}.vector_store_ids", ids, "the id of one knowledge base")
    if type_ == "mcp":
        for name in _MCP_FIELDS:
            if not isinstance(tool.get(name), str):
                raise missing_error(f"{where}.{name}")


def _choose(choice: Any, tools: Tools) -> Tools:
    """Apply `tool_choice`: a string, or an object that names the tools that may be called."""
    if isinstance(choice, Mapping) and choice.get("type") == "allowed_tools" and isinstance(choice.get("tools"), list):
        allowed = [(tool.get("type"), tool.get("name")) for tool in choice["tools"] if isinstance(tool, Mapping)]
        functions = tuple(tool for tool in tools.functions if ("function", tool["function"]["name"]) in allowed)
        built_in = tuple(tool for tool in tools.built_in if tool["type"] in [type_ for type_, _ in allowed])
        tools, choice = Tools(functions, built_in), choice.get("mode")
        if choice not in ("auto", "required"):
            raise value_error("tool_choice.mode", choice, "auto or required")
        if len(functions) + len(built_in) < len(allowed):
            raise value_error("tool_choice.tools", allowed, "tools that are in 'tools'")
    choice = "auto" if choice is None else choice
    if not isinstance(choice, str) or choice not in _STRINGS:
        raise value_error("tool_choice", choice, f"one of {', '.join(_STRINGS)} or an object of type allowed_tools")
    if choice == "required" and len(tools.functions) + len(tools.built_in) != 1:
        raise combination_error("tool_choice 'required' is only supported with exactly one tool.")
    return Tools(tools.functions, tools.built_in, choice)


def check_thinking(tools: Tools, model: ChatModel, *, thinking: bool) -> None:
    """Refuse a built-in tool that a model calls only while it thinks."""
    for tool in tools.built_in:
        pattern = _NEEDS_THINKING.get(tool["type"])
        if pattern is not None and pattern.match(model.name) and not thinking:
            raise combination_error(f"The tool {tool['type']} of {model.name} needs thinking mode.")


# --- items ------------------------------------------------------------------------------------------


def call_built_in(tools: Tools, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the items of the built-in tools that are called, without their ids.

    Args:
        tools: The tools of the request.
        messages: The conversation.

    Returns:
        The complete items; none if the conversation does not end with a user's message.
    """
    if tools.choice == "none" or messages[-1].role != "user":
        return []
    has_image = any("image" in message.media for message in messages)
    return [
        {**_ITEMS[tool["type"]](tool, messages[-1].text), "type": f"{tool['type']}_call", "status": "completed"}
        for tool in tools.built_in
        if has_image or tool["type"] != "image_search"
    ]


def count_calls(items: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return how often each built-in tool was called, as `usage.x_tools` has it; the docs' dump has no MCP there."""
    names = [item["type"].removesuffix("_call") for item in items]
    counted = [name for name in names if name in _ITEMS and name != "mcp"]
    return {name: {"count": counted.count(name)} for name in dict.fromkeys(counted)}


def _web_search(_tool: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    urls = _source_urls(prompt)
    sources = [{"type": "url", "url": url} for url in urls]
    return {"action": {"type": "search", "query": prompt[:_MAX_QUERY], "sources": sources}}


def _web_extractor(_tool: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    urls = _URL.findall(prompt) or _source_urls(prompt)[:1]
    goal = prompt[:_MAX_QUERY]
    output = (
        f"The useful information in {', '.join(urls)} for user goal {goal} as follows: \n\n"
        "Evidence in page: \nThe sandbox fetches no pages.\n\nSummary: \nNothing was fetched."
    )
    return {"urls": urls, "goal": goal, "output": output}


def _code_interpreter(_tool: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    numbers = _NUMBER.findall(prompt)
    code = f"print({' + '.join(f'({number})' for number in numbers)})" if numbers else f"print({prompt[:_MAX_QUERY]!r})"
    logs = f"{sum(map(float, numbers)):g}\n" if numbers else f"{prompt[:_MAX_QUERY]}\n"
    return {"code": code, "outputs": [{"type": "logs", "logs": logs}], "container_id": f"sandbox-{_digest(prompt)}"}


def _image_results(prompt: str) -> str:
    results = [
        {"title": f"Image {n}", "url": f"https://example.com/{_digest(prompt)}/{n}.jpg", "index": n} for n in (1, 2)
    ]
    return json.dumps(results, ensure_ascii=False)


def _web_search_image(_tool: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    arguments = json.dumps({"queries": [prompt[:_MAX_QUERY]]}, ensure_ascii=False)
    return {"name": "web_search_image", "arguments": arguments, "output": _image_results(prompt)}


def _image_search(_tool: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    arguments = json.dumps({"img_idx": 0, "bbox": [0, 0, 1000, 1000]})
    return {"name": "image_search", "arguments": arguments, "output": _image_results(prompt)}


def _file_search(tool: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    store = tool["vector_store_ids"][0]
    text = f"The sandbox has no documents. The query was: {prompt[:_MAX_QUERY]}"
    result = {"score": 0.5, "filename": f"{store}.txt", "text": text, "file_id": f"file_{_digest(store)}"}
    return {"queries": [prompt[:_MAX_QUERY]], "results": [result]}


def _mcp(tool: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    arguments = json.dumps({"text": prompt[:_MAX_QUERY]}, ensure_ascii=False)
    label = tool["server_label"]
    return {"name": f"{label}-echo", "server_label": label, "arguments": arguments, "output": arguments}


_ITEMS: dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "web_search": _web_search,
    "web_extractor": _web_extractor,
    "code_interpreter": _code_interpreter,
    "web_search_image": _web_search_image,
    "image_search": _image_search,
    "file_search": _file_search,
    "mcp": _mcp,
}


def _source_urls(prompt: str) -> list[str]:
    return [f"https://example.com/{_digest(prompt)}/{number}" for number in (1, 2)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
