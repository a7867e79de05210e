"""Endpoints: the hosts of every region, workspace ids, base URLs, and hosts for plan keys."""

import re
from typing import Any, get_args

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace._workspace.endpoints import REGIONS, EndpointKind, RegionId

HOSTS: dict[str, tuple[str, str | None, str | None]] = {
    "cn-beijing": (
        "ws-1.cn-beijing.maas.aliyuncs.com",
        "dashscope.aliyuncs.com",
        "trial.cn-beijing.maas.aliyuncs.com",
    ),
    "ap-southeast-1": (
        "ws-1.ap-southeast-1.maas.aliyuncs.com",
        "dashscope-intl.aliyuncs.com",
        "trial.ap-southeast-1.maas.aliyuncs.com",
    ),
    "us-east-1": ("ws-1.us-east-1.maas.aliyuncs.com", "dashscope-us.aliyuncs.com", None),
    "cn-hongkong": (
        "ws-1.cn-hongkong.maas.aliyuncs.com",
        "cn-hongkong.dashscope.aliyuncs.com",
        "trial.cn-hongkong.maas.aliyuncs.com",
    ),
    "eu-central-1": ("ws-1.eu-central-1.maas.aliyuncs.com", None, None),
    "ap-northeast-1": ("ws-1.ap-northeast-1.maas.aliyuncs.com", None, None),
}
"""The workspace's, shared and trial host of each region, as in Model Studio docs, base URL overview, 2026-10-11."""

NAMES = {
    "beijing": "cn-beijing",
    "singapore": "ap-southeast-1",
    "virginia": "us-east-1",
    "hongkong": "cn-hongkong",
    "frankfurt": "eu-central-1",
    "tokyo": "ap-northeast-1",
}


def workspace(**values: Any) -> QwenWorkspace:
    return QwenWorkspace(**values)


def test_the_expected_hosts_cover_every_region() -> None:
    assert set(HOSTS) == set(REGIONS) == set(get_args(RegionId)) == set(NAMES.values())


@pytest.mark.parametrize("region", HOSTS)
def test_a_workspace_id_selects_the_workspaces_own_host(region: str) -> None:
    own = HOSTS[region][0]
    named = workspace(workspace_id="ws-1", region=region)
    assert named.base_url_for("openai") == f"https://{own}/compatible-mode/v1"
    assert named.base_url_for("dashscope") == f"https://{own}/api/v1"
    assert workspace(workspace_id="ws-1", region=region, endpoint="workspace").origin == f"https://{own}"


@pytest.mark.parametrize("workspace_id", [None, "ws-1"])
@pytest.mark.parametrize("kind", ["shared", "trial"])
@pytest.mark.parametrize("region", HOSTS)
def test_endpoint_selects_the_shared_or_trial_host_where_it_exists(
    region: str, kind: EndpointKind, workspace_id: str | None
) -> None:
    host = HOSTS[region][1 if kind == "shared" else 2]
    values = {"region": region, "endpoint": kind, "workspace_id": workspace_id}
    if host is None:
        with pytest.raises(ValueError, match="`workspace_id`"):
            workspace(**values)
    else:
        assert workspace(**values).origin == f"https://{host}"


@pytest.mark.parametrize("region", HOSTS)
def test_without_a_workspace_id_the_shared_host_is_selected(region: str) -> None:
    host = HOSTS[region][1]
    if host is None:
        with pytest.raises(ValueError, match=r"no shared host, .*`workspace_id`, or set"):
            workspace(region=region)
    else:
        assert workspace(region=region).origin == f"https://{host}"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-northeast-1"])
def test_the_error_of_a_missing_trial_host_names_the_regions_that_have_one(region: str) -> None:
    with pytest.raises(ValueError, match="Beijing, Singapore and Hong Kong"):
        workspace(region=region, endpoint="trial")


def test_the_workspace_host_needs_a_workspace_id() -> None:
    with pytest.raises(ValueError, match='`endpoint="workspace"` needs a `workspace_id`'):
        workspace(region="beijing", endpoint="workspace")


def test_an_unknown_endpoint_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="endpoint"):
        workspace(endpoint="private")


@pytest.mark.parametrize(("name", "region"), [*NAMES.items(), *((region, region) for region in HOSTS)])
@pytest.mark.parametrize("change", [str.lower, str.upper, str.title, lambda name: f" {name} "])
def test_region_names_and_ids_are_accepted_in_any_case(name: str, region: str, change: Any) -> None:
    assert workspace(workspace_id="ws-1", region=change(name)).region == region


@pytest.mark.parametrize("wrong", ["moon", "", "cn-beijing-1", "ap_southeast_1", "singapore\nx", 5, b"tokyo", []])
def test_the_error_of_an_unknown_region_lists_the_known_ones(wrong: object) -> None:
    with pytest.raises(ValueError, match="does not exist") as caught:
        workspace(region=wrong)
    for name, region in NAMES.items():
        assert name in str(caught.value)
        assert region in str(caught.value)


def test_the_default_region_is_singapore() -> None:
    assert workspace().region == "ap-southeast-1"
    assert workspace().origin == "https://dashscope-intl.aliyuncs.com"


# -------------------------------------------------------------------------------------------------- workspace ids


@pytest.mark.parametrize(
    "label",
    [
        "a.evil.com",
        "evil.com/",
        "x/../",
        "x/..",
        "x@evil.com",
        "@",
        "x:8080",
        "x\n",
        "\nx",
        "x\r\nHost: evil.com",
        "x y",
        "x\t",
        "x\x00",
        "wörkspace",
        "\uff57\uff53-1",
        "ws\u20091",
        "ws-1\u200b",
        "x?",
        "x#",
        "x%2e",
        "x\\",
        "",
        " ",
        "-ws",
        "_ws",
        ".",
        "a" * 65,
        "trial",
        "TRIAL",
        "token-plan",
    ],
)
def test_a_workspace_id_that_could_change_the_host_is_refused(label: str) -> None:
    for endpoint in (None, "workspace", "shared"):
        with pytest.raises(ValueError, match="is not valid"):
            workspace(workspace_id=label, endpoint=endpoint)
    with pytest.raises(ValueError, match="is not valid"):
        workspace(workspace_id=label, base_url="http://127.0.0.1:1")


def test_a_key_given_as_workspace_id_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="begins with `sk-`") as caught:
        workspace(workspace_id="sk-ws-S3CR3T")
    assert "S3CR3T" not in str(caught.value)


@pytest.mark.parametrize("label", ["a", "9", "llm-abc_1", "ws-ABC", "a" * 64])
def test_a_valid_workspace_id_becomes_the_first_label_of_the_host(label: str) -> None:
    assert workspace(workspace_id=label, region="tokyo").origin == f"https://{label}.ap-northeast-1.maas.aliyuncs.com"


@pytest.mark.parametrize("label", [5, True, ["ws-1"]])
def test_a_workspace_id_that_is_not_a_string_is_refused(label: object) -> None:
    with pytest.raises(ValueError, match="workspace_id"):
        workspace(workspace_id=label)


# ------------------------------------------------------------------------------------------------------ base URLs


@pytest.mark.parametrize(
    ("base_url", "openai", "dashscope"),
    [
        ("http://127.0.0.1:8089", "http://127.0.0.1:8089/compatible-mode/v1", "http://127.0.0.1:8089/api/v1"),
        ("http://127.0.0.1:8089/", "http://127.0.0.1:8089/compatible-mode/v1", "http://127.0.0.1:8089/api/v1"),
        ("http://[::1]:8089", "http://[::1]:8089/compatible-mode/v1", "http://[::1]:8089/api/v1"),
        ("https://proxy.example/qwen/", "https://proxy.example/qwen", "https://proxy.example/qwen"),
        ("https://proxy.example/qwen", "https://proxy.example/qwen", "https://proxy.example/qwen"),
        (
            "https://dashscope.aliyuncs.com",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
            "https://dashscope.aliyuncs.com/api/v1",
        ),
    ],
)
def test_the_protocols_path_is_appended_to_a_bare_origin_only(base_url: str, openai: str, dashscope: str) -> None:
    value = workspace(base_url=base_url)
    assert value.base_url_for("openai") == openai
    assert value.base_url_for("dashscope") == dashscope


@pytest.mark.parametrize("end", ["", "/", "//"])
@pytest.mark.parametrize(
    ("protocol", "path", "other"),
    [("openai", "/compatible-mode/v1", "dashscope"), ("dashscope", "/api/v1", "openai")],
)
@pytest.mark.parametrize("host", ["https://proxy.example", "https://proxy.example/below", "http://127.0.0.1:1"])
def test_a_base_url_with_the_path_of_another_protocol_is_refused(
    host: str, protocol: Any, path: str, other: str, end: str
) -> None:
    url = f"{host}{path}"
    assert workspace(base_url=url + end).base_url_for(protocol) == url
    with pytest.raises(ValueError, match=re.escape(f"`{host}`")):
        ChatQwenWorkspace(model="qwen-plus", protocol=other, base_url=url + end)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        " ",
        "host.example",
        "//host.example",
        "/compatible-mode/v1",
        "ftp://host.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "https:///path",
        "http://host.example:0",
        "http://host.example:99999",
        "http://host.example:x",
        "https://host.example?x=1",
        "https://host.example/v1?x=1",
        "https://host.example/#top",
        " https://host.example",
        "https://host.example ",
        "https://ho st.example",
        "https://host.example\n",
        "https://host.example/\r\nX-Evil: 1",
        "https://host.example/\u00a0",
        "http://[::1",
    ],
)
def test_an_invalid_base_url_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="cannot be used"):
        workspace(base_url=base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        # The protocol's path would be appended to the query.
        "https://host.example?",
        "https://host.example/?",
        "https://host.example#",
        "http://host.example/\x00path",
        # HTTP libraries would send the credentials as `Authorization: Basic`, in place of the key.
        "https://user:password@host.example",
        "https://dashscope.aliyuncs.com@evil.example",
    ],
)
def test_a_base_url_with_query_fragment_or_credentials_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="cannot be used"):
        workspace(base_url=base_url)


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("http://gateway.example", "gateway.example"),
        ("HTTP://GATEWAY.EXAMPLE:8080/compatible-mode/v1", "gateway.example"),
        ("http://10.0.0.1", "10.0.0.1"),
        ("http://0.0.0.0:8089", "0.0.0.0"),  # noqa: S104 - nothing is bound
        ("http://128.0.0.1", "128.0.0.1"),
        ("http://[2001:db8::1]", "2001:db8::1"),
        ("http://127.0.0.1.evil.example", "127.0.0.1.evil.example"),
        ("http://localhost.evil.example", "localhost.evil.example"),
        ("http://0x7f.1", "0x7f.1"),
        ("http://dashscope.aliyuncs.com", "dashscope.aliyuncs.com"),
    ],
)
def test_plain_http_to_another_machine_warns_that_the_key_is_readable(base_url: str, host: str) -> None:
    with pytest.warns(UserWarning, match=f"calls {host!r} by plain http: the key") as caught:
        workspace(base_url=base_url)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match="plain http") as caught:
        ChatQwenWorkspace(model="qwen-plus", api_key="sk-S3CR3T", base_url=base_url).resolved_workspace()
    assert not [warning for warning in caught if "S3CR3T" in str(warning.message)]


@pytest.mark.parametrize(
    "base_url",
    ["http://localhost:8089", "http://127.0.0.1", "http://127.8.9.1:1", "http://[::1]:8089", "https://gateway.example"],
)
def test_plain_http_to_this_machine_warns_of_nothing(base_url: str) -> None:
    assert workspace(base_url=base_url).origin == base_url


@pytest.mark.parametrize("region", HOSTS)
def test_region_and_workspace_are_read_from_a_known_host(region: str) -> None:
    own, shared, trial = HOSTS[region]
    found = workspace(base_url=f"https://{own}/compatible-mode/v1")
    assert (found.region, found.workspace_id) == (region, "ws-1")
    for host in filter(None, (shared, trial)):
        found = workspace(base_url=f"https://{host}")
        assert (found.region, found.workspace_id) == (region, None)


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "https://dashscope-us.aliyuncs.com", "region": "singapore"},
        {"base_url": "https://DASHSCOPE.aliyuncs.com/", "region": "singapore"},
        {"base_url": "https://ws-1.cn-beijing.maas.aliyuncs.com", "region": "tokyo"},
        {"base_url": "https://trial.cn-beijing.maas.aliyuncs.com:443", "region": "hongkong"},
        {"base_url": "https://ws-1.cn-beijing.maas.aliyuncs.com", "workspace_id": "ws-2"},
    ],
)
def test_a_region_or_workspace_that_contradicts_a_known_host_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="make them agree"):
        workspace(**values)


def test_a_region_or_workspace_may_repeat_what_a_known_host_says() -> None:
    host = "https://ws-1.cn-beijing.maas.aliyuncs.com"
    assert workspace(base_url=host, region="Beijing", workspace_id="ws-1").origin == host
    # Host names have no case; workspace ids may.
    named = workspace(base_url="https://WS-1.cn-beijing.maas.aliyuncs.com", workspace_id="WS-1")
    assert named.workspace_id == "WS-1"
    shared = workspace(base_url="https://dashscope.aliyuncs.com", workspace_id="ws-1")
    assert (shared.region, shared.workspace_id) == ("cn-beijing", "ws-1")


@pytest.mark.parametrize(
    "host",
    [
        "ws-1.cn-beijing.maas.aliyuncs.com.evil.example",
        "evil-dashscope.aliyuncs.com",
        "a.b.cn-beijing.maas.aliyuncs.com",
        "ws-1.cn-atlantis.maas.aliyuncs.com",
        "maas.aliyuncs.com",
    ],
)
def test_nothing_is_read_from_a_host_that_only_looks_known(host: str) -> None:
    found = workspace(base_url=f"https://{host}")
    assert (found.region, found.workspace_id) == (None, None)


@pytest.mark.parametrize("endpoint", ["workspace", "shared", "trial"])
def test_base_url_beside_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="give only one of them"):
        workspace(base_url="http://127.0.0.1:1", endpoint=endpoint, workspace_id="ws-1")


# ------------------------------------------------------------------------------------------------- keys of plans

PLAN_HOSTS = [
    "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
    "https://token-plan.ap-southeast-1.maas.aliyuncs.com",
    "https://coding.dashscope.aliyuncs.com/v1",
    "https://coding-intl.dashscope.aliyuncs.com/v1",
]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"workspace_id": "ws-1", "region": "tokyo"},
        {"endpoint": "trial"},
        {"endpoint": "shared", "region": "beijing"},
        {"base_url": "https://dashscope.aliyuncs.com/compatible-mode/v1"},
        {"base_url": "https://ws-1.us-east-1.maas.aliyuncs.com"},
    ],
)
def test_a_plan_key_is_refused_for_an_ordinary_host(values: dict[str, str]) -> None:
    for make in (workspace, lambda **given: ChatQwenWorkspace(model="qwen-plus", **given)):
        with pytest.raises(ValueError, match="only on the plan's own host and whose terms forbid the use") as caught:
            make(api_key="sk-sp-1234567", **values)
        assert "1234567" not in str(caught.value)


@pytest.mark.parametrize("base_url", [*PLAN_HOSTS, "http://127.0.0.1:1", "https://proxy.example/v1"])
def test_a_plan_key_is_accepted_for_plan_hosts_and_custom_hosts(base_url: str) -> None:
    assert workspace(api_key="sk-sp-1234567", base_url=base_url).base_url == base_url


def test_the_region_is_read_from_a_plan_host() -> None:
    assert workspace(base_url="https://token-plan.cn-beijing.maas.aliyuncs.com").region == "cn-beijing"
