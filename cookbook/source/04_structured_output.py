# %% [markdown]
# # Structured output
#
# **Goal**: get an object of your class instead of text.
#
# **You need**: Python 3.11, the extra `sandbox`. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# `with_structured_output` uses what the model supports: a JSON schema that the service enforces (Qwen3.7 and 3.8), or
# else a tool call. The object is validated in both cases.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]"
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]"

# %%
import os

from pydantic import BaseModel, Field

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
team = sandbox.workspace("team") if sandbox else QwenWorkspace()


class Trip(BaseModel):
    """A trip to book."""

    city: str = Field(description="The city to go to")
    nights: int = Field(ge=1, le=30)
    breakfast: bool


for model in ("qwen3.7-plus", "qwen-plus"):
    llm = ChatQwenWorkspace(model=model, workspace=team, enable_thinking=False)
    print(
        f"{model:>13}:",
        repr(
            llm.with_structured_output(Trip).invoke(
                "Book 'Hangzhou' for 3 nights with breakfast."
            )
        ),
    )

# %% [markdown]
# The requests show which one was used; the sandbox records them.

# %%
if sandbox:
    schema, call = (request.body for request in sandbox.requests[-2:])
    print(schema["response_format"]["type"], "|", call["tool_choice"])

# %% [markdown]
# `method=` selects one; `include_raw=True` returns the message, the object and the error together. A `TypedDict` or a
# JSON schema returns dictionaries.

# %%
result = llm.with_structured_output(
    Trip, method="function_calling", include_raw=True
).invoke("'Bandung', 2 nights.")
print(result["parsed"], result["parsing_error"], type(result["raw"]).__name__)

# %%
from typing import TypedDict


class City(TypedDict):
    """A city."""

    name: str
    country: str


llm.with_structured_output(City).invoke("'Hangzhou', 'China'.")

# %% [markdown]
# An answer without a complete object is an error, not an empty result. Here `max_tokens` cuts it off.

# %%
from langchain_core.exceptions import OutputParserException

short = ChatQwenWorkspace(model="qwen-plus", workspace=team, max_tokens=4)
try:
    short.with_structured_output(Trip).invoke(
        "Book 'Hangzhou' for 3 nights with breakfast."
    )
except OutputParserException as error:
    print(f"{type(error).__name__}: {error}")
else:
    assert not sandbox, "Nothing was refused."

# %% [markdown]
# **Next**: [images, video frames, OCR](05_images_video_ocr.ipynb).
