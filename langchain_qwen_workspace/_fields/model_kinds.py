"""Checks that a model is of the kind that a component calls, and that it is not retired."""

from datetime import UTC, datetime
from fnmatch import fnmatchcase

from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace.data._other_models import OTHER_MODELS
from langchain_qwen_workspace.data._row import Kind
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.profiles import Profile

# What each kind of model is, and what to use for it, as the end of an error's first sentence.
_KINDS: dict[Kind, str] = {
    "chat": "a chat model; use `ChatQwenWorkspace`",
    "embedding": "an embedding model; use `QwenWorkspaceEmbeddings`",
    "embedding_task": (
        "an asynchronous model that reads its texts from a file, which this package does not call; use "
        "`QwenWorkspaceBatch` with another embedding model"
    ),
    "rerank": "a rerank model; use `QwenWorkspaceRerank`",
    "decision": "a decision model, which this package does not call; use `client.decision` of the `dashscope` SDK",
}


def check_model(model: str, profile: Profile, kind: Kind, server: object) -> Profile:
    """Return a model's profile like `check_kind`, after warning of a model that is or will be retired."""
    _warn_of_retirement(model, check_kind(model, profile, kind, server))
    return profile


def check_kind(model: str, profile: Profile, kind: Kind, server: object) -> Profile:
    """Return a model's profile after checking that a component of a kind calls such models.

    Args:
        model: The model's name.
        profile: Its profile.
        kind: The kind of models that the component calls.
        server: A server that is not Model Studio, where names say nothing; `None` for Model Studio.

    Raises:
        ConfigurationError: It is a model of another kind; the error names the class that calls it.
    """
    name = model.strip().lower()
    other = (
        None
        if profile.known or server is not None
        else next((words for family, words in OTHER_MODELS if fnmatchcase(name, family)), None)
    )
    if other is None and profile.kind not in {None, kind}:
        other = _KINDS[profile.kind]
    if other is not None:
        refuse_or_warn(f"{model!r} is {other}.", profile, error_class=ConfigurationError)
    return profile


def _warn_of_retirement(model: str, profile: Profile) -> None:
    """Warn of a model that the service has retired, or is going to, with the day."""
    if profile.retired is None:
        return
    verb = "was retired on" if profile.retired <= datetime.now(UTC).date() else "will be retired on"
    source = "the service's notice" if profile.retirement in {"official", "announced"} else "a reseller's notice"
    warn_user(
        f"{model!r} {verb} {profile.retired}, according to {source}: calls may fail from then on. Use a current model; "
        "`qwen-workspace models` lists them."
    )
