"""No redirect is followed: a host that the user did not choose gets neither the key nor the conversation."""

from typing import Any

import pytest

from langchain_qwen_workspace import QwenWorkspaceEmbeddings, QwenWorkspaceError, QwenWorkspaceRerank
from tests.support.protocols import ProtocolStub
from tests.support.server import Reply, Server
from tests.support.ways import Ask

by_status = pytest.mark.parametrize("status", [301, 302, 303, 307, 308])


def redirect(server: Server, elsewhere: Server, status: int) -> None:
    reply = Reply([b"{}"], status, {"Location": f"{elsewhere.url}/api/v1", "Content-Type": "application/json"})
    server.default = lambda _: reply


@by_status
def test_a_redirected_chat_call_is_an_error(
    server: Server, fresh_server: Server, stub: ProtocolStub, ask: Ask, status: int
) -> None:
    redirect(server, fresh_server, status)

    with pytest.raises(QwenWorkspaceError) as caught:
        ask(stub.llm(server, max_retries=0))

    assert caught.value.status_code == status
    assert (len(server.requests), fresh_server.requests) == (1, [])


@by_status
def test_a_redirected_embedding_call_is_an_error(
    server: Server, fresh_server: Server, stub: ProtocolStub, status: int
) -> None:
    redirect(server, fresh_server, status)
    called: dict[str, Any] = {
        "api_key": "sk-test",
        "base_url": server.url,
        "protocol": stub.protocol,
        "max_retries": 0,
    }
    embeddings = QwenWorkspaceEmbeddings(**{"model": "text-embedding-v4", **called})
    reranker = QwenWorkspaceRerank(**{"model": "qwen3-rerank", **called})

    for ask in (lambda: embeddings.embed_query("Hi"), lambda: reranker.rerank(["a"], "q")):
        with pytest.raises(QwenWorkspaceError) as caught:
            ask()
        assert caught.value.status_code == status
    assert fresh_server.requests == []
