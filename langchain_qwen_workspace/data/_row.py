"""The types of the values in a model's profile, and of one row of the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from datetime import date

    from langchain_qwen_workspace._protocol_names import ProtocolName

Kind: TypeAlias = Literal["chat", "embedding", "embedding_task", "rerank", "decision"]
"""The kind of a model; an `embedding_task` embeds the rows of a file in an asynchronous task.

A `decision` model chooses an action for a state; this package has no component for it.
"""

Endpoint: TypeAlias = Literal["text", "multimodal"]
"""The two endpoints that the dashscope protocol has for a kind of model."""

Thinking: TypeAlias = Literal["none", "off", "on", "only", "unknown"]
"""`none`: never thinks; `off`, `on`: the default of models that can do both; `only`: always thinks."""

Streaming: TypeAlias = Literal["optional", "thinking", "tools_or_audio", "required"]
"""When a call must be streamed: never, with thinking, with tools or audio output, always."""

ToolChoice: TypeAlias = Literal["auto", "none", "function", "required"]
"""The forms of `tool_choice`; `function` forces one tool by name, `required` forces any one."""

JsonOutput: TypeAlias = Literal["none", "object", "object_non_thinking", "schema", "unknown"]
"""The strictest `response_format`: none, `json_object`, `json_object` only without thinking, `json_schema`."""

WebSearch: TypeAlias = Literal["none", "any", "not_agent", "agent", "default", "responses", "unknown"]
"""Whether `enable_search` works: with any strategy, any but `agent`, only `agent`, only the default one.

`responses` models search through the Responses API only.
"""

Cache: TypeAlias = Literal["explicit", "implicit"]
"""The context caches: `explicit`, requested with `cache_control`, or `implicit`, automatic."""

Medium: TypeAlias = Literal["text", "image", "video", "audio"]
"""A medium of input or output."""

Fusion: TypeAlias = Literal["none", "always", "parameter", "object"]
"""How several texts and media become one vector: never, in each request, by `enable_fusion`, as one object."""

Retirement: TypeAlias = Literal["none", "official", "announced", "reported"]
"""How certain a retirement date is; see `langchain_qwen_workspace.profiles.Profile.retirement`."""


class Row(TypedDict, total=False):
    """The fields of a `Profile` that a catalogue states; a missing field has the default of `Profile`."""

    kind: Kind | None
    as_of: date
    protocols: frozenset[ProtocolName]
    native_endpoint: Endpoint
    batch_route: str
    responses_api: bool | None
    regions: frozenset[str]
    retired: date
    retirement: Retirement
    retirement_note: str

    inputs: frozenset[Medium]
    outputs: frozenset[Medium]
    context: int
    max_input_tokens: int
    max_input_tokens_thinking: int
    max_output_tokens: int
    max_reasoning_tokens: int
    output_limit_covers_reasoning: bool

    thinking: Thinking
    thinking_switch: Literal["enable_thinking", "thinking"]
    reasoning_efforts: tuple[str, ...]
    default_reasoning_effort: str
    preserve_thinking: bool
    replayed_fields: frozenset[str]
    streaming: Streaming
    cumulative_on_openai: bool

    tool_calling: bool | None
    tool_choice: frozenset[ToolChoice]
    forced_while_thinking: bool
    tool_stream: bool
    json_output: JsonOutput
    web_search: WebSearch
    cache: frozenset[Cache]
    cache_ttl: bool | None

    dimensions: tuple[int, ...]
    default_dimension: int
    max_rows: int
    max_row_tokens: int
    max_batch_tokens: int
    max_images: int
    max_videos: int
    fusion: Fusion
    sparse: bool
    instruct: bool
    qwen_vocabulary: bool

    max_documents: int
    max_item_tokens: int
    max_request_tokens: int
