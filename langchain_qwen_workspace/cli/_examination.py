"""What the doctor is told, what it finds on the way, and what it says in the end."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import SecretStr, ValidationError

from langchain_qwen_workspace._seam import ProtocolName
from langchain_qwen_workspace.errors import APIConnectionError, APITimeoutError, QwenWorkspaceError
from langchain_qwen_workspace.workspace import ModelLimits, QwenWorkspace

Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]
"""How a check ended. A `warning` is worth knowing and stops nothing."""


class Verdict(NamedTuple):
    """What a check says.

    Attributes:
        status: How it ended.
        detail: What was seen, or why nothing was.
        hint: What to do about it.
    """

    status: Status
    detail: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the name of its check; no key is in it.

    Attributes:
        name: The check's name.
        status: How it ended.
        detail: What was seen, or why nothing was.
        hint: What to do about it, `None` where there is nothing to do.
    """

    name: str
    status: Status
    detail: str
    hint: str | None = None


@dataclass(kw_only=True)
class Examination:
    """One visit: what is to be examined, and what earlier checks leave for later ones.

    Attributes:
        given: Arguments of `QwenWorkspace`; what is missing comes from the environment.
        protocols: The protocols that are called.
        model: The model that is called; `None` for a cheap one that is permitted.
        timeout: Seconds that each step may take.
        workspace: The workspace, once the settings were read.
        limits: What the service says of its limits, `None` if it says nothing.
    """

    given: Mapping[str, Any]
    protocols: Sequence[ProtocolName] = ("openai", "dashscope")
    model: str | None = None
    timeout: float = 10.0
    workspace: QwenWorkspace = field(init=False)
    limits: Sequence[ModelLimits] | None = None

    @property
    def key(self) -> SecretStr | None:
        """The key, as far as it is known."""
        known = self.workspace.api_key if hasattr(self, "workspace") else self.given.get("api_key")
        return known if isinstance(known, SecretStr) else None


class Check(NamedTuple):
    """One question.

    Attributes:
        name: Its name.
        needs: Checks without whose success it makes no sense.
        ask: What answers it.
    """

    name: str
    needs: tuple[str, ...]
    ask: Callable[[Examination], Verdict]


_HINTS: tuple[tuple[type[QwenWorkspaceError], str], ...] = (
    (APITimeoutError, "Give it more time (`--timeout`). If it stays silent, a firewall or proxy may hold the answer."),
    (APIConnectionError, "A firewall, a proxy or the server broke the connection off: try another network or host."),
)


def of_error(error: QwenWorkspaceError, status: Status = "failed") -> Verdict:
    """Return what an error says, with its own hint where it has one."""
    facts = [str(fact) for fact in (error.status_code, error.code) if fact is not None]
    if error.request_id:
        facts.append(f"request id {error.request_id}")
    detail = f"{error.message.strip()} ({', '.join(facts)})" if facts else error.message.strip()
    return Verdict(status, detail, error.hint or next((hint for kind, hint in _HINTS if isinstance(error, kind)), None))


def of_settings(error: ValidationError) -> str:
    """Return what is wrong with settings, without what was given: a key may be among it."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return " ".join(one["msg"].removeprefix("Value error, ") for one in found)


_KEY = re.compile(r"\b(sk|st)-[A-Za-z0-9_-]{8,}")


def redacted(text: str, key: object = None) -> str:
    """Return a text without the key, and without anything that looks like one: servers echo what they are sent."""
    value = key.get_secret_value() if isinstance(key, SecretStr) else ""
    return _KEY.sub(r"\1-…", text.replace(value, "(key)") if value else text)
