"""Describes one model for `qwen-workspace models NAME`, line by line in words."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date

from langchain_qwen_workspace._protocols import documented_protocols
from langchain_qwen_workspace._workspace.endpoints import region_name
from langchain_qwen_workspace.profiles import Profile

_UNKNOWN = "not known"
_KINDS: Mapping[str | None, tuple[str, str]] = {
    "chat": ("chat", "ChatQwenWorkspace"),
    "embedding": ("embedding", "QwenWorkspaceEmbeddings"),
    "embedding_task": ("embedding of files, by asynchronous tasks", ""),
    "rerank": ("rerank", "QwenWorkspaceRerank"),
    "decision": ("decision", ""),
    None: (_UNKNOWN, ""),
}
_THINKING = {
    "none": "no",
    "off": "if asked to (`enable_thinking=True`)",
    "on": "by default; `enable_thinking=False` switches it off",
    "only": "always",
    "unknown": _UNKNOWN,
}
_JSON = {
    "none": "no",
    "object": "any JSON object (`json_object`)",
    "object_non_thinking": "any JSON object (`json_object`), without thinking",
    "schema": "enforced schema (`json_schema`)",
    "unknown": _UNKNOWN,
}
_SEARCH = {"none": "no", "any": "yes (`enable_search=True`)", "unknown": _UNKNOWN}
_RESPONSES = {True: "fully documented", False: "basic compatibility only", None: _UNKNOWN}
_STREAMING = {
    "optional": "optional",
    "thinking": "required with thinking",
    "tools_or_audio": "required with tools or audio output",
    "required": "required",
}
_RETIREMENT = {
    "official": "the service's notice",
    "announced": "the service's notice; later pages still list the model",
    "reported": "reported by a reseller, not by the service",
}


def describe_model(profile: Profile, today: date) -> list[tuple[str, str]]:
    """Return what is known of a model, as lines of a title and a text.

    Args:
        profile: The model's profile.
        today: The date, by which a retirement is past or to come.
    """
    lines = [*_general(profile, today), *_LINES_BY_KIND.get(profile.kind, _no_more)(profile)]
    if profile.as_of is not None:
        lines.append(("Facts as of", profile.as_of.isoformat()))
    return lines


def _general(profile: Profile, today: date) -> Iterator[tuple[str, str]]:
    kind, component = _KINDS.get(profile.kind, (str(profile.kind), ""))
    yield "Kind", kind
    if component:
        yield "Class", component
    if profile.retired is not None:
        verb = "retired since" if profile.retired <= today else "will be retired on"
        source = "; ".join(filter(None, (_RETIREMENT.get(profile.retirement, ""), profile.retirement_note)))
        yield "Status", f"{verb} {profile.retired} ({source})" if source else f"{verb} {profile.retired}"
    yield "Protocols", _join(documented_protocols(profile))
    yield "Regions", _join(map(region_name, profile.regions)) or _UNKNOWN


def _of_chat(profile: Profile) -> Iterator[tuple[str, str]]:
    yield "Input", _join(profile.inputs) or _UNKNOWN
    yield "Output", _join(profile.outputs) or _UNKNOWN
    yield "Context", _tokens(profile.context)
    yield "Input limit", _tokens(profile.max_input_tokens)
    if profile.max_input_tokens_thinking is not None:
        yield "… with thinking", _tokens(profile.max_input_tokens_thinking)
    yield "Output limit", _tokens(profile.max_output_tokens)
    yield "Thinks", _THINKING[profile.thinking]
    if profile.max_reasoning_tokens is not None:
        yield "Thoughts limit", _tokens(profile.max_reasoning_tokens)
    if profile.reasoning_efforts:
        yield "Efforts", ", ".join(profile.reasoning_efforts)
    yield "Tools", {True: "yes", False: "no", None: _UNKNOWN}[profile.tool_calling]
    if profile.tool_calling:
        yield "tool_choice", _join(profile.tool_choice)
    yield "JSON", _JSON[profile.json_output]
    yield "Web search", _SEARCH.get(profile.web_search, f"with limits (`{profile.web_search}`)")
    yield "Cache", _join(profile.cache) or "no"
    yield "Responses", _RESPONSES[profile.responses_api]
    yield "Streaming", _STREAMING[profile.streaming]


def _of_embedding(profile: Profile) -> Iterator[tuple[str, str]]:
    yield "Input", _join(profile.inputs) or _UNKNOWN
    yield "Dimensions", ", ".join(map(str, profile.dimensions)) or _UNKNOWN
    if len(profile.dimensions) > 1:
        yield "… by default", str(profile.default_dimension)
    yield "Texts a request", str(profile.max_rows)
    yield "Text limit", _tokens(profile.max_row_tokens)
    yield "Request limit", _tokens(profile.max_batch_tokens)
    yield "Sparse vectors", 'yes, with `protocol="dashscope"`' if profile.sparse else "no"


def _of_rerank(profile: Profile) -> Iterator[tuple[str, str]]:
    yield "Input", _join(profile.inputs) or _UNKNOWN
    yield "Documents", _UNKNOWN if profile.max_documents is None else f"{profile.max_documents:,} a request"
    yield "Document limit", _tokens(profile.max_item_tokens)
    yield "Request limit", _tokens(profile.max_request_tokens)


def _no_more(_: Profile) -> Iterator[tuple[str, str]]:
    return iter(())


_LINES_BY_KIND: Mapping[str | None, Callable[[Profile], Iterator[tuple[str, str]]]] = {
    "chat": _of_chat,
    "embedding": _of_embedding,
    "embedding_task": _of_embedding,
    "rerank": _of_rerank,
}


def _tokens(number: int | None) -> str:
    return _UNKNOWN if number is None else f"{number:,} tokens"


def _join(values: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, values)))
