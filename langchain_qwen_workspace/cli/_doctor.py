"""The checks of `qwen-workspace doctor`, their order, and the loop that runs them."""

from collections.abc import Iterable, Iterator
from functools import partial

from langchain_qwen_workspace.cli._doctor_run import Check, DoctorRun, Finding, Verdict, redact
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
"""The checks that run before the model calls; `checks_for` adds one call per protocol."""


def checks_for(run: DoctorRun) -> tuple[Check, ...]:
    """Return the checks of a run, in order."""
    calls = (
        Check(f"{protocol} call", ("models",), partial(check_call, protocol=protocol)) for protocol in run.protocols
    )
    return (*CHECKS, *calls)


def run_checks(run: DoctorRun, checks: Iterable[Check]) -> Iterator[Finding]:
    """Run the checks in order and yield each finding as soon as it is known; keys are redacted.

    A check is skipped if a check that it needs has failed or was skipped for that reason.
    """
    stopped: dict[str, str] = {}
    for check in checks:
        cause = next((stopped[name] for name in check.needs if name in stopped), None)
        status, detail, hint = _perform(check, run) if cause is None else Verdict("skipped", f"`{cause}` failed")
        if cause or status == "failed":
            stopped[check.name] = cause or check.name
        key = run.key
        yield Finding(check.name, status, redact(detail, key), redact(hint, key) if hint else None)


def _perform(check: Check, run: DoctorRun) -> Verdict:
    try:
        return check.perform(run)
    except Exception as error:  # noqa: BLE001 - the remaining checks are still useful
        return Verdict("failed", f"{type(error).__name__}: {error}", "This is a bug of this command: please report it.")
