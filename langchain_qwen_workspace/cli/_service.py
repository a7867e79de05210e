"""Checks of the settings and the service: key, access, workspace, permitted models, one small call per protocol."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from langchain_qwen_workspace._protocols import MANAGEMENT_PROTOCOL, PROTOCOLS, is_served_over
from langchain_qwen_workspace._workspace import permissions
from langchain_qwen_workspace._workspace.endpoints import has_shared_host, locate, region_name
from langchain_qwen_workspace.chat_models import ChatQwenWorkspace
from langchain_qwen_workspace.cli._doctor_run import DoctorRun, Status, Verdict, settings_error_text, verdict_from_error
from langchain_qwen_workspace.embeddings import QwenWorkspaceEmbeddings
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    MissingApiKeyError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
    UnsupportedInputError,
)
from langchain_qwen_workspace.profiles import Profile, profile_of
from langchain_qwen_workspace.rerank import QwenWorkspaceRerank
from langchain_qwen_workspace.workspace import ModelLimits, QwenWorkspace

_MAY_BE_NORMAL = "This can be normal for a sub-workspace's key; the checks below show whether it works."
_MIN_KEY_LENGTH = 20
# The code for a model that is not granted to the workspace (Model Studio docs, error codes, 2026-08-18).
_NOT_GRANTED = "Model.AccessDenied"

_CUT_OFF = "It may have been cut off: copy it from the console again."
_UNKNOWN_KEY_FORM = "A key begins with `sk-`, as the console shows it: check the value of DASHSCOPE_API_KEY."
# Prefixes of keys (Model Studio docs, get an API key, 2026-08-11; temporary keys, 2026-06-05), longest first.
_KEY_PREFIXES: tuple[tuple[str, Verdict], ...] = (
    ("sk-sp-", Verdict("ok", "A key of a Token Plan or Coding Plan (`sk-sp-…`)")),
    ("sk-ws-", Verdict("ok", "A workspace's key (`sk-ws-…`)")),
    ("sk-", Verdict("ok", "A key (`sk-…`)")),
    (
        "st-",
        Verdict("warning", "A temporary key (`st-…`)", "It expires after 30 minutes at most: use a permanent key."),
    ),
    ("", Verdict("warning", "It does not look like a key", _UNKNOWN_KEY_FORM)),
)

# Cheap models for a small call, the preferred one first.
_CHEAP_MODELS = ("qwen-flash", "qwen3.8-flash", "qwen3.7-flash", "qwen3.6-flash", "qwen3.5-flash", "qwen-plus")
_CALLED_KINDS = ("chat", "embedding", "rerank")
_HOW_TO_GRANT = (
    "An administrator can grant it with an AccessKey: `{command}`. Or a super administrator of the account, in the "
    "Model Studio console ({region}), under the workspace's model permissions."
)


def check_settings(run: DoctorRun) -> Verdict:
    """Report the workspace and host that the settings name, or what is wrong with the settings."""
    try:
        workspace = QwenWorkspace(**run.given)
    except ValidationError as error:
        return Verdict("failed", settings_error_text(error))
    run.workspace = workspace
    name = workspace.workspace_id or "The key's workspace"
    if (server := workspace._other_server()) is not None:  # noqa: SLF001 - a value of this package
        return Verdict("ok", f"{server.title} at {workspace.origin}, which is not Model Studio.")
    return Verdict("ok", f"{name} in {region_name(workspace.region)}, at {workspace.origin}")


def check_key(run: DoctorRun) -> Verdict:
    """Report the kind of the key, by its prefix and length."""
    workspace = run.workspace
    try:
        key = workspace._key_for(MANAGEMENT_PROTOCOL)  # noqa: SLF001 - a value of this package
    except MissingApiKeyError as error:
        return verdict_from_error(error)
    if workspace._other_server() is not None:  # noqa: SLF001 - same
        return Verdict("ok", "The server gets the key that was given." if key else "No key is sent to the server.")
    status, kind, hint = next(verdict for prefix, verdict in _KEY_PREFIXES if key.startswith(prefix))
    if status == "ok" and len(key) < _MIN_KEY_LENGTH:
        status, hint = "warning", _CUT_OFF
    return Verdict(status, f"{kind}, {len(key)} characters.", hint)


def check_access(run: DoctorRun) -> Verdict:
    """Check that the service accepts the key, with a request for the key's limits."""
    workspace = run.workspace
    if not _has_management_api(workspace):
        return Verdict("skipped", "what answers at `base_url` does not list limits")
    try:
        run.limits = _fetch_limits(run, workspace)
    except (AuthenticationError, APIConnectionError) as error:
        return verdict_from_error(error)
    except QwenWorkspaceError as error:
        return _unreadable("The key's limits", error)
    return Verdict("ok", "The service accepts the key.")


def check_workspace(run: DoctorRun) -> Verdict:
    """Check that the key belongs to the workspace that the settings name."""
    workspace, limits = run.workspace, run.limits
    if limits is None and (anonymous := _without_workspace_id(workspace)) is not None:
        # The workspace of the settings was refused; without an id the service lists the limits of the key's own.
        try:
            limits = _fetch_limits(run, anonymous)
        except QwenWorkspaceError:
            limits = None
    owners = sorted({row.workspace_id for row in limits or () if row.workspace_id})
    if not owners:
        return Verdict("skipped", "the service does not say which workspace the key belongs to")
    owner, named = owners[0], workspace.workspace_id
    if named is None:
        return Verdict("ok", f"The key belongs to {owner}; no `workspace_id` is set.")
    if named.lower() in (name.lower() for name in owners):
        return Verdict("ok", f"The key belongs to {named}.")
    return Verdict(
        "failed",
        f"`workspace_id` is {named}, but the key belongs to {owner}.",
        f"Set `workspace_id=` or DASHSCOPE_WORKSPACE to {owner}, or use a key of {named}.",
    )


def check_models(run: DoctorRun) -> Verdict:
    """Report how many models are permitted, and choose the model to call."""
    workspace, wanted = run.workspace, run.model
    run.model = wanted or _CHEAP_MODELS[0]
    if not _has_management_api(workspace):
        return Verdict("skipped", "what answers at `base_url` does not list permitted models")
    try:
        granted = permissions.list_permitted_models(*workspace._management(timeout=run.timeout, max_retries=0))  # noqa: SLF001 - a value of this package
    except QwenWorkspaceError as error:
        return _unreadable("The permitted models", error)
    names = [permission.model for permission in granted if permission.inference]
    name = workspace.workspace_id or "the key's workspace"
    grant = _how_to_grant(run, run.model)
    if wanted is None and not names:
        return Verdict("failed", f"No model is permitted to {name}.", grant)
    run.model = wanted or _cheapest(names)
    if run.model in names:
        return Verdict("ok", f"{len(names)} permitted; the calls below use {run.model}.")
    if profile_of(run.model).known:
        return Verdict("failed", f"{run.model} is not among the {len(names)} permitted to {name}.", grant)
    return Verdict(
        "warning",
        f"{run.model} is not among the {len(names)} permitted to {name}.",
        "This is normal for a fine-tuned or deployed model; the calls below show whether it works. Otherwise check "
        "the name.",
    )


def check_call(run: DoctorRun, protocol: str) -> Verdict:
    """Call the model once, with the smallest possible request."""
    workspace, model = run.workspace, str(run.model)
    profile = profile_of(model)
    if not is_served_over(protocol, profile):
        return Verdict("skipped", f"{model} is not available on this protocol")
    if (call := _CALLS.get(profile.kind or "chat")) is None:
        return Verdict("skipped", f"{model} cannot be called with a small request: choose another with `--model`")
    fields = {
        "model": model,
        "protocol": protocol,
        "workspace": workspace,
        "timeout": run.timeout,
        "max_retries": 0,
    }
    try:
        workspace._url_of_service(protocol)  # noqa: SLF001 - a value of this package
        workspace.base_url_for(protocol)
        # So that the time measured does not include the import of the SDK.
        import_module(PROTOCOLS[protocol].transport.partition(":")[0])
        began = time.monotonic()
        with warnings.catch_warnings(record=True, action="always") as warned:
            summary = call(fields, profile)
    except (ConfigurationError, UnsupportedInputError) as error:
        # A base URL with a path belongs to one protocol, and not every protocol has the model: the others are skipped,
        # unless only one was asked for.
        return Verdict("failed" if len(run.protocols) == 1 else "skipped", error.message)
    except QwenWorkspaceError as error:
        verdict = verdict_from_error(error)
        hint = f"{verdict.hint} {_how_to_grant(run, model)}" if error.code == _NOT_GRANTED else verdict.hint
        return verdict._replace(hint=hint)
    except ValidationError as error:
        return Verdict("failed", settings_error_text(error))
    detail = f"{model} answered in {(time.monotonic() - began) * 1000:.0f} ms{summary}."
    return Verdict("ok", detail, " ".join(str(warning.message) for warning in warned) or None)


def _chat(fields: Mapping[str, Any], profile: Profile) -> str:
    # As few tokens as possible, without thinking where thinking can be switched off.
    switch: dict[str, Any] = {"enable_thinking": False} if profile.thinking in {"on", "off"} else {}
    limit = PROTOCOLS[fields["protocol"]].min_output_tokens
    answer = ChatQwenWorkspace(**fields, **switch, max_tokens=limit).invoke("Hi")
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


def _how_to_grant(run: DoctorRun, model: str) -> str:
    """Return how a model can be granted to the workspace, or to that of the key."""
    workspace = run.workspace
    owner = workspace.workspace_id or next((row.workspace_id for row in run.limits or () if row.workspace_id), None)
    command = permissions.grant_command(owner, [model], workspace.region)
    return _HOW_TO_GRANT.format(command=command, region=workspace.region or "the workspace's region")


def _cheapest(names: Sequence[str]) -> str:
    """Return the cheapest permitted model by its profile: chat models first, those that always think last."""
    for name in _CHEAP_MODELS:
        if name in names:
            return name

    def rank(name: str) -> tuple[int, bool, bool]:
        profile = profile_of(name)
        kind = profile.kind if profile.kind in _CALLED_KINDS else None
        kind_rank = _CALLED_KINDS.index(kind) if kind else len(_CALLED_KINDS)
        return kind_rank, profile.thinking == "only", profile.streaming == "required"

    return min(names, key=rank)


def _has_management_api(workspace: QwenWorkspace) -> bool:
    try:
        workspace._url_of_service(MANAGEMENT_PROTOCOL)  # noqa: SLF001 - a value of this package
        workspace.base_url_for(MANAGEMENT_PROTOCOL)
    except ConfigurationError:
        return False
    return True


def _fetch_limits(run: DoctorRun, workspace: QwenWorkspace) -> list[ModelLimits]:
    return permissions.list_limits(*workspace._management(timeout=run.timeout, max_retries=0), None)  # noqa: SLF001 - a value of this package


def _without_workspace_id(workspace: QwenWorkspace) -> QwenWorkspace | None:
    """Return the workspace without its id, at a host that needs none; `None` if there is no such host."""
    if workspace.workspace_id is None:
        return None
    if workspace.base_url is not None and locate(workspace.base_url).workspace_id is None:
        return workspace.model_copy(update={"workspace_id": None})
    if not has_shared_host(workspace.region):
        return None
    return workspace.model_copy(update={"workspace_id": None, "base_url": None, "endpoint": "shared"})


def _unreadable(what: str, error: QwenWorkspaceError, status: Status = "warning") -> Verdict:
    verdict = verdict_from_error(error, status)
    hint = _MAY_BE_NORMAL if isinstance(error, PermissionDeniedError | NotFoundError) else verdict.hint
    return verdict._replace(detail=f"{what} cannot be read: {verdict.detail}", hint=hint)
