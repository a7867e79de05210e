"""The doctor: which checks there are, in which order, and what becomes of those that stand on a failed one."""

from collections.abc import Iterable, Iterator
from functools import partial

from langchain_qwen_workspace.cli._examination import Check, Examination, Finding, Verdict, redacted
from langchain_qwen_workspace.cli._network import check_connection, check_dns, check_proxy, check_tls
from langchain_qwen_workspace.cli._service import (
    check_access,
    check_call,
    check_key,
    check_models,
    check_settings,
    check_workspace,
)

CHECKS: tuple[Check, ...] = (
    Check("settings", (), check_settings),
    Check("key", ("settings",), check_key),
    Check("proxy", ("settings",), check_proxy),
    Check("dns", ("proxy",), check_dns),
    Check("connection", ("dns",), check_connection),
    Check("tls", ("connection",), check_tls),
    Check("access", ("key", "tls"), check_access),
    Check("workspace", ("access",), check_workspace),
    Check("models", ("workspace",), check_models),
)
"""What is asked before the calls, of which there is one for each protocol."""


def checks_of(examination: Examination) -> tuple[Check, ...]:
    """Return the checks of an examination, in order."""
    calls = (
        Check(f"{protocol} call", ("models",), partial(check_call, protocol=protocol))
        for protocol in examination.protocols
    )
    return (*CHECKS, *calls)


def examine(examination: Examination, checks: Iterable[Check]) -> Iterator[Finding]:
    """Yield what each check finds, as soon as it is found; no key is in it."""
    stopped: dict[str, str] = {}
    for check in checks:
        cause = next((stopped[name] for name in check.needs if name in stopped), None)
        status, detail, hint = _asked(check, examination) if cause is None else Verdict("skipped", f"`{cause}` failed")
        if cause or status == "failed":
            stopped[check.name] = cause or check.name
        key = examination.key
        yield Finding(check.name, status, redacted(detail, key), redacted(hint, key) if hint else None)


def _asked(check: Check, examination: Examination) -> Verdict:
    try:
        return check.ask(examination)
    except Exception as error:  # noqa: BLE001 - the checks after it still tell something
        return Verdict("failed", f"{type(error).__name__}: {error}", "This is a bug of this command: please report it.")
