"""Decides which `profile` a chat model has: the user's, or else the catalogue's for its current model."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from langchain_core.language_models.model_profile import ModelProfile

from langchain_qwen_workspace.data._row import Medium
from langchain_qwen_workspace.profiles import Profile, langchain_profile


class CatalogueProfile(dict[str, Any]):
    """A profile from the catalogue, replaced when the model changes. A plain dict is the user's and is kept."""


def drop_catalogue_profile(values: Any) -> Any:
    """Return a model's arguments without another model's profile: LangChain rebuilds models from all attributes."""
    if isinstance(values, dict) and isinstance(values.get("profile"), CatalogueProfile):
        return {name: value for name, value in values.items() if name != "profile"}
    return values


def to_model_profile(profile: Profile) -> ModelProfile | None:
    """Return the catalogue's facts as LangChain's profile, marked as not given by the user."""
    converted = langchain_profile(profile)
    return None if converted is None else cast("ModelProfile", CatalogueProfile(converted))


def apply_user_profile(profile: Profile, given: Mapping[str, Any] | None) -> Profile:
    """Return the facts about a model, replaced by those of the user's `profile` where it has them.

    Args:
        profile: The catalogue's facts.
        given: LangChain's profile of the model: the user's, the catalogue's, or none.
    """
    if not given or isinstance(given, CatalogueProfile):
        return profile
    facts: dict[str, Any] = {}
    for key, convert in _FACTS.items():
        if (value := given.get(key)) is not None:
            facts |= convert(value, replace(profile, **facts))
    return replace(profile, **facts, stated=profile.stated | facts.keys())


def _media(field: str, medium: Medium) -> Callable[[Any, Profile], dict[str, Any]]:
    def convert(value: Any, profile: Profile) -> dict[str, Any]:
        media = getattr(profile, field)
        return {field: media | {medium} if value else media - {medium}}

    return convert


def _limit(field: str) -> Callable[[Any, Profile], dict[str, Any]]:
    return lambda value, _: {field: value}


def _structured_output(value: Any, profile: Profile) -> dict[str, Any]:
    if value:
        return {"json_output": "schema"}
    return {"json_output": "object" if profile.json_output == "schema" else profile.json_output}


def _tool_calling(value: Any, profile: Profile) -> dict[str, Any]:
    choices = (profile.tool_choice or _CHOICES - _FORCED) if value else frozenset[str]()
    return {"tool_calling": bool(value), "tool_choice": choices}


def _tool_choice(value: Any, profile: Profile) -> dict[str, Any]:
    """Convert LangChain's `tool_choice`: whether a call can be forced, of any tool or a named one, in every mode."""
    if value:
        return {"tool_choice": _CHOICES, "forced_while_thinking": True}
    return {"tool_choice": profile.tool_choice - {"required"}, "forced_while_thinking": False}


def _reasoning_output(value: Any, profile: Profile) -> dict[str, Any]:
    if not value:
        return {"thinking": "none"}
    return {"thinking": "unknown" if profile.thinking == "none" else profile.thinking}


_FORCED = frozenset({"function", "required"})
_CHOICES = _FORCED | {"auto", "none"}

# What each key of LangChain's profile says about the fields of `Profile`.
_FACTS: dict[str, Callable[[Any, Profile], dict[str, Any]]] = {
    "structured_output": _structured_output,
    "tool_calling": _tool_calling,
    "tool_choice": _tool_choice,
    "reasoning_output": _reasoning_output,
    "reasoning_effort_levels": lambda value, _: {"reasoning_efforts": tuple(value)},
    "reasoning_effort_default": _limit("default_reasoning_effort"),
    "max_input_tokens": lambda value, _: {"max_input_tokens": value, "max_input_tokens_thinking": None},
    "max_output_tokens": _limit("max_output_tokens"),
    "text_inputs": _media("inputs", "text"),
    "image_inputs": _media("inputs", "image"),
    "video_inputs": _media("inputs", "video"),
    "audio_inputs": _media("inputs", "audio"),
    "text_outputs": _media("outputs", "text"),
    "audio_outputs": _media("outputs", "audio"),
}
