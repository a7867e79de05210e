# %% [markdown]
# # Streaming and thinking
#
# **Goal**: show an answer while it arrives, and switch thinking on and off.
#
# **You need**: Python 3.11, the extra `sandbox`. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# A stream shows the answer as it arrives: first the reasoning, then the text, in content blocks that are the same on
# every protocol.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]"
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]"

# %%
import os

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
team = sandbox.workspace("team") if sandbox else QwenWorkspace()
llm = ChatQwenWorkspace(
    model="qwen3.7-plus", protocol="dashscope", workspace=team, enable_thinking=True
)

# %%
from IPython.display import Markdown, display

output = display(Markdown(""), display_id=True)
reasoning, text = "", ""
for chunk in llm.stream("Count to three."):
    for block in chunk.content_blocks:
        if block["type"] == "reasoning":
            reasoning += block["reasoning"]
        elif block["type"] == "text":
            text += block["text"]
    output.update(Markdown(f"> *{reasoning.strip()}*\n\n{text}"))

# %% [markdown]
# In a terminal, use `print(chunk.text, end="", flush=True)`. The service decides where the text is split:

# %%
pieces = [chunk.text for chunk in llm.stream("Count to three.")]
print("|".join(piece for piece in pieces if piece))

# %% [markdown]
# The sum of the chunks is the answer, with its usage. Reasoning tokens are also counted separately.

# %%
whole = None
async for chunk in llm.astream("Count to three."):
    whole = chunk if whole is None else whole + chunk
[block["type"] for block in whole.content_blocks], whole.usage_metadata

# %% [markdown]
# The model's profile says whether it thinks by default, only while it streams, or never. `enable_thinking=False` turns
# thinking off for models that allow it; `thinking_budget` limits its tokens.

# %%
quick = llm.model_copy(update={"enable_thinking": False})
brief = llm.model_copy(update={"thinking_budget": 5})
for name, model in {"off": quick, "limited": brief}.items():
    answer = model.invoke("Count to three.")
    print(f"{name:>8}: {answer.usage_metadata}")

# %% [markdown]
# Some models have to be streamed while they think. `invoke` does so by itself, and returns the sum.

# %%
thinker = ChatQwenWorkspace(model="qwen3-8b", workspace=team, enable_thinking=True)
answer = thinker.invoke("Is 7 a prime?")
print(answer.content_blocks[0]["reasoning"])
print(answer.text)
if sandbox:
    print("streamed:", sandbox.requests[-1].body["stream"])

# %% [markdown]
# **Next**: [tools and an agent](03_tools_and_agents.ipynb).
