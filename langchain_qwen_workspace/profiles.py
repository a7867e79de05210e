"""Model profiles: the properties of each model, and the lookup of a profile by name."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from langchain_qwen_workspace.data._profiles import (
    AS_OF,
    FAMILIES,
    NEWEST_BEFORE,
    NEWEST_FAMILY,
    RETIRED_NAMES,
    ROWS,
    SNAPSHOTS,
)
from langchain_qwen_workspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    # At run time this import would take longer than the rest of the module.
    from langchain_core.language_models.model_profile import ModelProfile

    from langchain_qwen_workspace._protocol_names import ProtocolName
    from langchain_qwen_workspace.data._row import (
        Cache,
        Endpoint,
        Fusion,
        JsonOutput,
        Kind,
        Medium,
        Retirement,
        Row,
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
        responses_api: Whether the Responses API documents full support; `None` if not known.
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
        cache_ttl: Whether the mark of an explicit cache may say for how long (`"ttl": "1h"`); `None` if not known.
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


_LOGGER = logging.getLogger(__name__)
_CATALOGUE_NAMES = {name.lower(): name for name in ROWS}


@dataclass(frozen=True, slots=True, eq=False)
class _Registry:
    """The registered profiles by lower-case name. It is replaced as a whole, so that readers need no lock."""

    profiles: Mapping[str, Profile]


_registry = _Registry({})


def register(*profiles: Profile) -> None:
    """Add models to the catalogue of this process, or replace them, for every component.

    Their versions (`-2026-12-01`, `-latest`, …) follow them as they do for the catalogue's own models.

    Args:
        *profiles: The profiles, each with the model's name.

    Raises:
        ConfigurationError: One has no name, or is not a profile.
    """
    global _registry  # noqa: PLW0603 - the one registry of the process
    for position, profile in enumerate(profiles):
        if not getattr(profile, "name", "").strip():
            raise ConfigurationError(f"Profile {position} is {profile!r:.80}. Expected a `Profile` with a `name`.")
    added = {profile.name.strip().lower(): replace(profile, known=True) for profile in profiles}
    _registry = _Registry({**_registry.profiles, **added})


def unregister(*names: str) -> None:
    """Remove models that `register` added; the catalogue's own rows apply again.

    Args:
        *names: The models' names. Names that were not registered are ignored.
    """
    global _registry  # noqa: PLW0603 - the one registry of the process
    removed = {name.strip().lower() for name in names}
    left = {name: profile for name, profile in _registry.profiles.items() if name not in removed}
    _registry = _Registry(left)


# The suffix of a dated snapshot, a rolling alias, or Virginia's own deployment of a model.
_VERSION_SUFFIX = re.compile(r"-(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}|latest|preview|us)\Z")
# Those of the same model under another name; another version may be older than the last growth of a limit.
_SAME_VERSION = frozenset({"-latest", "-us"})
_MAX_SUFFIXES = 3  # `qwen-plus-2025-12-01-us` has two
_VIRGINIA = frozenset({"us-east-1"})


def profile_of(model: str, *, base_model: str | None = None, enforced: bool = True) -> Profile:
    """Return the profile of a model; never fails, since a model may be newer than this package.

    The lookup order is: the name itself, ignoring case; the name without version suffixes (`-2025-07-28`, `-0902`,
    `-latest`, `-preview`, `-us`); the name's family; for a newer generation of Qwen (`qwen5-plus`) the newest that is
    known; the permissive default. A dated version and a preview have the behaviour of their model, but no limits,
    unless the catalogue has their own: the model's may have grown since.

    Args:
        model: The model's name, as a call sends it.
        base_model: For a fine-tuned or deployed model, which has a name of its own: the catalogue model from which it
            was made. Its profile then applies.
        enforced: Whether a call that contradicts the profile is refused: a component's `check_capabilities`.
    """
    return _profile_of(model, base_model, enforced, _registry)


@lru_cache(maxsize=512)
def _profile_of(model: str, base_model: str | None, enforced: bool, registry: _Registry) -> Profile:
    if not enforced:
        return replace(_profile_of(model, base_model, True, registry), enforced=False)  # noqa: FBT003 - a key of the cache
    if base_model is None:
        return _find(model.strip().lower(), registry)
    # A deployment is not retired together with its base model.
    return _without_retirement(_find(base_model.strip().lower(), registry))


def _find(key: str, registry: _Registry) -> Profile:
    if (registered := registry.profiles.get(key)) is not None:
        return registered
    profile = _find_model(key, registry) or _find_version(key, registry) or _find_family(key)
    facts: Row = {**SNAPSHOTS.get(key, {}), **RETIRED_NAMES.get(key, {})}
    return replace(profile, **facts) if facts else profile


def _find_model(key: str, registry: _Registry) -> Profile | None:
    """Return the profile of a registered model or of a row of the catalogue."""
    name = _CATALOGUE_NAMES.get(key)
    return registry.profiles.get(key) or (None if name is None else _from_row(name))


def _from_row(name: str) -> Profile:
    return Profile(name=name, as_of=AS_OF, **ROWS[name])


def _find_version(key: str, registry: _Registry) -> Profile | None:
    """Return the profile of the model that the name is a version of; `None` if the catalogue has no such model."""
    virginia, is_same = False, True
    for _ in range(_MAX_SUFFIXES):
        suffix = _VERSION_SUFFIX.search(key)
        if suffix is None:
            return None
        virginia = virginia or suffix[0] == "-us"
        is_same = is_same and suffix[0] in _SAME_VERSION
        key = key[: suffix.start()]
        if (model := _find_model(key, registry)) is not None:
            # A snapshot and its model are retired on different days.
            profile = _without_retirement(model if is_same else _without_limits(model))
            return replace(profile, regions=_VIRGINIA) if virginia else profile
    return None


def _find_family(key: str) -> Profile:
    for pattern, row in FAMILIES:
        if fnmatchcase(key, pattern):
            return Profile(as_of=AS_OF, **row)
    generation = _GENERATION.match(key)
    if generation is None or (int(generation[1]), int(generation[2] or 0)) <= NEWEST_BEFORE:
        return Profile()
    _tell_of_generation(key)
    return Profile(as_of=AS_OF, **NEWEST_FAMILY)


_GENERATION = re.compile(r"qwen([0-9]{1,3})(?:\.([0-9]{1,3}))?(?:-|\Z)")


@lru_cache(maxsize=512)
def _tell_of_generation(model: str) -> None:
    """Log once that a model is newer than the catalogue."""
    _LOGGER.info(
        "%r is of a generation of Qwen that is newer than the catalogue of %s: it is taken for one of the newest known "
        "generation, which thinks and, on the dashscope protocol, has the multimodal endpoint. If this is wrong, "
        "register its profile with `profiles.register(Profile(…))`.",
        model,
        AS_OF,
    )


def _without_limits(profile: Profile) -> Profile:
    return replace(
        profile,
        context=None,
        max_input_tokens=None,
        max_input_tokens_thinking=None,
        max_output_tokens=None,
        max_reasoning_tokens=None,
    )


def _without_retirement(profile: Profile) -> Profile:
    return replace(profile, retired=None, retirement="none", retirement_note="")


def catalogue() -> tuple[Profile, ...]:
    """Return the profiles of all models of the catalogue, in the order of its tables, then the registered ones."""
    rows = {name.lower(): _from_row(name) for name in ROWS}
    return tuple({**rows, **_registry.profiles}.values())


def langchain_profile(profile: Profile) -> ModelProfile | None:
    """Convert a profile to LangChain's `ModelProfile`; `None` for unknown models and those that do not chat.

    `tool_choice` says whether the model can be forced to call *any* tool, which `with_structured_output` and agents
    rely on: Qwen can only be forced to call a tool by its name. `structured_output` says whether the service enforces a
    JSON schema.

    Args:
        profile: The profile of the model.
    """
    if not profile.known or profile.kind != "chat":
        return None
    converted: ModelProfile = {
        "name": profile.name,
        "status": "deprecated" if profile.retired else "active",
        "text_inputs": "text" in profile.inputs,
        "image_inputs": "image" in profile.inputs,
        "image_url_inputs": "image" in profile.inputs,
        "video_inputs": "video" in profile.inputs,
        "audio_inputs": "audio" in profile.inputs,
        "pdf_inputs": False,
        # deepagents sends images if this key is missing.
        "image_tool_message": "image" in profile.inputs,
        "pdf_tool_message": False,
        "text_outputs": "text" in profile.outputs,
        "image_outputs": False,
        "audio_outputs": "audio" in profile.outputs,
        "video_outputs": False,
        "structured_output": profile.json_output == "schema",
        "temperature": True,
    }
    _add_limits(profile, converted)
    _add_reasoning(profile, converted)
    if profile.tool_calling is not None:
        converted["tool_calling"] = profile.tool_calling
        converted["tool_choice"] = profile.tool_calling and "required" in profile.tool_choice
        converted["tool_call_streaming"] = profile.tool_calling
    return converted


def _add_limits(profile: Profile, converted: ModelProfile) -> None:
    max_input = profile.max_input_tokens
    if profile.thinking in {"on", "only"}:
        max_input = profile.max_input_tokens_thinking or max_input
    if max_input is not None:
        converted["max_input_tokens"] = max_input
    if profile.max_output_tokens is not None:
        converted["max_output_tokens"] = profile.max_output_tokens


def _add_reasoning(profile: Profile, converted: ModelProfile) -> None:
    if profile.thinking != "unknown":
        converted["reasoning_output"] = profile.thinking != "none"
    if profile.reasoning_efforts:
        converted["reasoning_effort_levels"] = list(profile.reasoning_efforts)
        if profile.default_reasoning_effort is not None:
            converted["reasoning_effort_default"] = profile.default_reasoning_effort
