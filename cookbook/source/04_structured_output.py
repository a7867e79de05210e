# %% [markdown]
# # Structured output
#
# `with_structured_output` asks the way the model has: by a JSON schema that the service enforces where it does
# (Qwen3.7 and 3.8), else by a tool call. The object that comes back is checked either way.

# %%
from _where import model_studio
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
# What was asked of the service is in the request; the sandbox shows what arrived.

# %%
if studio.sandbox:
    schema, call = (request.body for request in studio.sandbox.requests[-2:])
    print(schema["response_format"]["type"], "|", call["tool_choice"])

# %% [markdown]
# `method=` says it outright; `include_raw=True` gives the message, the object and the error beside each other. A
# `TypedDict` or a JSON schema gives dictionaries.

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
# An answer without a whole object is an error, not an empty result. Here `max_tokens` cuts it off.

# %%
from langchain_core.exceptions import OutputParserException

short = ChatQwenWorkspace(model="qwen-plus", workspace=team, max_tokens=4)
try:
    short.with_structured_output(Trip).invoke(
        "Book 'Hangzhou' for 3 nights with breakfast."
    )
except OutputParserException as error:
    print(f"{type(error).__name__}: {error}")
