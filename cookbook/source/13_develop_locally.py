# %% [markdown]
# # Develop locally, deploy to a workspace
#
# **Goal**: develop with a Qwen of your own, and deploy to a workspace.
#
# **You need**: Python 3.11, the extra `sandbox`. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# A Qwen that you run yourself, with vLLM, SGLang, Ollama, llama.cpp or LM Studio, needs no key and costs nothing. The same
# program then calls a workspace of Model Studio: one line changes.
#
# Start a server, such as `vllm serve Qwen/Qwen3-8B --reasoning-parser qwen3 --enable-auto-tool-choice --tool-call-parser
# hermes`, and set `QWEN_LOCAL_URL=http://127.0.0.1:8000/v1`. Without it, the small stand-in of the next cell,
# which you need not read, answers in the form of vLLM's answers.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]"
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]"

# %%
import atexit
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "Qwen/Qwen3-8B"


def local_server() -> str:
    """Choose the server, print which one it is, and return its base URL."""
    if url := os.environ.get("QWEN_LOCAL_URL"):
        print(f"QWEN_LOCAL_URL is set: the server at {url} answers.")
        return url
    server = ThreadingHTTPServer(("127.0.0.1", 0), _StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    atexit.register(server.shutdown)
    print(
        "QWEN_LOCAL_URL is not set: a stand-in answers, in the form of vLLM's answers. It is not a language model."
    )
    return f"http://127.0.0.1:{server.server_port}/v1"


class _StandIn(BaseHTTPRequestHandler):
    """Answers as vLLM does with `--reasoning-parser qwen3`; it says what the last message was."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_POST(self) -> None:
        """Answer one chat request."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = _message_for(request)
        reason = "tool_calls" if "tool_calls" in message else "stop"
        usage = {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}
        if not request.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            self._send(
                "application/json",
                json.dumps({"model": MODEL, "choices": [choice], "usage": usage}),
            )
            return
        events: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            for delta in _deltas_of(message)
        ]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        events.append({"choices": [], "usage": usage})
        frames = [json.dumps({"model": MODEL, **event}) for event in events]
        self._send(
            "text/event-stream",
            "".join(f"data: {frame}\n\n" for frame in [*frames, "[DONE]"]),
        )

    def _send(self, kind: str, body: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())


def _message_for(request: dict[str, Any]) -> dict[str, Any]:
    last = request["messages"][-1]
    thinks = request.get("chat_template_kwargs", {}).get("enable_thinking", True)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": f"You wrote: {last['content']}",
    }
    if thinks:
        message["reasoning"] = "The stand-in repeats the last message."
    if request.get("tools") and last["role"] == "user":
        function = {
            "name": request["tools"][0]["function"]["name"],
            "arguments": '{"city": "Hangzhou"}',
        }
        message |= {
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        }
    return message


def _deltas_of(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("reasoning", "content"):
        for word in (message.get(name) or "").split(" "):
            yield {name: f"{word} "}
    if calls := message.get("tool_calls"):
        yield {
            "tool_calls": [{"index": index, **call} for index, call in enumerate(calls)]
        }


local_url = local_server()

# %% [markdown]
# The line that will change. The URL's path, `/v1`, is none of Model Studio's, so no key of the environment is sent there, no
# header of Model Studio, and nothing is assumed about a model of that name. `server` says which words the server reads.

# %%
from langchain_qwen_workspace import ChatQwenWorkspace

llm = ChatQwenWorkspace(model="Qwen/Qwen3-8B", base_url=local_url, server="vllm")

# %% [markdown]
# ## The program
#
# It knows nothing of the server.

# %%
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool


@tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"It is sunny in {city}."


def ask_about_the_weather(llm):
    """Answer a question with the help of a tool."""
    with_tools = llm.bind_tools([weather])
    messages = [HumanMessage("How is the weather in Hangzhou?")]
    call = with_tools.invoke(messages)
    results = [weather.invoke(each) for each in call.tool_calls]
    return llm.invoke([*messages, call, *results])


answer = ask_about_the_weather(llm)
print(answer.text)

# %% [markdown]
# Reasoning is where Model Studio's is, whatever name the server has for it, or if it only writes `<think>` tags:

# %%
answer.content_blocks

# %%
for chunk in llm.stream("Hello"):
    print(chunk.text, end="|")

# %% [markdown]
# Thinking is switched as on Model Studio; what is sent is the server's own parameter, here `chat_template_kwargs`:

# %%
llm.invoke("Hello", enable_thinking=False).content_blocks

# %%
{
    name: answer.response_metadata[name]
    for name in ("server", "protocol", "region", "workspace_id", "model_name")
}

# %% [markdown]
# What the server cannot do is refused by name:

# %%
from langchain_qwen_workspace import QwenWorkspaceError

try:
    llm.invoke("What is new?", enable_search=True)
except QwenWorkspaceError as error:
    print(error)
else:
    raise AssertionError("Nothing was refused.")

# %% [markdown]
# ## Deployed
#
# The line has changed, the program has not.

# %%
import os

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
workspace = sandbox.workspace("team-a") if sandbox else QwenWorkspace()
llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace)

# %%
answer = ask_about_the_weather(llm)
print(answer.text)
{
    name: answer.response_metadata[name]
    for name in ("protocol", "region", "workspace_id", "model_name")
}

# %% [markdown]
# **Next**: [the first call](01_first_call.ipynb).
