"""The values of a run of `qwen-workspace doctor`: its input and state, checks, verdicts and findings."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import SecretStr, ValidationError

from langchain_qwen_workspace._network_errors import DOCTOR_HINT
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace.errors import APITimeoutError, QwenWorkspaceError
from langchain_qwen_workspace.workspace import ModelLimits, QwenWorkspace

Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]
"""The result of a check. After a `warning` the checks that need this one still run."""


class Verdict(NamedTuple):
    """The result of a check, before its name is added and keys are redacted.

    Attributes:
        status: The result.
        detail: What the check saw, or why it was skipped.
        hint: What to do about it, `None` if there is nothing to do.
    """

    status: Status
    detail: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the name of its check, as it is printed; keys are redacted.

    Attributes:
        name: The check's name.
        status: The result.
        detail: What the check saw, or why it was skipped.
        hint: What to do about it, `None` if there is nothing to do.
    """

    name: str
    status: Status
    detail: str
    hint: str | None = None


@dataclass(kw_only=True)
class DoctorRun:
    """One run of the doctor: its input, and what earlier checks pass on to later ones.

    Attributes:
        given: Arguments of `QwenWorkspace`; missing ones are read from the environment.
        protocols: The protocols to call.
        model: The model to call; `None` for a cheap one that is permitted.
        timeout: Seconds that each step may take.
        workspace: The workspace, set by the check of the settings.
        limits: The limits that the service lists for the key, set by the check of the access; `None` if the service
            did not list them.
    """

    given: Mapping[str, Any]
    protocols: Sequence[str] = tuple(PROTOCOLS)
    model: str | None = None
    timeout: float = 10.0
    workspace: QwenWorkspace = field(init=False)
    limits: Sequence[ModelLimits] | None = None

    @property
    def key(self) -> SecretStr | None:
        """The key to redact, `None` if it is not known yet."""
        known = self.workspace.api_key if hasattr(self, "workspace") else self.given.get("api_key")
        return known if isinstance(known, SecretStr) else None


class Check(NamedTuple):
    """One check of the doctor.

    Attributes:
        name: Its name in the output.
        needs: The checks that must not have failed before this one runs.
        perform: The function that does it.
    """

    name: str
    needs: tuple[str, ...]
    perform: Callable[[DoctorRun], Verdict]


_TIMEOUT_HINT = "Allow more time with `--timeout`. If that does not help, a firewall or proxy may block the response."


def verdict_from_error(error: QwenWorkspaceError, status: Status = "failed") -> Verdict:
    """Return an error as a verdict, with the error's own hint if it has one."""
    facts = [str(fact) for fact in (error.status_code, error.code) if fact is not None]
    if error.request_id:
        facts.append(f"request id {error.request_id}")
    detail = f"{error.message.strip()} ({', '.join(facts)})" if facts else error.message.strip()
    # A hint to run the doctor would send its reader in a circle.
    hint = (error.hint or "").removesuffix(DOCTOR_HINT).rstrip()
    return Verdict(status, detail, _TIMEOUT_HINT if isinstance(error, APITimeoutError) else hint or None)


def settings_error_text(error: ValidationError) -> str:
    """Return the messages of a validation error without the values that were given, since one may be a key."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return " ".join(detail["msg"].removeprefix("Value error, ") for detail in details)


_KEY = re.compile(r"\b(sk|st)-[A-Za-z0-9_-]{8,}")


def redact(text: str, key: object = None) -> str:
    """Replace the key, and text that looks like a key, since servers quote the key that they were sent."""
    value = key.get_secret_value() if isinstance(key, SecretStr) else ""
    return _KEY.sub(r"\1-…", text.replace(value, "(key)") if value else text)
