"""The main job in one run: two workspaces, both protocols, streamed and not, a search, and who used what.

With `DASHSCOPE_API_KEY` in the environment the service answers, as that one workspace. Without it the offline
sandbox does, as two.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceEmbeddings
from langchain_qwen_workspace.sandbox import Sandbox

MODEL = os.environ.get("DEMO_MODEL", "qwen-plus")
EMBEDDING_MODEL = os.environ.get("DEMO_EMBEDDING_MODEL", "text-embedding-v4")
PROTOCOLS: tuple[Any, ...] = ("openai", "dashscope")
DOCUMENTS = [
    "The West Lake is in Hangzhou.",
    "The Bund is in Shanghai.",
    "The Summer Palace is in Beijing.",
]


@contextmanager
def workspaces() -> Iterator[dict[str, QwenWorkspace]]:
    """Yield the workspaces to call: the environment's, or two of the sandbox."""
    if os.environ.get("DASHSCOPE_API_KEY"):
        workspace = QwenWorkspace()
        print(f"The service answers, at {workspace.origin}.")
        yield {workspace.workspace_id or "the environment's workspace": workspace}
        return
    with Sandbox() as sandbox:
        print(f"There is no DASHSCOPE_API_KEY: the offline sandbox answers, at {sandbox.base_url}. It is no language")
        print("model: its answers follow from the request by rules.")
        yield {
            "team-a": sandbox.workspace("team-a", models=[MODEL, EMBEDDING_MODEL], region="ap-southeast-1"),
            "team-b": sandbox.workspace("team-b", models=[MODEL], region="cn-beijing"),
        }


def ask(name: str, workspace: QwenWorkspace) -> Counter[str]:
    """Ask over both protocols, at once and streamed, and return the tokens that were used."""
    tokens: Counter[str] = Counter()
    for protocol in PROTOCOLS:
        llm = ChatQwenWorkspace(model=MODEL, protocol=protocol, workspace=workspace, max_tokens=200)
        answer = llm.invoke("Where is the West Lake? Answer in one sentence.")
        print(f"\n{name}, {protocol}, at once:  {answer.text}")
        tokens += counted(answer.usage_metadata)
        print(f"{name}, {protocol}, streamed: ", end="")
        for chunk in llm.stream("Count from one to five."):
            print(chunk.text, end="", flush=True)
            tokens += counted(chunk.usage_metadata)
        print()
        answer = asyncio.run(llm.ainvoke("Say hello."))
        print(f"{name}, {protocol}, async:    {answer.text}")
        tokens += counted(answer.usage_metadata)
    return tokens


def counted(usage: Mapping[str, Any] | None) -> Counter[str]:
    """Return the input and output tokens of one answer."""
    return Counter({kind: usage[kind] for kind in ("input_tokens", "output_tokens")} if usage else {})


def search(workspace: QwenWorkspace) -> None:
    """Find the document that answers a question, by the vectors of both."""
    for protocol in PROTOCOLS:
        embeddings = QwenWorkspaceEmbeddings(model=EMBEDDING_MODEL, protocol=protocol, workspace=workspace)
        query = embeddings.embed_query("Which city has the West Lake?")
        vectors = embeddings.embed_documents(DOCUMENTS)
        scores = [sum(a * b for a, b in zip(query, vector, strict=True)) for vector in vectors]
        found = max(range(len(DOCUMENTS)), key=scores.__getitem__)
        print(f"Searched {len(DOCUMENTS)} documents over {protocol}: {DOCUMENTS[found]!r}, score {scores[found]:.2f}")


def main() -> None:
    """Run the demo."""
    with workspaces() as callers:
        tokens = {name: ask(name, workspace) for name, workspace in callers.items()}
        print()
        search(next(iter(callers.values())))
        print("\nTokens of the chats, by workspace:")
        for name, used in tokens.items():
            print(f"  {name}: {used['input_tokens']} in, {used['output_tokens']} out")


if __name__ == "__main__":
    main()
