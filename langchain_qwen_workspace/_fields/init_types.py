"""The types of the arguments that components take, for type checkers: more than the fields hold afterwards.

A field of a pydantic model has one type, that of its value. Validators accept more: a key as text, a region by its
everyday name, a list for a set, another name for the same field. Nothing here is used at run time.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, TypeAlias, TypedDict

import httpx
import httpx2
from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter
from pydantic import BaseModel

from langchain_qwen_workspace._protocol_names import ProtocolArgument
from langchain_qwen_workspace._workspace.endpoints import EndpointKind, RegionArgument
from langchain_qwen_workspace._workspace.keys import ApiKeyArgument
from langchain_qwen_workspace.data._servers import Server
from langchain_qwen_workspace.guard import WorkspaceGuard
from langchain_qwen_workspace.routing import WorkspaceRouter
from langchain_qwen_workspace.workspace import QwenWorkspace

JsonObject: TypeAlias = Mapping[str, Any]


class WorkspaceArguments(TypedDict, total=False):
    """The arguments that set a component's workspace; see `WorkspaceFields`."""

    workspace: QwenWorkspace | WorkspaceRouter | None
    api_key: ApiKeyArgument | None
    dashscope_api_key: ApiKeyArgument | None
    workspace_id: str | None
    region: RegionArgument | None
    endpoint: EndpointKind | None
    base_url: str | None
    server: Server
    allowed_models: Collection[str] | None


class ClientArguments(WorkspaceArguments, total=False):
    """The arguments that configure a component's calls; see `ClientFields`."""

    protocol: ProtocolArgument
    check_capabilities: bool
    timeout: float
    total_timeout: float | None
    max_retries: int
    max_connections: int
    max_response_bytes: int
    default_headers: Mapping[str, str] | None
    http_client: httpx.Client | httpx2.Client | None
    http_async_client: httpx.AsyncClient | httpx2.AsyncClient | None
    guard: WorkspaceGuard | None
    base_model: str | None
    model_kwargs: dict[str, Any]
    callbacks: Callbacks


class RetrievalArguments(ClientArguments, total=False):
    """The arguments that embeddings and rerank share; see `RetrievalFields`."""

    instruct: str | None


class EmbeddingsArguments(RetrievalArguments, total=False):
    """The arguments of `QwenWorkspaceEmbeddings`, but for the model."""

    dimensions: int | None
    text_type: Literal["query", "document"] | None
    chunk_size: int | None
    max_concurrency: int
    show_progress_bar: bool


class RerankArguments(RetrievalArguments, total=False):
    """The arguments of `QwenWorkspaceRerank`, but for the model."""

    top_n: int | None


class ChatArguments(ClientArguments, total=False):
    """The arguments of `ChatQwenWorkspace`: LangChain's, the fields, and documented parameters without a field.

    One of `model` and `model_name` is required. Overloads that say so would make a checker's messages pages long.
    """

    model: str
    model_name: str

    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
    rate_limiter: BaseRateLimiter | None
    disable_streaming: bool | Literal["tool_calling"]
    output_version: str | None
    profile: ModelProfile | None

    request_timeout: float
    streaming: bool | None
    stream_usage: bool

    temperature: float | None
    top_p: float | None
    top_k: int | None
    presence_penalty: float | None
    repetition_penalty: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    max_input_tokens: int | None
    n: int | None
    seed: int | None
    stop: list[str] | str | list[int] | list[list[int]] | None
    stop_sequences: list[str] | str | list[int] | list[list[int]] | None
    logprobs: bool | None
    top_logprobs: int | None
    enable_thinking: bool | None
    thinking: JsonObject
    thinking_budget: int | None
    thinking_display: str | None
    reasoning_effort: str | None
    preserve_thinking: bool | None
    clear_thinking: bool | None
    enable_search: bool | None
    search_options: dict[str, Any] | None
    enable_code_interpreter: bool
    tools: list[dict[str, Any]]
    tool_choice: str | JsonObject
    tool_stream: bool
    parallel_tool_calls: bool | None
    response_format: JsonObject | type[BaseModel]
    output_format: str
    extra_body: Mapping[str, Any] | None

    store: bool | None
    conversation: str | None
    use_previous_response_id: bool | None
    previous_response_id: str | None
    session_cache: bool | None
    max_output_tokens: int
    instructions: str
    reasoning: JsonObject

    cache_control: JsonObject
    prompt_cache_options: JsonObject
    stream_options: JsonObject
    incremental_output: bool
    result_format: str
    skill: Any
    translation_options: JsonObject
    asr_options: JsonObject
    ocr_options: JsonObject
    audio: JsonObject
    modalities: list[str]
    max_frames: int
    enable_text_image_mixed: bool
    use_multichannel: bool
    vl_enable_image_hw_output: bool
    vl_high_resolution_images: bool
