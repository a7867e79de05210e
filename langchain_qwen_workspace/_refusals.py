"""Refuses what a dated fact rules out, or warns of it if `check_capabilities` is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace.errors import QwenWorkspaceError, UnsupportedInputError

if TYPE_CHECKING:
    from datetime import date

    from langchain_qwen_workspace.profiles import Profile


def refuse_or_warn(
    message: str,
    profile: Profile,
    *,
    model: str | None = None,
    since: date | None = None,
    error_class: type[QwenWorkspaceError] = UnsupportedInputError,
) -> None:
    """Raise an error that rests on a fact about the service, or only warn if the facts are not enforced.

    Args:
        message: What was given, what is expected, and what to do.
        profile: The facts about the model, and whether they are enforced.
        model: The model's name, for the error.
        since: The fact's date. Default: that of the profile.
        error_class: The class of the error.

    Raises:
        QwenWorkspaceError: The facts are enforced.
    """
    if not profile.enforced:
        warn_user(f"{message} It is sent unchanged, because `check_capabilities` is False.")
        return
    date = since or profile.as_of
    changed = f" since {date}" if date else ""
    raise error_class(f"{message} If the service has changed{changed}, pass `check_capabilities=False`.", model=model)
