"""Model profiles: the properties of each model, and the lookup of a profile by name."""

from __future__ import annotations

import logging
import os
import re
import threading
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace.data._families import AS_OF, FAMILIES, NEWEST_BEFORE, NEWEST_FAMILY
from langchain_qwen_workspace.data._models import CatalogueData, built_in_models
from langchain_qwen_workspace.data._profile import Profile
from langchain_qwen_workspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    # At run time this import would take longer than the rest of the module.
    from langchain_core.language_models.model_profile import ModelProfile

__all__ = [
    "CATALOGUE_VARIABLE",
    "Profile",
    "built_in_profile",
    "catalogue",
    "langchain_profile",
    "load",
    "profile_of",
    "register",
    "unregister",
]

_LOGGER = logging.getLogger(__name__)
CATALOGUE_VARIABLE = "QWEN_WORKSPACE_CATALOGUE"
"""The environment variable that names a catalogue file."""


@dataclass(frozen=True, slots=True, eq=False)
class _Registry:
    """The registered profiles by lower-case name. It is replaced as a whole, so that readers need no lock."""

    profiles: Mapping[str, Profile]

    def with_profiles(self, *profiles: Profile) -> _Registry:
        added = {profile.name.strip().lower(): replace(profile, known=True) for profile in profiles}
        return _Registry({**self.profiles, **added})


_EMPTY = _Registry({})
_registry: _Registry | None = None
_lock = threading.Lock()


def register(*profiles: Profile) -> None:
    """Add models to the catalogue of this process, or replace them, for every component.

    Their versions (`-2026-12-01`, `-latest`, …) get their properties, as those of the catalogue's own models do.

    Args:
        *profiles: The profiles, each with the model's name.

    Raises:
        ConfigurationError: One has no name, or is not a profile.
    """
    global _registry  # noqa: PLW0603 - the one registry of the process
    for position, profile in enumerate(profiles):
        if not getattr(profile, "name", "").strip():
            raise ConfigurationError(f"Profile {position} is {profile!r:.80}. Expected a `Profile` with a `name`.")
    _registry = _current_registry().with_profiles(*profiles)


def unregister(*names: str) -> None:
    """Remove models that `register` or `load` added; the catalogue's own rows apply again.

    Args:
        *names: The models' names. Names that were not registered are ignored.
    """
    global _registry  # noqa: PLW0603 - the one registry of the process
    removed = {name.strip().lower() for name in names}
    left = {name: profile for name, profile in _current_registry().profiles.items() if name not in removed}
    _registry = _Registry(left)


def load(path: str | Path) -> tuple[Profile, ...]:
    """Register the models of a catalogue file, such as one that `qwen-workspace models --refresh` wrote.

    The file that the environment variable `QWEN_WORKSPACE_CATALOGUE` names is loaded when a model is first looked up.
    If it is not valid, a warning says why, and the package's own rows apply.

    Args:
        path: The file.

    Returns:
        The profiles that were registered.

    Raises:
        ConfigurationError: The file cannot be read, is of another version of the format, or has an unknown key or an
            invalid value. The error names the model, the field and the line; nothing is registered.
    """
    loaded = _read_profiles(path, _current_registry())
    register(*loaded)
    return loaded


def _read_profiles(path: str | Path, registry: _Registry) -> tuple[Profile, ...]:
    """Return the profiles of the models and versions in a catalogue file."""
    # Most processes read no such file, and the check takes longer to import than this module.
    from langchain_qwen_workspace.data._catalogue_file import read_catalogue_file  # noqa: PLC0415 - see above

    data = read_catalogue_file(path)
    models = _profiles_of(data)
    registry = registry.with_profiles(*models)
    versions = (
        replace(_find(name.strip().lower(), registry), name=name, **facts) for name, facts in data.versions.items()
    )
    return (*models, *versions)


def _profiles_of(data: CatalogueData) -> tuple[Profile, ...]:
    """Return the profiles of the models in a catalogue, in its order."""
    return tuple(Profile(name=name, known=True, **row) for name, row in data.rows.items())


def _current_registry() -> _Registry:
    """Return the registry; at first, it has the models of the file that the environment names."""
    global _registry  # noqa: PLW0603 - the one registry of the process
    if _registry is None:
        with _lock:
            if _registry is None:
                _registry = _registry_from_environment()
    return _registry


def _registry_from_environment() -> _Registry:
    path = os.environ.get(CATALOGUE_VARIABLE)
    if not path:
        return _EMPTY
    try:
        return _EMPTY.with_profiles(*_read_profiles(path, _EMPTY))
    except ConfigurationError as error:
        warn_user(
            f"The file that {CATALOGUE_VARIABLE} names is not used, and the package's own catalogue applies: "
            f"{error.message}"
        )
        return _EMPTY


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
    return _profile_of(model, base_model, enforced, _current_registry())


def built_in_profile(model: str) -> Profile:
    """Return the profile that the package's own catalogue has for a model, whatever was registered or loaded.

    Args:
        model: The model's name, as a call sends it.
    """
    return _profile_of(model, None, True, _EMPTY)  # noqa: FBT003 - a key of the cache


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
    facts = built_in_models().versions.get(key)
    return replace(profile, **facts) if facts else profile


def _find_model(key: str, registry: _Registry) -> Profile | None:
    """Return the profile of a registered model or of a row of the catalogue."""
    return registry.profiles.get(key) or _built_in_profiles().get(key)


@lru_cache(maxsize=1)
def _built_in_profiles() -> Mapping[str, Profile]:
    """Return the profiles of the package's own catalogue by lower-case name."""
    return {profile.name.lower(): profile for profile in _profiles_of(built_in_models())}


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
            return replace(Profile(**row), as_of=AS_OF)
    generation = _GENERATION.match(key)
    if generation is None or (int(generation[1]), int(generation[2] or 0)) <= NEWEST_BEFORE:
        return Profile()
    _tell_of_generation(key)
    return replace(Profile(**NEWEST_FAMILY), as_of=AS_OF)


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
    """Return the profiles of all models of the catalogue, in its order, then the registered ones."""
    return tuple({**_built_in_profiles(), **_current_registry().profiles}.values())


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
