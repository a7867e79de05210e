"""What each server that runs Qwen outside of Model Studio does otherwise than Model Studio."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_qwen_workspace.data._row import Row

Server: TypeAlias = Literal["auto", "model_studio", "vllm", "sglang", "ollama", "llama_cpp", "lm_studio", "openai"]
"""The server behind a `base_url`. `auto` tells Model Studio from any other server; that one is then `openai`."""

SERVERS_AS_OF = date(2026, 11, 29)
"""The date of these facts.

Sources: vLLM docs/features/reasoning_outputs.md and docs 0.26.0; SGLang 0.5.23 `protocol.py` and `serving_chat.py`;
Ollama `openai/openai.go` and docs.ollama.com/api/openai-compatibility (0.40.12, 2026-10-29); llama.cpp's help text of
`--reasoning-format` and the README of langchain-llama-cpp 0.1.0; LM Studio's API changelog and
lmstudio-ai/lmstudio-bug-tracker#2413 (2026-09-18).
"""

SERVER_PATH = "/v1"
"""The path of the OpenAI-compatible API, by which all of them begin theirs."""

REASONING_NAMES = ("reasoning_content", "reasoning")
"""The names under which servers return reasoning, the one that is read first, first."""

# Parameters of Model Studio that none of these servers reads.
_MODEL_STUDIO_ONLY = frozenset(
    {
        *("enable_search", "search_options", "enable_text_image_mixed", "enable_code_interpreter", "skill"),
        *("vl_high_resolution_images", "translation_options", "ocr_options", "asr_options", "use_multichannel"),
        *("thinking", "thinking_display", "clear_thinking", "tool_stream", "max_input_tokens"),
        *("cache_control", "prompt_cache_options"),
    }
)
_WITHOUT_BUDGET = _MODEL_STUDIO_ONLY | {"thinking_budget"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OtherServer:
    """A server that is not Model Studio.

    Attributes:
        name: Its name as the field `server` has it.
        title: Its name in messages.
        reasoning_name: The name of a message's reasoning, in answers and in the history.
        unsupported: Parameters that it would ignore or refuse.
        renamed: Its names of parameters that Model Studio calls otherwise.
        template_parameters: Parameters that it reads in `chat_template_kwargs`.
        replaced: What stands for a parameter's value: `{"enable_thinking": {False: {"reasoning_effort": "none"}}}`.
        facts: Facts about every model that it serves.
    """

    name: Server
    title: str
    reasoning_name: str = "reasoning_content"
    unsupported: frozenset[str] = _WITHOUT_BUDGET
    renamed: Mapping[str, str] = field(default_factory=dict)
    template_parameters: frozenset[str] = frozenset({"enable_thinking", "preserve_thinking"})
    replaced: Mapping[str, Mapping[Any, Mapping[str, Any]]] = field(default_factory=dict)
    facts: Row = field(default_factory=dict)  # type: ignore[assignment]  # an empty one


SERVERS: dict[str, OtherServer] = {
    server.name: server
    for server in (
        OtherServer(
            name="vllm",
            title="vLLM",
            reasoning_name="reasoning",
            unsupported=_MODEL_STUDIO_ONLY,
            renamed={"thinking_budget": "thinking_token_budget"},
        ),
        OtherServer(name="sglang", title="SGLang"),
        OtherServer(
            name="ollama",
            title="Ollama",
            reasoning_name="reasoning",
            # On `/v1` it ignores `think` and `chat_template_kwargs`; models that can think do so by default.
            unsupported=_WITHOUT_BUDGET | {"chat_template_kwargs", "preserve_thinking"},
            template_parameters=frozenset(),
            replaced={"enable_thinking": {False: {"reasoning_effort": "none"}, True: {}}},
        ),
        OtherServer(
            name="llama_cpp",
            title="llama.cpp",
            unsupported=_MODEL_STUDIO_ONLY,
            renamed={"thinking_budget": "reasoning_budget_tokens"},
            # A `tool_choice` that is an object is taken for "auto" without a word.
            facts={"tool_choice": frozenset({"auto", "none", "required"})},
        ),
        # Whether it reads `chat_template_kwargs` is not documented, and no other switch works on this API.
        OtherServer(name="lm_studio", title="LM Studio"),
        OtherServer(name="openai", title="the server"),
    )
}
"""The servers by name; `openai` is any other one that has OpenAI's API."""
