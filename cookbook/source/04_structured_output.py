# %% [markdown]
# # Structured output
#
# `with_structured_output` uses what the model supports: a JSON schema that the service enforces (Qwen3.7 and 3.8), or
# else a tool call. The object is validated in both cases.

# %%
from _model_studio import model_studio
from pydantic import BaseModel, Field

from langchain_qwen_workspace import ChatQwenWorkspace

studio = model_studio()
team = studio.workspace("team")


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
if studio.sandbox:
    schema, call = (request.body for request in studio.sandbox.requests[-2:])
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
