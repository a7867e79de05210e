# %% [markdown]
# # A service that streams to a browser
#
# [fastapi_service.py](fastapi_service.py) is the whole of it: one route for the page, one for the answer as
# server-sent events. `python cookbook/fastapi_service.py` starts it, on port 8000. Its heart:

# %%
import inspect

import fastapi_service
from _where import model_studio

source = inspect.getsource(fastapi_service.service)
print(source[source.index('    @app.get("/answer"') : source.index("    return app")])

# %% [markdown]
# Started here on a port of its own, and read as a browser reads it: each event as it comes.

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
    ) as answer:
        for line in answer.iter_lines():
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
# The status went out before the first part, so what goes wrong later is an event as well. The page shows it, and
# closes: a browser left to itself would ask again, and you would pay again.

# %%
studio.fail_next(status=503, code="ServiceUnavailable", after_events=4)
ask("Hi")

# %% [markdown]
# A browser that goes away ends the call to the model: the stream is closed, and with it the connection to the service.
#
# `tests/project/test_fastapi_service.py` of the repository does all this in a real browser.

# %%
server.should_exit = True
