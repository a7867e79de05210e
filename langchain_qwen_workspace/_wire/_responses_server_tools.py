"""Converts the built-in tools' items of the Responses API to LangChain's standard content blocks, and back."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._arguments import arguments_text, parse_arguments
from langchain_qwen_workspace._wire._surrogates import repair_value

# Beside these, an item's fields are those of its tool. Their statuses are `in_progress`, `searching`, `completed`, ….
_COMMON = frozenset({"id", "type", "status"})
_FAILED = frozenset({"failed", "incomplete"})
_IDS = ("id", "tool_call_id")


@dataclass(frozen=True, slots=True)
class _Item:
    """How the item of one tool is written as blocks.

    Attributes:
        name: The name of the tool in the blocks.
        args: Returns the arguments of the call.
        output: Returns the output of the result.
        fields: The item's fields that these two read; the others are kept in the call's `extras`.
    """

    name: str
    args: Callable[[Json], Any]
    output: Callable[[Json], Any]
    fields: frozenset[str]


def _fields(*names: str) -> Callable[[Json], Json]:
    return lambda item: {name: item[name] for name in names if item.get(name) is not None}


def _field(name: str) -> Callable[[Json], Any]:
    return lambda item: item.get(name)


def _search_args(item: Json) -> Json:
    return {name: value for name, value in (item.get("action") or {}).items() if name != "sources"}


def _search_output(item: Json) -> Json:
    return {"sources": (item.get("action") or {}).get("sources") or []}


def _arguments(item: Json) -> Any:
    """Return the arguments, which are JSON in a text; under their own name if they are not an object."""
    text = arguments_text(item.get("arguments"))
    args, _ = parse_arguments(str(item.get("name")), text)
    return {"arguments": text} if args is None else args


def _parsed_output(item: Json) -> Any:
    """Return the output, which is JSON in a text; the text itself if it is not valid JSON."""
    output = item.get("output")
    try:
        return json.loads(output) if isinstance(output, str) else output
    except (ValueError, RecursionError):
        return output


def _mcp_output(item: Json) -> Any:
    return item.get("error") if item.get("output") is None else item["output"]


def _image_search(name: str) -> _Item:
    return _Item(name, _arguments, _parsed_output, frozenset({"name", "arguments", "output"}))


# The names are those of LangChain's own class for the Responses API (langchain-openai 1.7.4), where it has the tool.
_ITEMS: Mapping[str, _Item] = {
    "web_search_call": _Item("web_search", _search_args, _search_output, frozenset({"action"})),
    "web_extractor_call": _Item(
        "web_extractor", _fields("urls", "goal"), _field("output"), frozenset({"urls", "goal", "output"})
    ),
    "code_interpreter_call": _Item(
        "code_interpreter", _fields("code"), _field("outputs"), frozenset({"code", "outputs"})
    ),
    "file_search_call": _Item("file_search", _fields("queries"), _field("results"), frozenset({"queries", "results"})),
    "web_search_image_call": _image_search("web_search_image"),
    "image_search_call": _image_search("image_search"),
    "mcp_call": _Item("remote_mcp", _arguments, _mcp_output, frozenset({"name", "arguments", "output"})),
}


def blocks_of(item: Json) -> list[Json]:
    """Return the call and the result of a built-in tool's item; a `non_standard` block for an unknown item."""
    item = repair_value(item)
    known = _ITEMS.get(str(item.get("type")))
    if known is None:
        return [{"type": "non_standard", "value": item}]
    extras = {name: item[name] for name in item.keys() - _COMMON - known.fields if item[name] is not None}
    if known.name == "remote_mcp" and item.get("name"):
        extras["tool_name"] = item["name"]
    call: Json = {"type": "server_tool_call", "id": item.get("id"), "name": known.name, "args": known.args(item)}
    if extras:
        call["extras"] = dict(sorted(extras.items()))
    failed = item.get("error") is not None or item.get("status") in _FAILED
    result = {
        "type": "server_tool_result",
        "tool_call_id": item.get("id"),
        "status": "error" if failed else "success",
        "output": known.output(item),
    }
    return [call, result]


def make_readable(block: Json) -> Json:
    """Return a block whose ids are strings, and whose unknown item has no type but a string: LangChain hashes them."""
    changes: Json = {name: str(block[name]) for name in _IDS if not isinstance(block.get(name), str | None)}
    value = block.get("value")
    if isinstance(value, dict) and not isinstance(value.get("type"), str | None):
        changes["value"] = {"value": value}
    return {**block, **changes} if changes else block


def citations_of(item: Json) -> list[Json]:
    """Return the sources of a web search as citations; the API does not say where in the text they are cited."""
    sources = (item.get("action") or {}).get("sources") if item.get("type") == "web_search_call" else None
    return [
        _without_none({"type": "citation", "url": source.get("url"), "title": source.get("title")}, source)
        for source in (sources if isinstance(sources, list) else ())
        if isinstance(source, dict)
    ]


def citation_of(annotation: Json) -> Json:
    """Return an annotation of a text as LangChain's standard one."""
    match annotation.get("type"):
        case "url_citation":
            names = ("url", "title", "start_index", "end_index")
            citation = {"type": "citation", **{name: annotation.get(name) for name in names}}
        case "file_citation":
            citation = {"type": "citation", "title": annotation.get("filename")}
        case _:
            return {"type": "non_standard_annotation", "value": annotation}
    return _without_none(citation, annotation)


def _without_none(citation: Json, source: Json) -> Json:
    """Return a citation without what is missing, and with the source's further fields as `extras`."""
    extras = {name: value for name, value in source.items() if name not in {*citation, "type", "filename"}}
    citation = {name: value for name, value in citation.items() if value is not None}
    return {**citation, "extras": extras} if extras else citation


def item_of(call: Mapping[str, Any], result: Mapping[str, Any] | None) -> Json | None:
    """Return the input item of a call and its result; `None` if the API takes no item of this tool back.

    Of the built-in tools, the reference of 2026-10-23 lists only the web search's item as input.
    """
    if call.get("name") != "web_search":
        return None
    action = dict(call.get("args") or {})
    output = (result or {}).get("output")
    if isinstance(output, Mapping) and output.get("sources"):
        action["sources"] = output["sources"]
    failed = (result or {}).get("status") == "error"
    id_ = {"id": call["id"]} if call.get("id") else {}
    return {"type": "web_search_call", **id_, "status": "failed" if failed else "completed", "action": action}


def describe(call: Mapping[str, Any], result: Mapping[str, Any] | None) -> str:
    """Return what a built-in tool was asked and what it returned, as a text for the model."""
    asked = json.dumps(call.get("args") or {}, ensure_ascii=False, default=str)
    output = (result or {}).get("output")
    returned = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, default=str)
    name = (call.get("extras") or {}).get("tool_name") or call.get("name")
    return f"[The tool {name} was called with {asked} and returned: {returned}]"


def split_results(blocks: Sequence[Any]) -> dict[Any, Mapping[str, Any]]:
    """Return the results among some blocks by the ids of their calls."""
    results = (block for block in blocks if isinstance(block, Mapping) and block.get("type") == "server_tool_result")
    return {block.get("tool_call_id"): block for block in results}
