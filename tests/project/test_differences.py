"""The differences between the catalogue and other lists, each settled by a value, as unknown, or by behaviour."""

import csv
import re
from collections import Counter
from datetime import date
from importlib.resources import files

import pytest

from langchain_qwen_workspace._workspace.endpoints import locate
from langchain_qwen_workspace.profiles import Profile, profile_of

ROWS = list(
    csv.DictReader(
        files("langchain_qwen_workspace.data").joinpath("differences.tsv").read_text("utf-8").splitlines(),
        delimiter="\t",
    )
)
LIMITS = {
    "context": "context",
    "max_input": "max_input_tokens",
    "max_output": "max_output_tokens",
    "max_reasoning_tokens": "max_reasoning_tokens",
}
# A host for each row about hosts; what follows from them is tested in tests/workspaces/test_hosts.py.
HOSTS = {
    "host {region}.maas.qwencloudapi.com": "ap-southeast-1.maas.qwencloudapi.com",
    "host maas.qianwenaiapi.com": "maas.qianwenaiapi.com",
    "host dashscope-finance.aliyuncs.com": "dashscope-finance.aliyuncs.com",
    "host of a private connection (PrivateLink)": "ep-1.dashscope.cn-beijing.privatelink.aliyuncs.com",
}
# Where each behaviour is tested.
BEHAVIOUR = {
    "parameter thinking_display": "tests/chat/test_qwen4.py",
    "message.encrypted_content": "tests/chat/test_qwen4.py",
    "cache_control": "tests/chat/test_qwen4.py",
    "parameter asr_options": "tests/wire/test_parameters.py",
    "content block doc_url": "tests/wire/test_documents.py",
    "file ids": "tests/wire/test_documents.py",
}


def settle(model: str, field: str, theirs: str) -> str:
    """Return how the catalogue settles a difference: `value`, `unknown`, `behaviour`, `open`, or `wrong`."""
    if field in BEHAVIOUR:
        return "behaviour"
    if field in HOSTS:
        return "behaviour" if locate(f"https://{HOSTS[field]}").brand else "wrong"
    if field.startswith("price"):
        return "open"
    profile = profile_of(model)
    if field == "row":
        return "value" if profile.known or profile.kind == "decision" else "unknown"
    if field in LIMITS:
        return _settle_limit(getattr(profile, LIMITS[field]), theirs)
    return "value" if _is_settled(profile, field) else "wrong"


def _settle_limit(ours: int | None, theirs: str) -> str:
    if ours is None:
        return "unknown"
    return "value" if ours in {int(number) for number in re.findall(r"\d+", theirs.replace(",", ""))} else "wrong"


def _is_settled(profile: Profile, field: str) -> bool:
    checks = {
        "native_endpoint": profile.native_endpoint == "multimodal",
        "thinking": profile.thinking == "only",
        "thinking/streaming": (profile.thinking, profile.streaming) == ("none", "optional"),
        "retirement": profile.retired == date(2026, 7, 13),
        "reasoning_efforts": {"none", "low", "high", "xhigh"} <= set(profile.reasoning_efforts),
        "output_limit_covers_reasoning": profile.output_limit_covers_reasoning,
    }
    return checks[field]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['model']}-{row['field']}-{at}" for at, row in enumerate(ROWS)])
def test_a_difference_is_settled_as_the_data_say(row: dict[str, str]) -> None:
    assert settle(row["model"], row["field"], row["theirs"]) == row["settled"]


def test_every_difference_has_a_source_and_a_date() -> None:
    assert [row for row in ROWS if not row["source"] or not row["date"].startswith("202")] == []


def test_the_differences_are_counted() -> None:
    assert Counter(row["settled"] for row in ROWS) == {"unknown": 94, "value": 24, "behaviour": 10, "open": 2}
