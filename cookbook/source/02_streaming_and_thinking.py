# %% [markdown]
# # Streaming and thinking
#
# Shown as it arrives: the reasoning first, then the text, as content blocks that are the same on both protocols.

# %%
from _where import model_studio

from langchain_qwen_workspace import ChatQwenWorkspace

team = model_studio().workspace("team")
llm = ChatQwenWorkspace(
    model="qwen3.7-plus", protocol="dashscope", workspace=team, enable_thinking=True
)

# %%
from IPython.display import Markdown, display

shown = display(Markdown(""), display_id=True)
thought, said = "", ""
for chunk in llm.stream("Count to three."):
    for block in chunk.content_blocks:
        if block["type"] == "reasoning":
            thought += block["reasoning"]
        elif block["type"] == "text":
            said += block["text"]
    shown.update(Markdown(f"> *{thought.strip()}*\n\n{said}"))

# %% [markdown]
# In a terminal `print(chunk.text, end="", flush=True)` does. Where the text is cut is the service's matter:

# %%
pieces = [chunk.text for chunk in llm.stream("Count to three.")]
print("|".join(piece for piece in pieces if piece))

# %% [markdown]
# Chunks add up to the answer, usage included. Reasoning tokens are counted apart.

# %%
whole = None
async for chunk in llm.astream("Count to three."):
    whole = chunk if whole is None else whole + chunk
[block["type"] for block in whole.content_blocks], whole.usage_metadata

# %% [markdown]
# Which model thinks unless told otherwise, which only while it streams, which never: the package has it from the
# model's profile. `enable_thinking=False` turns it off where it can be turned off; `thinking_budget` bounds its
# tokens.

# %%
quick = llm.model_copy(update={"enable_thinking": False})
brief = llm.model_copy(update={"thinking_budget": 5})
for name, model in {"off": quick, "bounded": brief}.items():
    answer = model.invoke("Count to three.")
    print(f"{name:>8}: {answer.usage_metadata}")

# %% [markdown]
# Models that only stream are answered from `invoke` too: the package streams and gives the sum.

# %%
answer = ChatQwenWorkspace(model="qwq-plus", workspace=team).invoke("Is 7 a prime?")
print(answer.content_blocks[0]["reasoning"])
print(answer.text)
