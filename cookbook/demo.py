"""Shows the main functions in one run: two workspaces and protocols, plain and streamed calls, a search, token usage.

With `DASHSCOPE_API_KEY` in the environment it calls the service, as that one workspace; without it the offline sandbox,
as two workspaces.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from _model_studio import model_studio

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceEmbeddings

MODEL = os.environ.get("DEMO_MODEL", "qwen-plus")
EMBEDDING_MODEL = os.environ.get("DEMO_EMBEDDING_MODEL", "text-embedding-v4")
PROTOCOLS: tuple[Any, ...] = ("openai", "dashscope")
DOCUMENTS = [
    "The West Lake is in Hangzhou.",
    "The Bund is in Shanghai.",
    "The Summer Palace is in Beijing.",
]


def workspaces() -> dict[str, QwenWorkspace]:
    """Return the workspaces to call: the environment's, or two of the sandbox."""
    studio = model_studio()
    if studio.sandbox is None:
        workspace = studio.workspace("environment")
        return {workspace.workspace_id or "the environment's workspace": workspace}
    return {
        "team-a": studio.workspace("team-a", models=[MODEL, EMBEDDING_MODEL], region="ap-southeast-1"),
        "team-b": studio.workspace("team-b", models=[MODEL], region="cn-beijing"),
    }


def ask(name: str, workspace: QwenWorkspace) -> Counter[str]:
    """Call a model over each protocol, plain and streamed, and return the tokens that were used."""
    tokens: Counter[str] = Counter()
    for protocol in PROTOCOLS:
        llm = ChatQwenWorkspace(model=MODEL, protocol=protocol, workspace=workspace, max_tokens=200)
        answer = llm.invoke("Where is the West Lake? Answer in one sentence.")
        print(f"\n{name}, {protocol}, plain:    {answer.text}")
        tokens += tokens_of(answer.usage_metadata)
        print(f"{name}, {protocol}, streamed: ", end="")
        for chunk in llm.stream("Count from one to five."):
            print(chunk.text, end="", flush=True)
            tokens += tokens_of(chunk.usage_metadata)
        print()
        answer = asyncio.run(llm.ainvoke("Say hello."))
        print(f"{name}, {protocol}, async:    {answer.text}")
        tokens += tokens_of(answer.usage_metadata)
    return tokens


def tokens_of(usage: Mapping[str, Any] | None) -> Counter[str]:
    """Return the input and output tokens of one answer."""
    return Counter({kind: usage[kind] for kind in ("input_tokens", "output_tokens")} if usage else {})


def search(workspace: QwenWorkspace) -> None:
    """Find the document that answers a question, by embeddings."""
    for protocol in PROTOCOLS:
        embeddings = QwenWorkspaceEmbeddings(model=EMBEDDING_MODEL, protocol=protocol, workspace=workspace)
        query = embeddings.embed_query("Which city has the West Lake?")
        vectors = embeddings.embed_documents(DOCUMENTS)
        scores = [sum(a * b for a, b in zip(query, vector, strict=True)) for vector in vectors]
        best = max(range(len(DOCUMENTS)), key=scores.__getitem__)
        print(f"Best of {len(DOCUMENTS)} documents, {protocol}: {DOCUMENTS[best]!r}, score {scores[best]:.2f}")


def main() -> None:
    """Run the demo."""
    callers = workspaces()
    tokens = {name: ask(name, workspace) for name, workspace in callers.items()}
    print()
    search(next(iter(callers.values())))
    print("\nTokens of the chat calls, by workspace:")
    for name, used in tokens.items():
        print(f"  {name}: {used['input_tokens']} in, {used['output_tokens']} out")


if __name__ == "__main__":
    main()
