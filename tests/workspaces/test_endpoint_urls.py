"""The functions that make an endpoint's URL: hosts, paths, and the exact texts of their refusals."""

from collections.abc import Callable

import pytest

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import base_paths
from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace._workspace.endpoints import (
    EndpointKind,
    Service,
    is_loopback,
    locate,
    origin,
    region_id,
    workspace_label,
)
from langchain_qwen_workspace.errors import ConfigurationError

_ID = "Expected the id from the console's workspace details (`llm-…` or `ws-…`)"


def base_url_of(base_url: str, protocol: str, service: Service = "models") -> str:
    return endpoints.with_path(base_url, protocol, service, base_paths())


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: region_id("mars"),
        (
            "Region 'mars' does not exist. Expected one of `cn-beijing` (beijing), `ap-southeast-1` (singapore), "
            "`cn-hongkong` (hongkong), `us-east-1` (virginia), `eu-central-1` (frankfurt), `ap-northeast-1` (tokyo)."
        ),
    ),
    (
        lambda: workspace_label("a b"),
        (
            f"Workspace id 'a b' is not valid. {_ID}: 1 to 64 letters, digits, `-` or `_`, beginning with a letter or "
            "digit."
        ),
    ),
    (
        lambda: workspace_label("sk-1"),
        f"`workspace_id` begins with `sk-`, as keys do. {_ID}. Pass the key as `api_key`.",
    ),
    (
        lambda: locate("host"),
        (
            "`base_url` 'host' cannot be used. Expected an origin such as `https://host`, to which the protocol's path "
            "is added, or a full base URL such as `https://host/compatible-mode/v1`; without a login, a query or a "
            "fragment."
        ),
    ),
    (
        lambda: origin(region="cn-beijing", workspace_id=None, endpoint="workspace"),
        '`endpoint="workspace"` needs a `workspace_id`: the workspace\'s own host is named after it.',
    ),
    (
        lambda: origin(region="us-east-1", workspace_id=None, endpoint="trial"),
        (
            "Virginia (`us-east-1`) has no trial host; only Beijing, Singapore and Hong Kong have one. Use "
            '`endpoint="workspace"` with a `workspace_id`.'
        ),
    ),
    (
        lambda: origin(region="ap-northeast-1", workspace_id=None, endpoint=None),
        (
            "Tokyo (`ap-northeast-1`) has no shared host, only hosts of single workspaces. Pass the workspace's id as "
            "`workspace_id`, or set the environment variable DASHSCOPE_WORKSPACE."
        ),
    ),
    (
        lambda: base_url_of("https://h/x/api/v1/", "openai"),
        (
            '`base_url` \'https://h/x/api/v1/\' has the path of `protocol="dashscope"`, but the protocol is "openai". '
            'Give the origin alone (`https://h/x`), or pass `protocol="dashscope"`.'
        ),
    ),
]


@pytest.mark.parametrize(("ask", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_an_unusable_endpoint_is_refused(ask: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ask()

    assert caught.value.message == message


@pytest.mark.parametrize(
    ("url", "protocol", "models", "rerank", "files"),
    [
        (
            "https://h",
            "openai",
            "https://h/compatible-mode/v1",
            "https://h/compatible-api/v1",
            "https://h/compatible-mode/v1",
        ),
        (
            "https://h/x/compatible-mode/v1/",
            "openai",
            "https://h/x/compatible-mode/v1",
            "https://h/x/compatible-api/v1",
            "https://h/x/compatible-mode/v1",
        ),
        (
            "https://h/compatible-api/v1",
            "openai",
            "https://h/compatible-mode/v1",
            "https://h/compatible-api/v1",
            "https://h/compatible-mode/v1",
        ),
        ("https://h//", "dashscope", "https://h/api/v1", "https://h/api/v1", "https://h/api/v1"),
        ("https://h/api/v1", "dashscope", "https://h/api/v1", "https://h/api/v1", "https://h/api/v1"),
        ("https://h/mine/", "dashscope", "https://h/mine", "https://h/mine", "https://h/mine"),
        ("https://h/X", "openai", "https://h/X", "https://h/X", "https://h/X"),
    ],
)
def test_each_service_has_its_path_below_a_base_url(
    url: str, protocol: ProtocolName, models: str, rerank: str, files: str
) -> None:
    assert base_url_of(url, protocol) == models
    assert base_url_of(url, protocol, "models") == models
    assert base_url_of(url, protocol, "rerank") == rerank
    assert base_url_of(url, protocol, "files") == files


@pytest.mark.parametrize(
    ("protocol", "url"),
    [("dashscope", "https://h/compatible-mode/v1"), ("dashscope", "https://h/compatible-api/v1/")],
)
def test_the_path_of_the_other_protocol_is_refused(protocol: ProtocolName, url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Give the origin alone \(`https://h`\)"):
        base_url_of(url, protocol)


@pytest.mark.parametrize(
    ("workspace_id", "endpoint", "host"),
    [
        (None, None, "dashscope.aliyuncs.com"),
        ("", None, "dashscope.aliyuncs.com"),
        ("ws-1", None, "ws-1.cn-beijing.maas.aliyuncs.com"),
        ("ws-1", "workspace", "ws-1.cn-beijing.maas.aliyuncs.com"),
        ("ws-1", "shared", "dashscope.aliyuncs.com"),
        ("ws-1", "trial", "trial.cn-beijing.maas.aliyuncs.com"),
    ],
)
def test_the_host_depends_on_workspace_id_and_endpoint(
    workspace_id: str | None, endpoint: EndpointKind | None, host: str
) -> None:
    assert origin(region="cn-beijing", workspace_id=workspace_id, endpoint=endpoint) == f"https://{host}"


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_loopback_hosts_are_recognized(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize("label", ["Trial-1", "sk"])
def test_a_workspace_id_may_begin_like_a_reserved_one(label: str) -> None:
    assert workspace_label(label) == label


@pytest.mark.parametrize("label", ["SK-1", "a.b"])
def test_a_key_or_a_host_is_not_a_workspace_id(label: str) -> None:
    with pytest.raises(ConfigurationError):
        workspace_label(label)
