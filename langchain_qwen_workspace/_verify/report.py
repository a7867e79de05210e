"""The report of a verification, as Markdown and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace._verify.anonymize import Anonymizer, replace_in
from langchain_qwen_workspace._verify.run import AS_BELIEVED, OTHERWISE, UNKNOWN, Result, Run
from langchain_qwen_workspace._version import __version__

_VERSION = 1


def report_to_data(run: Run, day: date) -> dict[str, Any]:
    """Return the report as values that JSON can hold."""
    counts = Counter(result.verdict for result in run.results)
    budget = run.session.recorder.budget
    return {
        "version": _VERSION,
        "package": __version__,
        "date": day.isoformat(),
        "region": run.session.workspace.region,
        "model": run.session.model,
        "checked": len(run.results),
        "of": len(run.beliefs),
        "stopped": run.stopped,
        "counts": {verdict: counts[verdict] for verdict in (AS_BELIEVED, OTHERWISE, UNKNOWN)},
        "spent": str(budget.spent),
        "budget": str(budget.limit),
        "currency": budget.currency,
        "results": [_to_data(result) for result in run.results],
        "unchecked": [belief.id for belief in run.unchecked],
    }


def report_to_markdown(run: Run, day: date) -> str:
    """Return the report as Markdown: the summary, what to change, and a section for each group."""
    data = report_to_data(run, day)
    lines = [
        "# Verification of what langchain-qwen-workspace believes of Model Studio",
        "",
        f"{day.isoformat()}, region {data['region']}, model {data['model']}, package {__version__}. "
        f"{data['checked']} of {data['of']} beliefs were checked: "
        + ", ".join(f"{number} {verdict}" for verdict, number in data["counts"].items())
        + f". Spent: {data['spent']} of {data['budget']} {data['currency']}.",
    ]
    if run.stopped is not None:
        lines += ["", f"**Not finished**: {run.stopped} Not checked: {', '.join(data['unchecked']) or 'nothing'}."]
    lines += ["", "## What to change", "", what_to_change(run.results)]
    for group, results in groupby(sorted(run.results, key=_group), key=_group):
        lines += ["", f"## {group.capitalize()}", *_group_lines(list(results))]
    return "\n".join(lines) + "\n"


def what_to_change(results: Sequence[Result]) -> str:
    """Return in one paragraph what to change, from the decisive beliefs that turned out otherwise."""
    decisive = [result for result in results if result.belief.is_decisive]
    changes = [f"{r.belief.if_otherwise} (`{r.belief.id}`)" for r in decisive if r.verdict == OTHERWISE]
    unknown = [f"`{r.belief.id}`" for r in decisive if r.verdict == UNKNOWN]
    text = " ".join(changes) or "Nothing: no decisive belief turned out otherwise."
    return f"{text} Still not known: {', '.join(unknown)}." if unknown else text


def to_json(data: dict[str, Any]) -> str:
    """Return a report as JSON."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def anonymize_data(data: dict[str, Any], anonymizer: Anonymizer) -> dict[str, Any]:
    """Return a report's values, like `anonymize_report`."""
    replaced: dict[str, Any] = replace_in(data, anonymizer)
    return replaced


def anonymize_report(text: str, anonymizer: Anonymizer) -> str:
    """Return a report without keys, ids of accounts and workspaces, hosts and addresses.

    Raises:
        LeftoverError: A second search still finds one.
    """
    return anonymizer.replace(text)


def _group(result: Result) -> str:
    return result.belief.group


def _group_lines(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        belief = result.belief
        yield ""
        yield f"### `{belief.id}`: {result.verdict}"
        yield ""
        yield f"* Believed ({belief.certainty}; {belief.source}, {belief.date}): {belief.sentence}"
        if belief.other_case:
            yield f"* The package also handles: {belief.other_case}"
        yield f"* Observed: {_plain(result.observed)}"
        if result.request_id:
            yield f"* Request: `{result.request_id}`"


def _plain(text: str) -> str:
    """Return text of the service without control characters and without HTML."""
    return escape_control_characters(text).replace("<", "&lt;")


def _to_data(result: Result) -> dict[str, Any]:
    belief = result.belief
    return {
        "id": belief.id,
        "group": belief.group,
        "believed": belief.sentence,
        "source": belief.source,
        "date": belief.date,
        "certainty": belief.certainty,
        "other_case": belief.other_case,
        "verdict": result.verdict,
        "observed": result.observed,
        "request_id": result.request_id,
        "if_otherwise": belief.if_otherwise,
    }
