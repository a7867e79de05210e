# %% [markdown]
# # A service that streams to a browser
#
# [fastapi_service.py](fastapi_service.py) is the complete service: one route for the page, and one that sends the answer
# as server-sent events. `python cookbook/fastapi_service.py` starts it on port 8000. Its main part:

# %%
import inspect

import fastapi_service
from _model_studio import model_studio

source = inspect.getsource(fastapi_service.service)
print(source[source.index('    @app.get("/answer"') : source.index("    return app")])

# %% [markdown]
# Here it runs on a free port, and a client reads its events as they arrive, as a browser does.

# %%
import socket
import threading

import httpx
import uvicorn

studio = model_studio()
listener = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{listener.getsockname()[1]}"
server = uvicorn.Server(
    uvicorn.Config(
        fastapi_service.service(studio.workspace("browser")), log_level="error"
    )
)
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
studio.fail_next(status=503, code="ServiceUnavailable", after_events=4)
ask("Hi")

# %% [markdown]
# If the browser disconnects, the stream is closed, and with it the connection to the service.
#
# `tests/project/test_fastapi_service.py` in the repository tests all this in a real browser.

# %%
server.should_exit = True
