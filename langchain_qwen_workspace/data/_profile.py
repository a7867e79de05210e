"""`Profile`: the properties of one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date

    from langchain_qwen_workspace._protocol_names import ProtocolName
    from langchain_qwen_workspace.data._row import (
        Cache,
        Endpoint,
        Fusion,
        JsonOutput,
        Kind,
        Medium,
        Retirement,
        Streaming,
        Thinking,
        ToolChoice,
        WebSearch,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The properties of one model, according to Model Studio's documentation.

    The defaults are the permissive profile of an unknown model: they rule nothing out and promise nothing, so that a
    model newer than this package works. Rows of the catalogue state every field that applies to their kind.

    Attributes:
        name: The name of the catalogue row, `""` if there is none. A snapshot or an alias has the name of its model.
        known: Whether the catalogue has a row. `False` for other members of a known family and for the permissive
            default.
        as_of: The day up to which the row's facts were compared with the documentation; `None` without a row.
        stated: The names of the fields that the user stated, which count as known, whatever the catalogue says.
        enforced: Whether a call that contradicts the facts is refused, instead of sent with a warning.
        kind: The kind of model; `None` if not known.
        protocols: The protocols that serve the model; `None` if nothing rules one out.
        native_endpoint: The endpoint of the dashscope protocol that serves it: text or multimodal generation, text or
            multimodal embedding. It depends on the model, not the message: the other endpoint answers 400 `url error`.
        batch_route: The endpoint to name in a batch of the Batch API, if it is not the one of single calls.
        responses_api: Whether the service documents full support by the Responses API; `None` if not known.
        regions: Region ids that the model's page lists, only Beijing if it lists none, empty if not known. A newer page
            may list more: use them for a hint, not to refuse a call.
        retired: The day on which inference stops or stopped, `None` if none is known.
        retirement: How certain that day is. `official`: the service's notice, not contradicted. `announced`: the
            service's notice, but later pages still list the model. `reported`: a pass-through reseller reports it, the
            service's notice was not seen. `none`: no day is known.
        retirement_note: What else is known of the retirement.
        inputs: Media that a message can contain.
        outputs: Media that an answer can contain.
        context: Tokens of input and output together.
        max_input_tokens: Input tokens without thinking; also with thinking if `max_input_tokens_thinking` is `None`.
        max_input_tokens_thinking: Input tokens with thinking, if the limit differs.
        max_output_tokens: Tokens of the answer, without the reasoning before it.
        max_reasoning_tokens: Tokens of reasoning, the upper limit of `thinking_budget`.
        output_limit_covers_reasoning: Whether `max_tokens` limits reasoning and answer together, instead of the answer
            alone.
        thinking: Whether the model thinks, and the default. Of the known values, only `off` and `on` can be switched.
        thinking_switch: The parameter that switches it.
        reasoning_efforts: The `reasoning_effort` levels in ascending order; `none` turns thinking off.
        default_reasoning_effort: The level if none is given.
        preserve_thinking: Whether the model expects the `reasoning_content` of earlier answers in the history.
        replayed_fields: The further fields of earlier answers that the model expects back in the history, unchanged and
            only from its own answers, such as the ciphertext of its reasoning.
        streaming: When a call must be streamed.
        cumulative_on_openai: Whether every event of the openai protocol has the whole text so far, instead of the new
            part.
        tool_calling: Whether the model calls tools; `None` if not known.
        tool_choice: Accepted forms of `tool_choice`, empty without tools. `function` is accepted only without thinking.
        forced_while_thinking: Whether a tool can be forced by name while the model thinks.
        tool_stream: Whether tool calls arrive only if `tool_stream` is sent as `true`.
        json_output: The strictest `response_format`. With images or videos `schema` is reduced to `object`.
        web_search: Whether and how `enable_search` works.
        cache: The context caches that the model has.
        cache_ttl: Whether a `cache_control` mark may set a lifetime (`"ttl": "1h"`); `None` if not known.
        dimensions: Vector sizes to choose from, largest first, empty if not known. A single size is fixed: the
            parameter must not be sent then.
        default_dimension: The size if none is requested.
        max_rows: Texts per embedding request.
        max_row_tokens: Tokens per text.
        max_batch_tokens: Tokens of all texts of a request together.
        max_images: Images per embedding or rerank request.
        max_videos: Videos per embedding or rerank request.
        fusion: How an embedding model combines several texts and media into one vector.
        sparse: Whether the model returns sparse vectors, on the dashscope protocol.
        instruct: Whether an embedding or rerank model takes a task instruction; embeddings on the dashscope protocol
            only.
        qwen_vocabulary: Whether its tokens are those of Qwen's vocabulary, so that they can be counted offline.
        max_documents: Documents per rerank request.
        max_item_tokens: Tokens of the query, and of each document.
        max_request_tokens: Limit of the query's tokens times the number of documents, plus the documents' tokens.
    """

    name: str = ""
    known: bool = False
    as_of: date | None = None
    stated: frozenset[str] = frozenset()
    enforced: bool = True
    kind: Kind | None = None
    protocols: frozenset[ProtocolName] | None = None
    native_endpoint: Endpoint = "text"
    batch_route: str | None = None
    responses_api: bool | None = None
    regions: frozenset[str] = frozenset()
    retired: date | None = None
    retirement: Retirement = "none"
    retirement_note: str = ""

    inputs: frozenset[Medium] = frozenset({"text", "image", "video", "audio"})
    outputs: frozenset[Medium] = frozenset({"text", "audio"})
    context: int | None = None
    max_input_tokens: int | None = None
    max_input_tokens_thinking: int | None = None
    max_output_tokens: int | None = None
    max_reasoning_tokens: int | None = None
    output_limit_covers_reasoning: bool = False

    thinking: Thinking = "unknown"
    thinking_switch: Literal["enable_thinking", "thinking"] = "enable_thinking"
    reasoning_efforts: tuple[str, ...] = ()
    default_reasoning_effort: str | None = None
    preserve_thinking: bool = False
    replayed_fields: frozenset[str] = frozenset()
    streaming: Streaming = "optional"
    cumulative_on_openai: bool = False

    tool_calling: bool | None = None
    tool_choice: frozenset[ToolChoice] = frozenset({"auto", "none", "function", "required"})
    forced_while_thinking: bool = False
    tool_stream: bool = False
    json_output: JsonOutput = "unknown"
    web_search: WebSearch = "unknown"
    cache: frozenset[Cache] = frozenset({"explicit", "implicit"})
    cache_ttl: bool | None = None

    dimensions: tuple[int, ...] = ()
    default_dimension: int | None = None
    max_rows: int = 10
    max_row_tokens: int | None = None
    max_batch_tokens: int | None = None
    max_images: int | None = None
    max_videos: int | None = None
    fusion: Fusion = "parameter"
    sparse: bool = True
    instruct: bool = True
    qwen_vocabulary: bool = True

    max_documents: int | None = None
    max_item_tokens: int | None = None
    max_request_tokens: int | None = None

    def is_served_over(self, protocol: str) -> bool:
        """Return whether a protocol serves the model, as far as the catalogue knows."""
        return self.protocols is None or protocol in self.protocols

    def knows(self, field: str) -> bool:
        """Return whether a field is known, from the catalogue or the user's profile, and not a guess."""
        return self.known or field in self.stated
