# %% [markdown]
# # Images, video frames, OCR
#
# **Goal**: show a model pictures and videos.
#
# **You need**: Python 3.11, the extra `sandbox`, and matplotlib to draw a picture. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# Messages carry media in LangChain's content blocks; those of OpenAI, Anthropic and DashScope work too. A message
# never makes the package read a file of your machine: read the file yourself, and pass its bytes or a URL.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]" matplotlib
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]" matplotlib

# %%
import base64
import io
import os

import matplotlib.pyplot as plt
from IPython.display import Image

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
team = sandbox.workspace("team") if sandbox else QwenWorkspace()


def draw(text, x=0.5):
    """Return a small picture, as PNG bytes."""
    figure = plt.figure(figsize=(3.2, 1), dpi=100)
    figure.text(x, 0.5, text, size=20, ha="center", va="center")
    buffer = io.BytesIO()
    figure.savefig(buffer)
    plt.close(figure)
    return buffer.getvalue()


def image(picture):
    return {
        "type": "image",
        "base64": base64.b64encode(picture).decode(),
        "mime_type": "image/png",
    }


receipt = draw("Tea  ¥ 38.00")


Image(receipt)


# %%
def question(*parts, text):
    return [("human", [*parts, {"type": "text", "text": text}])]


see = ChatQwenWorkspace(model="qwen3-vl-plus", protocol="dashscope", workspace=team)
answer = see.invoke(question(image(receipt), text="What did the tea cost?"))
print(answer.text)
print(answer.usage_metadata["input_token_details"])

# %% [markdown]
# (The sandbox does not look at pictures. It says what it received, and counts tokens for it.)
#
# A URL works as well; the service fetches it.

# %%
lake = {"type": "image", "url": "https://example.com/lake.jpg"}
print(see.invoke(question(lake, text="Where is this?")).text)

# %% [markdown]
# ## A video, or its frames
#
# `frames` is a list of pictures in order, and `fps` is their number per second.

# %%
frames = [
    f"data:image/png;base64,{image(draw('●', x=step / 4))['base64']}"
    for step in range(4)
]
film = {"type": "video", "frames": frames, "fps": 2}
print(see.invoke(question(film, text="Which way does the dot move?")).text)

# %% [markdown]
# ## OCR
#
# The OCR models take a picture and a task.

# %%
ocr = ChatQwenWorkspace(model="qwen-vl-ocr", workspace=team)
print(ocr.invoke(question(image(receipt), text="Read the text.")).text)

# %% [markdown]
# Content that cannot be sent is an error before the request, which says what to do.

# %%
try:
    see.invoke(
        question({"type": "image", "url": "/home/me/lake.jpg"}, text="Where is this?")
    )
except ValueError as error:
    print(error)
else:
    assert not sandbox, "Nothing was refused."

# %% [markdown]
# **Next**: [retrieval](06_retrieval.ipynb).
