"""A protocol is one wire and one row of the registry: a throw-away one works everywhere, with no other file touched."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from langchain_core.messages import AIMessage
from pydantic import ValidationError

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    ConfigurationError,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
)
from langchain_qwen_workspace._protocols import PROTOCOLS, ProtocolRow
from tests.support import upper_wire
from tests.support.server import Received, Reply, Server, json_reply, stream_reply
from tests.support.ways import WAYS, Way, ask_by


@pytest.fixture(autouse=True)
def _upper(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ProtocolRow(
        chat=upper_wire,
        transport=PROTOCOLS["openai"].transport,
        base_paths={"models": PROTOCOLS["openai"].base_paths["models"]},
        aliases=("shout",),
    )
    monkeypatch.setitem(PROTOCOLS, "upper", row)


def reply_to(received: Received) -> Reply:
    said = " ".join(received.json["say"]).upper()
    if not received.json["pieces"]:
        return json_reply({"said": said})
    return stream_reply(*(f'data: {{"piece": "{letter}"}}\n\n'.encode() for letter in said))


@pytest.fixture
def upper_server(server: Server) -> Iterator[Server]:
    server.default = reply_to
    yield server
    server.reset()


def workspace_at(url: str) -> QwenWorkspace:
    return QwenWorkspace(api_key="sk-test", workspace_id="llm-test", base_url=url)


@pytest.mark.parametrize("way", WAYS)
def test_a_third_protocol_answers_in_every_way_of_calling(
    upper_server: Server, way: Way, runner: asyncio.Runner
) -> None:
    llm = ChatQwenWorkspace.model_validate(
        {"model": "any", "protocol": "upper", "workspace": workspace_at(upper_server.url)}
    )
    answer = ask_by(way, llm, runner)
    assert answer.text == "HI"
    assert answer.response_metadata["protocol"] == "upper"
    assert [request.path for request in upper_server.requests] == ["/compatible-mode/v1/upper"]


def test_the_wire_of_a_third_protocol_decides_whether_a_call_must_stream(upper_server: Server) -> None:
    llm = ChatQwenWorkspace.model_validate(
        {"model": "stream-only", "protocol": "shout", "workspace": workspace_at(upper_server.url)}
    )
    assert llm.invoke("Hi").text == "HI"
    assert upper_server.requests[0].json["pieces"] is True


def test_two_protocols_may_share_a_base_path(upper_server: Server) -> None:
    shared = workspace_at(f"{upper_server.url}/compatible-mode/v1")
    assert shared.base_url_for("upper") == shared.base_url_for("openai")


def test_a_base_url_of_a_protocol_that_shares_no_path_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r'has the path of `protocol="dashscope"`'):
        workspace_at("http://127.0.0.1:1/api/v1").base_url_for("upper")


def make_batch(**fields: str) -> QwenWorkspaceBatch[AIMessage]:
    return QwenWorkspaceBatch(ChatQwenWorkspace.model_validate(fields))


@pytest.mark.parametrize(
    ("make", "model", "part"),
    [
        (QwenWorkspaceEmbeddings, "text-embedding-v4", "embeddings"),
        (QwenWorkspaceRerank, "qwen3-rerank", "reranking"),
        (make_batch, "any", "Batch API"),
    ],
    ids=["embeddings", "rerank", "files"],
)
def test_a_part_that_a_protocol_lacks_is_refused_by_name(make: Callable[..., object], model: str, part: str) -> None:
    expected = f'`protocol="upper"` has no {part}. Use `protocol='
    with pytest.raises((ConfigurationError, ValidationError), match=expected):
        make(model=model, protocol="upper")


def test_a_protocol_that_is_not_registered_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValidationError, match=r"`protocol` is .lower.\. Expected one of .*openai.*dashscope.*upper"):
        ChatQwenWorkspace.model_validate({"model": "any", "protocol": "lower"})
