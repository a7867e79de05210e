"""What the service says to this key: settings, key, access, workspace, models, and a small call on each protocol."""

import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._seam import Destination, ProtocolName
from langchain_qwen_workspace._workspace import permissions
from langchain_qwen_workspace._workspace.endpoints import REGIONS, locate
from langchain_qwen_workspace.chat_models import ChatQwenWorkspace
from langchain_qwen_workspace.cli._examination import Examination, Status, Verdict, of_error, of_settings
from langchain_qwen_workspace.embeddings import QwenWorkspaceEmbeddings
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    MissingApiKeyError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
)
from langchain_qwen_workspace.profiles import Profile, profile_of
from langchain_qwen_workspace.rerank import QwenWorkspaceRerank
from langchain_qwen_workspace.workspace import ModelLimits, QwenWorkspace

# Whose lists of models and limits there are (Model Studio docs, model permissions, 2026-09-28).
_MANAGEMENT: ProtocolName = "dashscope"
_NOT_READABLE = "That may be normal for a sub-workspace's key: the checks below tell."
_SHORTEST_KEY = 20

_CUT_OFF = "It may have been cut off: copy it from the console once more."
_NO_KEY_OF_THEIRS = "A key begins with `sk-`, as the console shows it: check what DASHSCOPE_API_KEY holds."
# Beginnings of keys (Model Studio docs, get an API key, 2026-08-11; temporary keys, 2026-06-05), longest first.
_KEYS: tuple[tuple[str, Verdict], ...] = (
    ("sk-sp-", Verdict("ok", "A key of a Token Plan or Coding Plan (`sk-sp-…`)")),
    ("sk-ws-", Verdict("ok", "A workspace's key (`sk-ws-…`)")),
    ("sk-", Verdict("ok", "A key (`sk-…`)")),
    ("st-", Verdict("warning", "A temporary key (`st-…`)", "It lives 30 minutes at most: take one that stays.")),
    ("", Verdict("warning", "It has not the form of a key", _NO_KEY_OF_THEIRS)),
)

# Who answers a small call for the least money, in the order of being asked.
_CHEAP = ("qwen-flash", "qwen3.8-flash", "qwen3.7-flash", "qwen3.6-flash", "qwen3.5-flash", "qwen-plus")
_CALLED_KINDS = ("chat", "embedding", "rerank")
_GRANT = (
    "A super administrator of the account grants models in the Model Studio console ({region}), under the workspace's "
    "model permissions."
)


def check_settings(examination: Examination) -> Verdict:
    """Say who is called where, or what in the settings contradicts each other."""
    try:
        workspace = QwenWorkspace(**examination.given)
    except ValidationError as error:
        return Verdict("failed", of_settings(error))
    examination.workspace = workspace
    who = workspace.workspace_id or "The key's workspace"
    return Verdict("ok", f"{who} in {workspace.region} ({REGIONS[workspace.region].name}), at {workspace.origin}")


def check_key(examination: Examination) -> Verdict:
    """Say what kind of key there is, by its form."""
    workspace = examination.workspace
    try:
        key = workspace.key_for(Destination(_MANAGEMENT, workspace.region, workspace.workspace_id))
    except MissingApiKeyError as error:
        return of_error(error)
    status, kind, hint = next(verdict for beginning, verdict in _KEYS if key.startswith(beginning))
    if status == "ok" and len(key) < _SHORTEST_KEY:
        status, hint = "warning", _CUT_OFF
    return Verdict(status, f"{kind}, {len(key)} characters.", hint)


def check_access(examination: Examination) -> Verdict:
    """Say whether the service takes the key, by asking for the workspace's limits."""
    workspace = examination.workspace
    if not _has_management(workspace):
        return Verdict("skipped", "`base_url` is the compatible protocol's, which has no such list")
    try:
        examination.limits = _limits(examination, workspace)
    except (AuthenticationError, APIConnectionError) as error:
        return of_error(error)
    except QwenWorkspaceError as error:
        return _unread("The key's limits", error)
    return Verdict("ok", "The service takes the key.")


def check_workspace(examination: Examination) -> Verdict:
    """Say whether the key is one of the workspace that the settings name."""
    workspace, limits = examination.workspace, examination.limits
    if limits is None and (anonymous := _anonymous(workspace)) is not None:
        # Refused as that workspace: whose is the key?
        try:
            limits = _limits(examination, anonymous)
        except QwenWorkspaceError:
            limits = None
    owners = sorted({row.workspace_id for row in limits or () if row.workspace_id})
    if not owners:
        return Verdict("skipped", "the service does not tell whose the key is")
    owner, named = owners[0], workspace.workspace_id
    if named is None:
        return Verdict("ok", f"The key is one of {owner}; no `workspace_id` is set.")
    if named.lower() in (each.lower() for each in owners):
        return Verdict("ok", f"The key is one of {named}.")
    return Verdict(
        "failed",
        f"`workspace_id` is {named}, but the key is one of {owner}.",
        f"Set `workspace_id=` or DASHSCOPE_WORKSPACE to {owner}, or take a key of {named}.",
    )


def check_models(examination: Examination) -> Verdict:
    """Say which models are permitted, and choose the one that is called."""
    workspace, wanted = examination.workspace, examination.model
    examination.model = wanted or _CHEAP[0]
    if not _has_management(workspace):
        return Verdict("skipped", "`base_url` is the compatible protocol's, which has no such list")
    try:
        granted = permissions.permitted_models(workspace, timeout=examination.timeout, max_retries=0)
    except QwenWorkspaceError as error:
        return _unread("The permitted models", error)
    names = [permission.model for permission in granted if permission.inference]
    who = workspace.workspace_id or "the key's workspace"
    grant = _GRANT.format(region=workspace.region)
    if wanted is None and not names:
        return Verdict("failed", f"No model is permitted to {who}.", grant)
    examination.model = wanted or _cheapest(names)
    if examination.model in names:
        return Verdict("ok", f"{len(names)} permitted; {examination.model} is called.")
    if profile_of(examination.model).known:
        return Verdict("failed", f"{examination.model} is not among the {len(names)} permitted to {who}.", grant)
    return Verdict(
        "warning",
        f"{examination.model} is not among the {len(names)} permitted to {who}.",
        "That is normal for a fine-tuned or deployed model of the workspace: the calls below tell. Or check its name.",
    )


def check_call(examination: Examination, protocol: ProtocolName) -> Verdict:
    """Call the model once, as small as can be."""
    workspace, model = examination.workspace, str(examination.model)
    profile = profile_of(model)
    if protocol not in profile.protocols:
        return Verdict("skipped", f"{model} is not served by this protocol")
    if (call := _CALLS.get(profile.kind or "chat")) is None:
        return Verdict("skipped", f"{model} has no small call: give another `--model`")
    fields = {
        "model": model,
        "protocol": protocol,
        "workspace": workspace,
        "timeout": examination.timeout,
        "max_retries": 0,
    }
    try:
        workspace.base_url_for(protocol)
    except ConfigurationError as error:
        # Of several protocols one may be the base URL's own.
        return Verdict("failed" if len(examination.protocols) == 1 else "skipped", error.message)
    # The SDK's import is no time of the service.
    import_module(PROTOCOLS[protocol].transport.partition(":")[0])
    began = time.monotonic()
    try:
        told = call(fields, profile)
    except QwenWorkspaceError as error:
        return of_error(error)
    return Verdict("ok", f"{model} answered in {(time.monotonic() - began) * 1000:.0f} ms{told}.")


def _chat(fields: Mapping[str, Any], profile: Profile) -> str:
    # One token, and no thinking before it where it can be switched off.
    quiet = {"enable_thinking": False} if profile.thinking in {"on", "off"} else {}
    answer = ChatQwenWorkspace(**fields, **quiet, max_tokens=1).invoke("Hi")
    return f", {answer.usage_metadata['total_tokens']} tokens" if answer.usage_metadata else ""


def _embedding(fields: Mapping[str, Any], _: Profile) -> str:
    return f", {len(QwenWorkspaceEmbeddings(**fields).embed_query('Hi'))} dimensions"


def _rerank(fields: Mapping[str, Any], _: Profile) -> str:
    QwenWorkspaceRerank(**fields).rerank(["Hi"], "Hi")
    return ""


_CALLS: Mapping[str, Callable[[Mapping[str, Any], Profile], str]] = {
    "chat": _chat,
    "embedding": _embedding,
    "rerank": _rerank,
}


def _cheapest(names: Sequence[str]) -> str:
    """Return who of the permitted is asked for the least: chats first, and plain ones before those that must think."""
    for name in _CHEAP:
        if name in names:
            return name

    def effort(name: str) -> tuple[int, bool, bool]:
        profile = profile_of(name)
        kind = profile.kind if profile.kind in _CALLED_KINDS else None
        place = _CALLED_KINDS.index(kind) if kind else len(_CALLED_KINDS)
        return place, profile.thinking == "only", profile.streaming == "required"

    return min(names, key=effort)


def _has_management(workspace: QwenWorkspace) -> bool:
    try:
        workspace.base_url_for(_MANAGEMENT)
    except ConfigurationError:
        return False
    return True


def _limits(examination: Examination, workspace: QwenWorkspace) -> list[ModelLimits]:
    return permissions.limits(workspace, None, timeout=examination.timeout, max_retries=0)


def _anonymous(workspace: QwenWorkspace) -> QwenWorkspace | None:
    """Return the same key without a workspace's id, at a host that does not need one, if there is such a host."""
    if workspace.workspace_id is None:
        return None
    if workspace.base_url is not None and locate(workspace.base_url).workspace_id is None:
        return workspace.model_copy(update={"workspace_id": None})
    if REGIONS[workspace.region].shared_host is None:
        return None
    return workspace.model_copy(update={"workspace_id": None, "base_url": None, "endpoint": "shared"})


def _unread(what: str, error: QwenWorkspaceError, status: Status = "warning") -> Verdict:
    told = of_error(error, status)
    hint = _NOT_READABLE if isinstance(error, PermissionDeniedError | NotFoundError) else told.hint
    return told._replace(detail=f"{what} cannot be read: {told.detail}", hint=hint)
