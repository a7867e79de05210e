"""`QwenWorkspace`: values from arguments, environment and base URL, and its equality, hash and immutability."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from langchain_qwen_workspace import ChatQwenWorkspace, ConfigurationError, QwenWorkspace, QwenWorkspaceEmbeddings

Component = ChatQwenWorkspace | QwenWorkspaceEmbeddings
Make = Callable[..., Component]

VALUES = {
    "api_key": ("DASHSCOPE_API_KEY", "sk-1", "sk-2"),
    "workspace_id": ("DASHSCOPE_WORKSPACE", "ws-1", "ws-2"),
    "region": ("DASHSCOPE_REGION", "tokyo", "frankfurt"),
    "base_url": ("DASHSCOPE_BASE_URL", "http://127.0.0.1:1", "http://127.0.0.1:2"),
}
REGION_IDS = {"tokyo": "ap-northeast-1", "frankfurt": "eu-central-1"}


def workspace(**values: Any) -> QwenWorkspace:
    return QwenWorkspace(**values)


def plain_value(value: QwenWorkspace | Component, name: str) -> object:
    found = getattr(value, name)
    return found.get_secret_value() if isinstance(found, SecretStr) else found


@pytest.fixture(params=["chat", "embeddings"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "chat":
        return lambda **values: ChatQwenWorkspace(**{"model": "qwen-plus", **values})
    return lambda **values: QwenWorkspaceEmbeddings(**{"model": "text-embedding-v4", **values})


@pytest.fixture(params=["workspace", "chat", "embeddings"])
def make_any(request: pytest.FixtureRequest) -> Callable[..., QwenWorkspace | Component]:
    if request.param == "chat":
        return lambda **values: ChatQwenWorkspace(**{"model": "qwen-plus", **values})
    if request.param == "embeddings":
        return lambda **values: QwenWorkspaceEmbeddings(**{"model": "text-embedding-v4", **values})
    return workspace


# ---------------------------------------------------------------------------------------------------- environment


@pytest.mark.parametrize("name", VALUES)
def test_arguments_take_precedence_over_the_environment(
    name: str, make_any: Callable[..., Component], monkeypatch: pytest.MonkeyPatch
) -> None:
    variable, first, second = VALUES[name]
    company = {"workspace_id": "ws-9"} if name == "region" else {}
    monkeypatch.setenv(variable, first)
    assert plain_value(make_any(**company), name) == REGION_IDS.get(first, first)
    given = second if name != "api_key" else SecretStr(second)
    assert plain_value(make_any(**company, **{name: given}), name) == REGION_IDS.get(second, second)
    assert plain_value(make_any(**company, **{name: None}), name) == REGION_IDS.get(first, first)


@pytest.mark.parametrize("name", VALUES)
def test_an_empty_variable_counts_as_unset(
    name: str, make_any: Callable[..., Component], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VALUES[name][0], "")
    monkeypatch.setenv("DASHSCOPE_WORKSPACE_ID", "")
    assert plain_value(make_any(), name) == ("ap-southeast-1" if name == "region" else None)


def test_the_two_variables_of_the_workspace_id_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_WORKSPACE_ID", "ws-id")
    assert workspace().workspace_id == "ws-id"
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "")
    assert workspace().workspace_id == "ws-id"
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "ws-id")
    assert workspace().workspace_id == "ws-id"
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "ws-other")
    with pytest.raises(ValueError, match="DASHSCOPE_WORKSPACE and DASHSCOPE_WORKSPACE_ID are both set and differ"):
        workspace()


def test_unused_variables_may_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "ws-1")
    monkeypatch.setenv("DASHSCOPE_WORKSPACE_ID", "ws-2")
    assert workspace(workspace_id="ws-3").workspace_id == "ws-3"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("DASHSCOPE_REGION", "moon", "does not exist"),
        ("DASHSCOPE_WORKSPACE", "a.evil.com", "is not valid"),
        ("DASHSCOPE_BASE_URL", "host.example", "cannot be used"),
        ("DASHSCOPE_API_KEY", "sk-1\n", "line break"),
        ("DASHSCOPE_API_KEY", "sk-sp-1", "Token Plan or Coding Plan"),
    ],
)
def test_values_of_the_environment_are_validated(
    variable: str, value: str, message: str, make_any: Callable[..., Component], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=message):
        make_any()


def test_variables_of_other_products_are_not_read(
    make_any: Callable[..., Component], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DASHSCOPE_HTTP_BASE_URL", "DASHSCOPE_API_KEY_FILE_PATH"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    value = make_any()
    assert value.api_key is None
    assert value.base_url is None


def test_an_endpoint_argument_replaces_a_base_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "http://127.0.0.1:1")
    assert workspace(endpoint="shared", region="beijing").origin == "https://dashscope.aliyuncs.com"


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ({"region": "tokyo", "workspace_id": "ws-2"}, "https://ws-2.ap-northeast-1.maas.aliyuncs.com"),
        ({"workspace_id": "ws-2"}, "https://ws-2.ap-southeast-1.maas.aliyuncs.com"),
        ({"region": "virginia"}, "https://dashscope-us.aliyuncs.com"),
        ({"region": "beijing"}, "https://ws-1.cn-beijing.maas.aliyuncs.com"),
        ({"workspace_id": "ws-1"}, "https://ws-1.cn-beijing.maas.aliyuncs.com"),
        ({}, "https://ws-1.cn-beijing.maas.aliyuncs.com"),
    ],
)
def test_region_and_workspace_arguments_replace_a_known_host_of_the_environment(
    given: dict[str, str], origin: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "https://ws-1.cn-beijing.maas.aliyuncs.com")
    assert workspace(**given).origin == origin
    assert make(**given).resolved_workspace().origin == origin


def test_an_unknown_host_of_the_environment_is_kept_beside_a_region_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "http://127.0.0.1:1")
    team = workspace(region="tokyo", workspace_id="ws-1")
    assert (team.origin, team.region, team.workspace_id) == ("http://127.0.0.1:1", "ap-northeast-1", "ws-1")


@pytest.mark.parametrize("base_url", ["https://ws-1.cn-beijing.maas.aliyuncs.com", "https://dashscope.aliyuncs.com"])
def test_a_base_url_argument_replaces_region_and_workspace_of_the_environment(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHSCOPE_REGION", "tokyo")
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "ws-env")
    team = workspace(base_url=base_url)
    assert team.region == "cn-beijing"
    assert team.origin == base_url
    assert team.workspace_id == ("ws-1" if "ws-1" in base_url else "ws-env")


def test_contradictions_within_the_environment_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "https://ws-1.cn-beijing.maas.aliyuncs.com")
    monkeypatch.setenv("DASHSCOPE_REGION", "tokyo")
    with pytest.raises(ValueError, match="is a host of region 'cn-beijing'"):
        workspace()


def test_a_component_keeps_the_environment_of_its_construction(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-1")
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "ws-1")
    made = make()
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-2")
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "ws-2")
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "http://127.0.0.1:1")
    later = made.resolved_workspace()
    assert (plain_value(later, "api_key"), later.workspace_id, later.base_url) == ("sk-1", "ws-1", None)


def test_a_given_workspace_takes_nothing_from_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    team = workspace(api_key="sk-1", region="beijing")
    for variable, first, _ in VALUES.values():
        monkeypatch.setenv(variable, first)
    assert make(workspace=team).resolved_workspace() == team


# -------------------------------------------------------------------------------------- workspace and fields together

TEAM: dict[str, Any] = {"api_key": "sk-1", "workspace_id": "ws-1", "region": "tokyo", "endpoint": "workspace"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "sk-2"),
        ("workspace_id", "ws-2"),
        ("region", "singapore"),
        ("endpoint", "shared"),
        ("base_url", "http://127.0.0.1:1"),
    ],
)
def test_a_field_that_contradicts_the_workspace_is_refused(name: str, value: str, make: Make) -> None:
    with pytest.raises(ValueError, match=f"`{name}` and `workspace` contradict"):
        make(workspace=workspace(**TEAM), **{name: value})


def test_the_error_names_every_contradicting_field(make: Make) -> None:
    with pytest.raises(ValueError, match="`api_key`, `workspace_id`, `region` and `workspace` contradict"):
        make(workspace=workspace(**TEAM), api_key="sk-2", workspace_id="ws-2", region="beijing")


def test_fields_may_repeat_the_values_of_the_workspace(make: Make) -> None:
    team = workspace(**TEAM)
    assert make(workspace=team, **TEAM).resolved_workspace() == team
    assert make(workspace=team, region="ap-northeast-1", api_key=SecretStr("sk-1")).resolved_workspace() == team
    assert make(workspace=TEAM).resolved_workspace() == team
    few = workspace(**TEAM, allowed_models=["qwen-plus"])
    assert make(workspace=few, allowed_models=["qwen-plus"]).resolved_workspace() == few


def test_fields_make_the_same_workspace_as_a_workspace_argument(make: Make) -> None:
    assert make(**TEAM).resolved_workspace() == workspace(**TEAM)


def test_only_dictionaries_are_validated_as_a_component(make: Make) -> None:
    with pytest.raises(ValidationError, match="valid dictionary"):
        type(make()).model_validate("qwen-plus")


def test_a_component_refuses_regions_without_the_host(make: Make) -> None:
    with pytest.raises(ValueError, match="no shared host"):
        make(region="frankfurt")
    with pytest.raises(ValueError, match="no trial host"):
        make(region="virginia", endpoint="trial")


def test_native_is_an_alias_of_dashscope(make: Make) -> None:
    assert make(protocol="native").protocol == "dashscope"
    assert make(protocol="native") == make(protocol="dashscope")
    with pytest.raises(ValueError, match="protocol"):
        make(protocol="anthropic")


# ----------------------------------------------------------------------------------------------------- equality


def test_workspaces_of_equal_values_are_equal_and_hash_equally() -> None:
    team, same, other = workspace(**TEAM), workspace(**TEAM), workspace(**{**TEAM, "api_key": "sk-2"})
    assert team == same
    assert hash(team) == hash(same)
    assert team != other
    assert len({team, same, other}) == 2
    assert workspace(**{**TEAM, "region": "ap-northeast-1"}) == team
    assert workspace(**{**TEAM, "api_key": SecretStr("sk-1")}) == team


@pytest.mark.parametrize("name", TEAM)
def test_a_workspace_is_frozen(name: str) -> None:
    team = workspace(**TEAM)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(team, name, "other")
    assert team == workspace(**TEAM)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="workspace"):
        workspace(workspace="ws-1")


@pytest.mark.parametrize(
    "key",
    ["", " ", "sk 1", "sk-1 ", " sk-1", "sk-1\n", "sk-1\r\nX: 1", "sk-\t1", "sk-\x001", "sk-é", "sk-…", "sk-\u2009"],
)
def test_a_key_that_is_empty_or_has_invalid_characters_is_refused(key: str, make_any: Callable[..., Component]) -> None:
    for given in (key, SecretStr(key)):
        with pytest.raises(ValueError, match="`api_key` is empty, or contains a space"):
            make_any(api_key=given)


def test_the_refusal_of_a_key_says_that_an_examples_key_stands_for_ones_own() -> None:
    with pytest.raises(ValueError, match=r"DASHSCOPE_API_KEY to the whole key.*`sk-…` in an example stands for it"):
        workspace(api_key="sk-…")


def test_a_key_of_bytes_is_read_as_text(make_any: Callable[..., Component]) -> None:
    assert plain_value(make_any(api_key=b"sk-1"), "api_key") == "sk-1"


def test_a_workspace_without_a_key_can_be_made(make_any: Callable[..., Component]) -> None:
    assert make_any().api_key is None


def test_a_contradiction_is_a_configuration_error_inside_the_validation_error() -> None:
    """pydantic wraps what validators raise; a copy is resolved without pydantic, so that it raises the error itself."""
    with pytest.raises(ValidationError) as caught:
        workspace(base_url="http://127.0.0.1:1", endpoint="shared")
    assert isinstance(caught.value.errors()[0]["ctx"]["error"], ConfigurationError)
    copy = ChatQwenWorkspace(model="qwen-plus", region="singapore").model_copy(update={"region": "tokyo"})
    with pytest.raises(ConfigurationError, match="no shared host"):
        copy.resolved_workspace()
