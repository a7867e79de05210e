# %% [markdown]
# # A service that streams to a browser
#
# **Goal**: stream answers from a web service to a browser.
#
# **You need**: Python 3.11, the extra `sandbox`, and FastAPI. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# One route sends the answer as server-sent events. The complete service, with a page, is
# [fastapi_service.py](fastapi_service.py).

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]" fastapi httpx
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]" fastapi httpx

# %%
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceError,
)


def service(workspace: QwenWorkspace) -> FastAPI:
    """Return the application, which calls the models of a workspace."""
    app = FastAPI(title="Ask Qwen")
    llm = ChatQwenWorkspace(
        model="qwen3.7-plus", workspace=workspace, enable_thinking=True, max_retries=1
    )

    @app.get("/answer", response_class=EventSourceResponse)
    async def answer(question: str) -> AsyncIterator[ServerSentEvent]:
        try:
            async for chunk in llm.astream(question):
                for block in chunk.content_blocks:
                    if block["type"] in {"reasoning", "text"}:
                        yield ServerSentEvent(
                            event=block["type"], data=block[block["type"]]
                        )
                if usage := chunk.usage_metadata:
                    yield ServerSentEvent(
                        event="used", data=f"{usage['total_tokens']} tokens"
                    )
        except QwenWorkspaceError as error:
            yield ServerSentEvent(
                event="failure", data=f"{type(error).__name__}. {error.hint or ''}"
            )
        yield ServerSentEvent(event="end", data="")

    return app


# %% [markdown]
# Here it runs on a free port, and a client reads its events as they arrive, as a browser does.

# %%
import os
import socket
import threading

import httpx
import uvicorn

from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
team = sandbox.workspace("browser") if sandbox else QwenWorkspace()
listener = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{listener.getsockname()[1]}"
server = uvicorn.Server(uvicorn.Config(service(team), log_level="error"))
threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()


def ask(question):
    with httpx.stream(
        "GET", f"{url}/answer", params={"question": question}, timeout=30
    ) as response:
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            print(
                f"{value:>9}"
                if name == "event"
                else f"  {value}\n"
                if name == "data"
                else "",
                end="",
            )


ask("Hi")

# %% [markdown]
# The HTTP status was sent before the first part, so that a later error is an event too. The page shows it, and closes
# the stream: otherwise the browser would reconnect, which repeats the call and its cost.

# %%
if sandbox:  # the service cannot be made to fail
    sandbox.fail_next(status=503, code="ServiceUnavailable", after_events=4)
ask("Hi")

# %% [markdown]
# If the browser disconnects, the stream is closed, and with it the connection to the service.
#
# The package's own tests do all this in a real browser.

# %%
server.should_exit = True

# %% [markdown]
# **Next**: [a large corpus](12_batches_and_ray.ipynb).
