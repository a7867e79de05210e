"""Calls the sandbox with dashscope 1.x and prints the answers as JSON, for `test_dashscope_1`.

It imports nothing of this project: dashscope 1.x and 2.x cannot be installed together.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

# Not by an `import`: the type checker knows dashscope 2.x only.
dashscope: Any = import_module("dashscope")

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(**arguments: Any) -> Any:
    return dashscope.Generation.call(model="qwen-plus", result_format="message", **arguments)


def main() -> None:
    dashscope.api_key, dashscope.base_http_api_url = os.environ["DASHSCOPE_API_KEY"], sys.argv[1]
    hello = [{"role": "user", "content": "Hello"}]
    weather = [{"role": "user", "content": "What is the weather in Rome?"}]
    chunks = [
        chunk.output.choices[0].message.content for chunk in ask(messages=hello, stream=True, incremental_output=True)
    ]
    seen = dashscope.MultiModalConversation.call(
        model="qwen3-vl-plus", messages=[{"role": "user", "content": [{"text": "Hello"}]}]
    )
    embedded = dashscope.TextEmbedding.call(model="text-embedding-v4", input=["a", "b"], dimension=64)
    ranked = dashscope.TextReRank.call(model="gte-rerank-v2", query="fish", documents=["a stone", "a fish"], top_n=1)
    results = {
        "version": dashscope.version.__version__,
        "chat": ask(messages=hello).output.choices[0].message.content,
        "stream": "".join(chunks),
        "chunks": len(chunks),
        "tool": ask(messages=weather, tools=[TOOL]).output.choices[0].message.tool_calls[0]["function"]["name"],
        "media": seen.output.choices[0].message.content[0]["text"],
        "dimensions": [len(row["embedding"]) for row in embedded.output["embeddings"]],
        "ranked": [row.index for row in ranked.output.results],
        "models": dashscope.Models.list(page=1, page_size=3).output["models"],
        "model": dashscope.Models.get("qwen-plus").output["model"],
        "refused": dashscope.Generation.call(model="gpt-4", messages=hello).code,
    }
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
