# %% [markdown]
# # Images, video frames, OCR
#
# Media go into messages as LangChain's content blocks; those of OpenAI, Anthropic and DashScope are understood too. A
# path on your machine is never read from a message: you read the file, the message carries its bytes or a URL.

# %%
import base64
import io

import matplotlib.pyplot as plt
from _where import model_studio

from langchain_qwen_workspace import ChatQwenWorkspace

studio = model_studio()
team = studio.workspace("team")


def drawn(text, x=0.5):
    """A small picture, as PNG bytes."""
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


receipt = drawn("Tea  ¥ 38.00")

from IPython.display import Image

Image(receipt)


# %%
def asked(*parts, text):
    return [("human", [*parts, {"type": "text", "text": text}])]


see = ChatQwenWorkspace(model="qwen3-vl-plus", protocol="dashscope", workspace=team)
answer = see.invoke(asked(image(receipt), text="What did the tea cost?"))
print(answer.text)
print(answer.usage_metadata["input_token_details"])

# %% [markdown]
# (The sandbox does not look into pictures. It says what it received, and counts it.)
#
# A URL works as well; the service fetches it.

# %%
lake = {"type": "image", "url": "https://example.com/lake.jpg"}
print(see.invoke(asked(lake, text="Where is this?")).text)

# %% [markdown]
# ## A video, or its frames
#
# `frames` is a list of pictures in order, and `fps` says how many of them made a second.

# %%
frames = [
    f"data:image/png;base64,{image(drawn('●', x=step / 4))['base64']}"
    for step in range(4)
]
film = {"type": "video", "frames": frames, "fps": 2}
print(see.invoke(asked(film, text="Which way does the dot move?")).text)

# %% [markdown]
# ## OCR
#
# The OCR models take a picture and the task.

# %%
ocr = ChatQwenWorkspace(model="qwen-vl-ocr", workspace=team)
print(ocr.invoke(asked(image(receipt), text="Read the text.")).text)

# %% [markdown]
# What a message cannot carry is refused before it is sent, with what to do.

# %%
try:
    see.invoke(
        asked({"type": "image", "url": "/home/me/lake.jpg"}, text="Where is this?")
    )
except ValueError as error:
    print(error)
