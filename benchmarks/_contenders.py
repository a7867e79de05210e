"""The embeddings that are measured: this package over both of its protocols, and the two usual alternatives."""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from langchain_core.embeddings import Embeddings

from benchmarks._server import DASHSCOPE_PATH, OPENAI_PATH

MODEL = "text-embedding-v4"
KEY = "sk-of-the-benchmark"
ROWS_PER_REQUEST = 10
"""The most texts of a request to this model: every contender is configured to send as many."""

Mode: TypeAlias = Literal["sync", "async"]
MODES: tuple[Mode, ...] = ("sync", "async")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """An embeddings class, configured as its users would do it.

    Attributes:
        name: Its name in the tables.
        target: The class, as `module:name`; imported only in the process that measures it.
        arguments: Arguments of the constructor, besides the size of the vectors and the address.
        address: Name of the argument for the address, `None` if the class reads it from the environment only.
        path: The path that follows the server's origin in the address.
        sizes: Whether it has an argument for the size of the vectors; otherwise the server's applies.
        limit: The most requests that it may have in flight.
        faster: For ours, how many times as fast as each peer it must be; `None` for a peer.
    """

    name: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = "base_url"
    path: str = ""
    sizes: bool = True
    limit: int = 1
    faster: float | None = None

    def build(self, origin: str, dimensions: int) -> Embeddings:
        """Return the object, configured to call the server at `origin`."""
        arguments = {"model": MODEL, **self.arguments}
        if self.sizes:
            arguments["dimensions"] = dimensions
        if self.address is not None:
            arguments[self.address] = origin + self.path
        embeddings: Embeddings = pkgutil.resolve_name(self.target)(**arguments)
        return embeddings


def environment(origin: str) -> dict[str, str]:
    """Return the environment variables with the server's address, which some contenders read only from there."""
    return {"DASHSCOPE_HTTP_BASE_URL": origin + DASHSCOPE_PATH, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _ours(protocol: str, **arguments: Any) -> Contender:
    limit = arguments.get("max_concurrency")
    return Contender(
        name=f"QwenWorkspaceEmbeddings, {protocol}, {f'max_concurrency={limit}' if limit else 'default'}",
        target="langchain_qwen_workspace:QwenWorkspaceEmbeddings",
        arguments={"protocol": protocol, "api_key": KEY, **arguments},
        limit=limit or 8,
        faster=10.0 if limit else 6.0,
    )


CONTENDERS: dict[str, Contender] = {
    "openai-embeddings": Contender(
        name="OpenAIEmbeddings",
        target="langchain_openai:OpenAIEmbeddings",
        arguments={"api_key": KEY, "chunk_size": ROWS_PER_REQUEST, "check_embedding_ctx_length": False},
        path=OPENAI_PATH,
    ),
    "dashscope-embeddings": Contender(
        name="DashScopeEmbeddings",
        target="langchain_community.embeddings:DashScopeEmbeddings",
        arguments={"dashscope_api_key": KEY},
        address=None,
        sizes=False,
    ),
    "qwen-openai": _ours("openai"),
    "qwen-openai-16": _ours("openai", max_concurrency=16),
    "qwen-dashscope": _ours("dashscope"),
    "qwen-dashscope-16": _ours("dashscope", max_concurrency=16),
}
"""By their name on the command line; the peers come first."""

PEERS = [name for name, contender in CONTENDERS.items() if contender.faster is None]
