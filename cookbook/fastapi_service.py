"""A service that streams a model's answer to a browser: reasoning, text, tokens used, and errors.

    python cookbook/fastapi_service.py [PORT]

With `DASHSCOPE_API_KEY` in the environment it calls Model Studio, without it the offline sandbox.
"""

import sys
from collections.abc import AsyncIterator
from typing import Annotated

import uvicorn
from _model_studio import model_studio
from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceError

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Ask Qwen</title>
<style>
  :root { color-scheme: light dark; font: 1.05rem/1.6 system-ui, sans-serif }
  body { max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
  form { display: flex; gap: .5rem }
  input { flex: 1; font: inherit; padding: .5rem .8rem; border: 1px solid #8888; border-radius: .5rem }
  button { font: inherit; padding: .5rem 1.2rem; border: 0; border-radius: .5rem; background: #615ced; color: #fff }
  #reasoning, #text { white-space: pre-wrap }
  #reasoning { opacity: .65; font-style: italic; border-left: 3px solid #8885; padding-left: 1rem }
  #reasoning:empty { display: none }
  #used { opacity: .65; font-size: .85rem }
  #failure { color: #c33 }
</style>
<h1>Ask Qwen</h1>
<form><input name="question" autofocus required placeholder="Where is the West Lake?"><button>Ask</button></form>
<p id="reasoning"></p><p id="text"></p><p id="used"></p><p id="failure" role="alert"></p>
<script>
  const elements = ["reasoning", "text", "used", "failure"].map(id => document.getElementById(id))
  let source
  document.querySelector("form").onsubmit = event => {
    event.preventDefault()
    source?.close()
    for (const element of elements) element.textContent = ""
    source = new EventSource("answer?" + new URLSearchParams(new FormData(event.target)))
    for (const element of elements) source.addEventListener(element.id, ({data}) => element.append(JSON.parse(data)))
    source.addEventListener("end", () => source.close())
    // Otherwise the browser would reconnect, which repeats the call and its cost.
    source.onerror = () => source.close()
  }
</script>
</html>
"""


def service(workspace: QwenWorkspace) -> FastAPI:
    """Return the application, which calls the models of a workspace."""
    app = FastAPI(title="Ask Qwen")
    llm = ChatQwenWorkspace(model="qwen3.7-plus", workspace=workspace, enable_thinking=True, max_retries=1)

    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        return PAGE

    @app.get("/answer", response_class=EventSourceResponse)
    async def answer(question: Annotated[str, Query(max_length=2000)]) -> AsyncIterator[ServerSentEvent]:
        """Stream the answer. If the browser disconnects, the call to the model is closed too."""
        try:
            async for chunk in llm.astream(question):
                for block in chunk.content_blocks:
                    if block["type"] in {"reasoning", "text"}:
                        yield ServerSentEvent(event=block["type"], data=block[block["type"]])
                if usage := chunk.usage_metadata:
                    yield ServerSentEvent(event="used", data=f"{usage['total_tokens']} tokens")
        except QwenWorkspaceError as error:
            # The status was sent with the first part, so an error is an event; its hint holds no secret.
            yield ServerSentEvent(event="failure", data=f"{type(error).__name__}. {error.hint or ''}")
        yield ServerSentEvent(event="end", data="")

    return app


if __name__ == "__main__":
    studio = model_studio()
    uvicorn.run(service(studio.workspace("browser")), port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
