"""Model profiles: the facts of each row, lookup by name, and LangChain's `ModelProfile`."""

import warnings
from dataclasses import replace
from datetime import date
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import model_profile
from langchain_core.language_models.model_profile import ModelProfile

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.profiles import Profile, catalogue, langchain_profile, profile_of

REGIONS = {"cn-beijing", "ap-southeast-1", "us-east-1", "cn-hongkong", "eu-central-1", "ap-northeast-1"}
EXPECTED: list[tuple[str, dict[str, Any]]] = [
    (
        "qwen4-max",
        {
            "native_endpoint": "multimodal",
            "thinking": "on",
            "inputs": {"text", "image", "video"},
            "json_output": "schema",
            "preserve_thinking": True,
            "replayed_fields": {"encrypted_content"},
            "cache": {"explicit", "implicit"},
            "cache_ttl": True,
            "context": 1_000_000,
            "max_input_tokens": 991_808,
            "max_input_tokens_thinking": 983_616,
            "max_output_tokens": 131_072,
            "max_reasoning_tokens": 262_144,
            "output_limit_covers_reasoning": True,
            "reasoning_efforts": ("none", "off", "minimal", "low", "medium", "high", "xhigh", "max"),
        },
    ),
    ("qwen4-max-preview", {"native_endpoint": "multimodal", "context": 1_000_000, "max_input_tokens": None}),
    (
        "qwen3.8-max",
        {
            "native_endpoint": "multimodal",
            "thinking": "on",
            "streaming": "optional",
            "json_output": "schema",
            "web_search": "not_agent",
            "preserve_thinking": True,
            "context": 1_000_000,
            "max_input_tokens": 991_808,
            "max_input_tokens_thinking": 983_616,
            "max_output_tokens": 131_072,
            "max_reasoning_tokens": 262_144,
            "reasoning_efforts": ("none", "low", "medium", "xhigh"),
            "inputs": {"text", "image", "video"},
        },
    ),
    (
        "qwen3.8-2.4t-a95b",
        {"thinking": "only", "tool_choice": {"auto", "none"}},
    ),
    (
        "qwen3.8-omni-flash",
        {
            "native_endpoint": "multimodal",
            "streaming": "tools_or_audio",
            "web_search": "agent",
            "outputs": {"text", "audio"},
        },
    ),
    ("qwen3.7-max", {"native_endpoint": "text", "thinking": "on", "inputs": {"text"}}),
    ("qwen3.7-plus", {"native_endpoint": "multimodal", "thinking": "on", "json_output": "schema"}),
    ("qwen3.6-max-preview", {"native_endpoint": "text", "retired": date(2026, 10, 10)}),
    ("qwen3.6-plus", {"native_endpoint": "multimodal", "json_output": "object_non_thinking"}),
    ("qwen3.5-27b", {"native_endpoint": "multimodal", "thinking": "on", "cache": set()}),
    (
        "qwen-plus",
        {
            "native_endpoint": "text",
            "thinking": "off",
            "streaming": "optional",
            "tool_choice": {"auto", "none", "function"},
            "protocols": None,
            "retired": None,
            "max_input_tokens": 997_952,
            "regions": {"cn-beijing", "ap-southeast-1", "eu-central-1", "us-east-1"},
        },
    ),
    ("qwen-turbo", {"thinking": "off", "retirement": "reported", "retired": date(2026, 10, 10)}),
    ("qwen-max", {"thinking": "none", "retirement": "announced", "retired": date(2026, 7, 13)}),
    ("qwen3-8b", {"native_endpoint": "text", "thinking": "on", "streaming": "thinking"}),
    (
        "qwq-plus",
        {"thinking": "only", "streaming": "required", "web_search": "default", "tool_choice": set()},
    ),
    ("qvq-max", {"native_endpoint": "multimodal", "thinking": "only", "streaming": "required"}),
    ("qwen3-vl-plus", {"native_endpoint": "multimodal", "thinking": "off", "tool_calling": True}),
    ("qwen-vl-ocr", {"native_endpoint": "multimodal", "tool_calling": False, "tool_choice": set()}),
    ("qwen-mt-plus", {"native_endpoint": "text", "thinking": "none", "cumulative_on_openai": True}),
    ("qwen-mt-flash", {"cumulative_on_openai": False}),
    ("qwen-deep-research", {"protocols": {"dashscope"}, "streaming": "required"}),
    ("deepseek-v4-pro", {"native_endpoint": "text", "thinking": "on", "output_limit_covers_reasoning": True}),
    ("deepseek-v3.1", {"tool_calling": True, "thinking": "off"}),
    ("kimi-k3", {"thinking": "only", "tool_choice": {"auto", "none", "required"}}),
    ("kimi/kimi-k3", {"tool_choice": {"auto", "none", "required"}, "preserve_thinking": True}),
    ("glm-5.2", {"tool_stream": True, "thinking": "on", "web_search": "responses"}),
    ("glm-5.3", {"tool_stream": False, "thinking": "only"}),
    ("MiniMax/MiniMax-M3", {"thinking": "on", "thinking_switch": "thinking"}),
    (
        "qwen3.7-text-embedding",
        {
            "kind": "embedding",
            "max_rows": 20,
            "dimensions": (2560, 2048, 1536, 1024, 768, 512, 256),
            "default_dimension": 1024,
            "max_row_tokens": 128_000,
            "sparse": True,
            "instruct": True,
        },
    ),
    (
        "text-embedding-v4",
        {
            "native_endpoint": "text",
            "max_rows": 10,
            "dimensions": (2048, 1536, 1024, 768, 512, 256, 128, 64),
            "default_dimension": 1024,
            "max_row_tokens": 8_192,
            "sparse": True,
            "instruct": True,
        },
    ),
    ("text-embedding-v3", {"max_rows": 10, "sparse": True, "instruct": False}),
    ("text-embedding-v1", {"max_rows": 25, "dimensions": (1536,), "max_row_tokens": 2_048, "sparse": False}),
    (
        "qwen3-vl-embedding",
        {"native_endpoint": "multimodal", "protocols": {"dashscope"}, "default_dimension": 2560},
    ),
    ("qwen2.5-vl-embedding", {"max_rows": 1, "default_dimension": 1024}),
    (
        "qwen3-rerank",
        {
            "kind": "rerank",
            "max_documents": 500,
            "max_item_tokens": 4_000,
            "max_request_tokens": 120_000,
            "protocols": None,
        },
    ),
    ("gte-rerank-v2", {"max_request_tokens": 30_000, "protocols": {"dashscope"}, "instruct": False}),
    ("gte-rerank", {"retired": date(2026, 5, 30), "retirement": "official"}),
]


@pytest.mark.parametrize(("model", "facts"), EXPECTED, ids=[model for model, _ in EXPECTED])
def test_a_catalogue_row_has_the_documented_facts(model: str, facts: dict[str, Any]) -> None:
    profile = profile_of(model)
    assert profile.known
    assert profile.name == model
    assert {field: getattr(profile, field) for field in facts} == facts


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("qwen-plus-2025-07-28", "qwen-plus"),
        ("qwen-plus-latest", "qwen-plus"),
        ("qwen-max-0428", "qwen-max"),
        ("qwen3.7-max-us", "qwen3.7-max"),
        ("qwen3.7-max-preview", "qwen3.7-max"),
        ("qwen-plus-2025-12-01-us", "qwen-plus"),
        ("QWEN-Plus", "qwen-plus"),
        (" qwen-plus\n", "qwen-plus"),
        ("minimax/minimax-m3", "MiniMax/MiniMax-M3"),
        ("moonshot-kimi-k2-instruct", "Moonshot-Kimi-K2-Instruct"),
        # These suffixes belong to names with rows of their own.
        ("qwen3.8-max-0902", "qwen3.8-max-0902"),
        ("deepseek-v4-pro-0813", "deepseek-v4-pro-0813"),
        ("qwen3.6-max-preview", "qwen3.6-max-preview"),
        ("qwen3-235b-a22b-instruct-2507", "qwen3-235b-a22b-instruct-2507"),
        ("tongyi-embedding-vision-plus-2026-03-06", "tongyi-embedding-vision-plus-2026-03-06"),
    ],
)
def test_a_version_has_the_profile_of_its_model(alias: str, name: str) -> None:
    profile = profile_of(alias)
    assert profile.known
    assert profile.name == name


def test_a_deepseek_snapshot_differs_from_its_model_only_in_effort_levels() -> None:
    assert profile_of("deepseek-v4-pro").reasoning_efforts == ("none", "high", "max")
    assert profile_of("deepseek-v4-pro-0813").reasoning_efforts == ("none", "low", "high", "max")
    assert profile_of("deepseek-v4-pro-0813").native_endpoint == "text"


def test_a_us_deployment_is_only_in_virginia() -> None:
    assert profile_of("qwen3.7-max-us").regions == {"us-east-1"}
    assert "ap-southeast-1" in profile_of("qwen3.7-max").regions


def test_a_version_has_its_own_retirement() -> None:
    assert profile_of("qwen3-max").retirement == "reported"
    assert profile_of("qwen3-max-2026-01-23").retired is None
    assert profile_of("qwen3-max-2026-01-23").retirement == "none"
    assert profile_of("qwen3-vl-plus").retired is None
    assert profile_of("qwen3-vl-plus-2025-09-23").retired == date(2026, 10, 10)
    assert profile_of("deepseek-v3.2-exp").retirement == "reported"


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("qwen3.8-turbo", {"native_endpoint": "multimodal", "thinking": "on"}),
        ("qwen3.7-max-fast", {"native_endpoint": "text", "thinking": "on"}),
        ("qwen3.7-plus-ft-202611", {"native_endpoint": "multimodal", "thinking": "on"}),
        ("qwen3.6-8b", {"native_endpoint": "multimodal"}),
        ("qwen3-4b", {"native_endpoint": "text", "thinking": "on", "streaming": "thinking"}),
        ("qwen3-coder-mini", {"native_endpoint": "text", "thinking": "none", "streaming": "optional"}),
        ("qwen-vl-max-ft", {"native_endpoint": "multimodal"}),
        ("qwen2.5-vl-72b-instruct", {"native_endpoint": "multimodal"}),
        ("qwen3-vl-2b-thinking", {"native_endpoint": "multimodal", "thinking": "only"}),
        ("qvq-72b", {"native_endpoint": "multimodal", "streaming": "required"}),
        ("qwq-32b", {"native_endpoint": "text", "streaming": "required"}),
        ("qwen4-omni-plus", {"native_endpoint": "multimodal", "streaming": "tools_or_audio"}),
        ("qwen2-audio-instruct", {"native_endpoint": "multimodal", "protocols": {"dashscope"}}),
        ("qwen-mt-uni", {"native_endpoint": "text", "tool_choice": set()}),
        ("qwen-deep-research-pro", {"protocols": {"dashscope"}, "streaming": "required"}),
        ("qwen2.5-72b-instruct", {"native_endpoint": "text", "thinking": "none"}),
        ("qwen-plus-ft-202611", {"native_endpoint": "text", "thinking": "unknown"}),
        ("text-embedding-v9", {"kind": "embedding", "native_endpoint": "text", "max_rows": 10}),
        (
            "qwen4-vl-embedding",
            {"kind": "embedding", "native_endpoint": "multimodal", "protocols": {"dashscope"}, "max_rows": 1},
        ),
        ("qwen4-rerank", {"kind": "rerank", "protocols": None}),
        ("ZHIPU/GLM-5.3-FlashX", {"tool_stream": True}),
        ("kimi/kimi-k2.5", {"preserve_thinking": True}),
        ("vanchin/deepseek-v4.1-flash", {"thinking": "on"}),
    ],
)
def test_an_unknown_member_of_a_family_has_the_profile_of_the_family(model: str, facts: dict[str, Any]) -> None:
    profile = profile_of(model)
    assert not profile.known
    assert profile.name == ""
    assert {field: getattr(profile, field) for field in facts} == facts


@pytest.mark.parametrize("model", ["my-own-model", "", "qwen", "ft:1234", "-latest", "-us-us-us-us"])
def test_an_unknown_name_has_the_permissive_profile(model: str) -> None:
    profile = profile_of(model)
    assert profile == Profile()
    assert not profile.known
    assert profile.native_endpoint == "text"
    assert profile.protocols is None
    assert profile.thinking == "unknown"
    assert profile.streaming == "optional"
    assert profile.tool_calling is None
    assert profile.tool_choice == {"auto", "none", "function", "required"}
    assert profile.max_rows == 10
    assert profile.dimensions == ()
    assert profile.sparse
    assert profile.instruct


def test_a_deployment_has_the_profile_of_its_base_model() -> None:
    profile = profile_of("my-deployment-7f3a", base_model="qwen3-vl-plus-2025-12-19")
    assert profile.known
    assert profile.name == "qwen3-vl-plus"
    assert profile.native_endpoint == "multimodal"
    assert profile_of("qwen-plus", base_model="qwen3.8-flash").native_endpoint == "multimodal"


def test_a_deployment_is_not_retired_with_its_base_model() -> None:
    assert profile_of("qwen3-32b").retired == date(2026, 10, 10)
    deployed = profile_of("my-deployment", base_model="qwen3-32b")
    assert deployed.streaming == "thinking"
    assert deployed.retired is None


def test_lookups_are_cached() -> None:
    assert profile_of("qwen-plus-2025-07-28") is profile_of("qwen-plus-2025-07-28")


@given(st.text(), st.none() | st.text())
def test_a_lookup_never_fails(model: str, base_model: str | None) -> None:
    profile = profile_of(model, base_model=base_model)
    langchain_profile(profile)


@given(st.lists(st.sampled_from(["qwen", "3", ".8", "-max", "-vl", "-us", "-0902", "/", "*", "[", "-embedding"])))
def test_a_lookup_never_fails_for_combined_parts_of_names(parts: list[str]) -> None:
    assert isinstance(profile_of("".join(parts)), Profile)


@pytest.mark.parametrize("profile", catalogue(), ids=lambda profile: profile.name)
class TestEveryRow:
    def test_is_found_by_name_in_any_case(self, profile: Profile) -> None:
        assert profile_of(profile.name) == profile
        assert profile_of(profile.name.upper()) == profile

    def test_states_kind_protocols_regions_and_inputs(self, profile: Profile) -> None:
        assert profile.known
        assert profile.kind
        assert profile.protocols is None or profile.protocols <= set(get_args(ProtocolName))
        assert profile.protocols != frozenset()
        assert profile.regions
        assert profile.regions <= REGIONS
        assert profile.inputs

    def test_has_consistent_limits(self, profile: Profile) -> None:
        context = profile.context or 10**9
        assert (profile.max_output_tokens or 0) <= context
        assert (profile.max_input_tokens or 0) <= context
        assert (profile.max_input_tokens_thinking or 0) <= (profile.max_input_tokens or 0)

    def test_has_a_tool_choice_only_with_tools(self, profile: Profile) -> None:
        assert (profile.tool_calling is False) == (not profile.tool_choice)

    def test_has_required_tool_choice_only_if_documented(self, profile: Profile) -> None:
        if profile.tool_calling and profile.name not in {"kimi-k3", "kimi/kimi-k3"}:
            assert "required" not in profile.tool_choice
        if profile.tool_calling and profile.thinking == "only":
            assert "function" not in profile.tool_choice

    def test_has_consistent_thinking_facts(self, profile: Profile) -> None:
        if profile.thinking == "none":
            assert profile.max_reasoning_tokens is None
            assert profile.max_input_tokens_thinking is None
            assert profile.reasoning_efforts == ()
            assert not profile.preserve_thinking
            assert profile.streaming != "thinking"
        if profile.reasoning_efforts:
            assert profile.default_reasoning_effort in {None, *profile.reasoning_efforts}
            assert ("none" in profile.reasoning_efforts) == (profile.thinking != "only")

    def test_has_consistent_embedding_facts(self, profile: Profile) -> None:
        embeds = profile.kind in {"embedding", "embedding_task"}
        assert embeds == bool(profile.dimensions)
        assert embeds == (profile.default_dimension is not None)
        assert not embeds or profile.default_dimension in profile.dimensions
        assert list(profile.dimensions) == sorted(profile.dimensions, reverse=True)
        assert profile.max_rows >= 1
        if embeds and profile.native_endpoint == "multimodal":
            assert not profile.is_served_over("openai")

    def test_states_how_certain_its_retirement_is(self, profile: Profile) -> None:
        assert (profile.retired is None) == (profile.retirement == "none")
        assert (profile.retired is None) == (profile.retirement_note == "")

    def test_converts_to_known_keys_of_langchain(self, profile: Profile) -> None:
        converted = langchain_profile(profile)
        assert (converted is None) == (profile.kind != "chat")
        if converted is not None:
            assert set(converted) <= set(get_type_hints(ModelProfile))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                model_profile._warn_unknown_profile_keys(converted)


def test_a_profile_with_unknown_keys_causes_a_warning() -> None:
    ChatQwenWorkspace(model="qwen-plus", api_key="sk-x", profile={"max_input_tokens": 7})
    with pytest.warns(UserWarning, match="Unrecognized keys in model profile: ..max_tokenz"):
        ChatQwenWorkspace(model="qwen-plus", api_key="sk-x", profile={"max_tokenz": 7})  # type: ignore[arg-type]  # the mistake of the test


def test_the_catalogue_has_all_models_of_each_kind() -> None:
    kinds = [profile.kind for profile in catalogue()]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "chat": 112,
        "embedding": 13,
        "embedding_task": 2,
        "rerank": 5,
    }


def test_langchain_profile_of_a_thinking_model() -> None:
    assert langchain_profile(profile_of("qwen3.8-max")) == {
        "name": "qwen3.8-max",
        "status": "active",
        "max_input_tokens": 983_616,  # thinking is on by default
        "max_output_tokens": 131_072,
        "text_inputs": True,
        "image_inputs": True,
        "image_url_inputs": True,
        "video_inputs": True,
        "audio_inputs": False,
        "pdf_inputs": False,
        "image_tool_message": True,
        "pdf_tool_message": False,
        "text_outputs": True,
        "image_outputs": False,
        "audio_outputs": False,
        "video_outputs": False,
        "reasoning_output": True,
        "reasoning_effort_levels": ["none", "low", "medium", "xhigh"],
        "reasoning_effort_default": "xhigh",
        "tool_calling": True,
        "tool_choice": False,
        "tool_call_streaming": True,
        "structured_output": True,
        "temperature": True,
    }


def test_langchain_profile_has_the_input_limit_of_the_default_mode() -> None:
    converted = langchain_profile(profile_of("qwen-plus"))
    assert converted is not None
    assert converted["max_input_tokens"] == 997_952
    assert converted["structured_output"] is False
    assert converted["reasoning_output"] is True


def test_langchain_profile_says_whether_any_tool_can_be_forced() -> None:
    forced = langchain_profile(profile_of("kimi-k3"))
    without_tools = langchain_profile(profile_of("qwen-mt-flash"))
    assert forced is not None
    assert without_tools is not None
    assert forced["tool_choice"] is True
    assert without_tools["tool_calling"] is False
    assert without_tools["tool_choice"] is False


def test_langchain_profile_omits_unknown_properties() -> None:
    converted = langchain_profile(profile_of("xiaomi/mimo-v2.5-pro"))
    assert converted is not None
    assert not {"tool_calling", "tool_choice", "reasoning_output"} & set(converted)


def test_langchain_profile_omits_an_unknown_default_effort() -> None:
    converted = langchain_profile(replace(profile_of("qwen3.8-max"), default_reasoning_effort=None))
    assert converted is not None
    assert "reasoning_effort_levels" in converted
    assert "reasoning_effort_default" not in converted


@pytest.mark.parametrize("model", ["qwen3.8-turbo", "text-embedding-v9", "my-own-model", ""])
def test_an_unknown_model_has_no_langchain_profile(model: str) -> None:
    assert langchain_profile(profile_of(model)) is None


def test_langchain_profile_of_a_retired_model_is_deprecated() -> None:
    converted = langchain_profile(profile_of("qwen-turbo"))
    assert converted is not None
    assert converted["status"] == "deprecated"
