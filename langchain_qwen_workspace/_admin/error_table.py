"""Decides which error a refusal of the control plane becomes, and what its hint says.

Codes: Alibaba Cloud's gateway and RAM, as recorded with alibabacloud-tea-openapi 0.4.6 (2026-11-29). The codes of
single operations are not published, so their last word counts (`Workspace.NotFound`).
"""

import json
import re
from typing import NamedTuple

from langchain_qwen_workspace import errors

_REQUEST_FAILED, _SERVER_FAILED = 400, 500


class _Row(NamedTuple):
    """One kind of refusal: the codes that match, the status without such a code, the error and its hint."""

    code: str
    status: int | None
    error_class: type[errors.QwenWorkspaceError]
    hint: str


_ROWS = (
    _Row(
        r"invalidaccesskeyid|invalidaccesskey|invalidcredentials|inactiveaccesskey",
        401,
        errors.AuthenticationError,
        "The AccessKey does not exist, is disabled, or belongs to another site of Alibaba Cloud: check "
        "ALIBABA_CLOUD_ACCESS_KEY_ID. A workspace's API key (`sk-…`) does not work here.",
    ),
    _Row(
        r"signaturedoesnotmatch|incompletesignature|signaturenonceused",
        None,
        errors.AuthenticationError,
        "The signature was refused: check ALIBABA_CLOUD_ACCESS_KEY_SECRET for typos and missing characters.",
    ),
    _Row(
        r"(invalid|illegal|missing)?timestamp|invalidtimestamp",
        None,
        errors.AuthenticationError,
        "The request's time was refused: correct the clock of this machine.",
    ),
    _Row(
        r"(invalid|missing)?securitytoken",
        None,
        errors.AuthenticationError,
        "The security token is invalid or has expired: get new temporary credentials.",
    ),
    _Row(
        r"nopermission|forbidden|accessdenied|unauthorized",
        403,
        errors.PermissionDeniedError,
        "The RAM user lacks the action `{action}`. Ask an administrator to attach a policy such as {policy}{billing}.",
    ),
    _Row(
        r"throttling|toomanyrequests",
        429,
        errors.RateLimitError,
        "Too many administration requests: wait and try again.",
    ),
    _Row(
        r"invalidregion(id)?|regionnotsupport(ed)?|invalidversion",
        None,
        errors.ConfigurationError,
        "Check `region=`: the control plane of {region} was called.",
    ),
    _Row(
        r"(.*\.)?(\w*notfound|\w*notexists?)",
        404,
        errors.NotFoundError,
        "Check the id, and `region=`: {region} was called, and each region has workspaces and keys of its own.",
    ),
    _Row(
        r"(.*\.)?\w*(alreadyexists?|exists|existed|duplicated?)",
        409,
        errors.InvalidRequestError,
        "It exists already: use another name, or use the one that exists.",
    ),
)
_BILLING = ", or the system policy `AliyunBSSReadOnlyAccess`"


def least_policy(*actions: str) -> str:
    """Return the smallest RAM policy that allows some actions, as JSON."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "1", "Statement": [statement]}, separators=(",", ":"))


def error_class_and_hint(
    code: str | None, status: int | None, *, operation: str, region: str, action: str | None
) -> tuple[type[errors.QwenWorkspaceError], str | None]:
    """Return the class and the hint of the error for a refusal.

    Args:
        code: The service's code.
        status: The HTTP status, or the one that the body states.
        operation: The operation that was called.
        region: The region that was called.
        action: The RAM action that is missing, if the service names it.
    """
    row = _row_for(code or "", status)
    if row is None:
        return _class_for_status(status), None
    action = action or f"modelstudio:{operation}"
    billing = _BILLING if "Billing" in operation else ""
    return row.error_class, row.hint.format(action=action, policy=least_policy(action), region=region, billing=billing)


def _row_for(code: str, status: int | None) -> _Row | None:
    lower = code.lower()
    for row in _ROWS:
        if re.match(rf"(?:{row.code})(?:\.|$)", lower):
            return row
    return next((row for row in _ROWS if row.status is not None and row.status == status), None)


def _class_for_status(status: int | None) -> type[errors.QwenWorkspaceError]:
    if status is None:
        return errors.QwenWorkspaceError
    if status >= _SERVER_FAILED:
        return errors.ServerError
    return errors.InvalidRequestError if status >= _REQUEST_FAILED else errors.QwenWorkspaceError
