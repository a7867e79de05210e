"""The hosts of Model Studio and its sister brands, and what the name of each says."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Host:
    """One host, or hosts whose names have the same form.

    Attributes:
        name: The name. `{region}` and `{workspace}` stand for labels that say which, `{any}` for any other label.
        source: Where it is described, and when.
        region: The region that it serves, where the name does not say it; `None` if that is not known.
        keys: The keys that it takes: `ordinary` ones of Model Studio, those of a `plan`, or the brand's `own`.
        brand: The brand.
        http_only: Whether it speaks plain http only, inside a private network.
    """

    name: str
    source: str
    region: str | None = None
    keys: Literal["ordinary", "plan", "own"] = "ordinary"
    brand: str = "Model Studio"
    http_only: bool = False


_OVERVIEW = "Model Studio docs, base URL overview, 2026-10-11"
_PLANS = "Model Studio docs, plans, 2026-08-18"
_PRIVATE = "Model Studio docs, access through PrivateLink, 2026-08-20"
_THIRD_PARTY = "public repositories and third-party pages, 2026-10 to 2026-11; no official page was read"

# The first row that fits counts.
HOSTS = (
    Host("dashscope.aliyuncs.com", _OVERVIEW, "cn-beijing"),
    Host("dashscope-intl.aliyuncs.com", _OVERVIEW, "ap-southeast-1"),
    Host("dashscope-us.aliyuncs.com", _OVERVIEW, "us-east-1"),
    Host("cn-hongkong.dashscope.aliyuncs.com", _OVERVIEW, "cn-hongkong"),
    Host("trial.{region}.maas.aliyuncs.com", _OVERVIEW),
    Host("token-plan.{region}.maas.aliyuncs.com", _PLANS, keys="plan"),
    Host("{workspace}.{region}.maas.aliyuncs.com", _OVERVIEW),
    Host("coding.dashscope.aliyuncs.com", _PLANS, "cn-beijing", "plan"),
    Host("coding-intl.dashscope.aliyuncs.com", _PLANS, "ap-southeast-1", "plan"),
    Host(
        "dashscope-finance.aliyuncs.com",
        "Model Studio docs, model calling in a sub-workspace, 2025-12",
        "cn-shanghai-finance-1",
        "own",
    ),
    Host("ep-{any}.dashscope.{region}.privatelink.aliyuncs.com", _PRIVATE, http_only=True),
    Host("vpc-{region}.dashscope.aliyuncs.com", _PRIVATE),
    Host("vpc-{any}.{region}.dashscope.aliyuncs.com", _PRIVATE),
    Host("maas.qwencloudapi.com", _THIRD_PARTY, None, "own", "QwenCloud"),
    Host("token-plan.maas.qwencloudapi.com", _THIRD_PARTY, None, "plan", "QwenCloud"),
    Host("{region}.maas.qwencloudapi.com", _THIRD_PARTY, None, "own", "QwenCloud"),
    Host("maas.qianwenaiapi.com", _THIRD_PARTY, None, "own", "Qianwen"),
    Host("token-plan.maas.qianwenaiapi.com", _THIRD_PARTY, None, "plan", "Qianwen"),
)

SERVICE_DOMAINS = (
    r"(?:.*\.)?(?:(?:maas|dashscope[a-z0-9-]*)\.(?:[a-z0-9.-]+\.)?aliyuncs|qwencloudapi|qianwenaiapi)\.com"
)
"""A pattern of every host that is the service's by its domain, also of hosts that are newer than this table.

Not of all of `aliyuncs.com`: there, customers run servers of their own (PAI-EAS).
"""

OTHER_PATHS = ("/apps/anthropic", "/api/v2/apps/protocols/compatible-mode/v1")
"""Paths of Model Studio's base URLs that this package does not call (base URL overview, 2026-10-11)."""
