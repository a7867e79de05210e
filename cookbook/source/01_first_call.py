# %% [markdown]
# # The first call
#
# **Goal**: call a model, with your own key or without one.
#
# **You need**: Python 3.11, the extra `sandbox`. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# A *workspace* of Model Studio has its own key, region, bill and list of permitted models. A chat model takes it as one object, and
# `protocol` selects one of three protocols, of which this notebook calls two. Nothing else changes.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]"
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]"

# %%
import os

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
team_a = sandbox.workspace("team-a") if sandbox else QwenWorkspace()
print(team_a.workspace_id, team_a.region, team_a.api_key)

# %% [markdown]
# With your own key, the workspace is read from the environment (`DASHSCOPE_API_KEY`, `DASHSCOPE_WORKSPACE`,
# `DASHSCOPE_REGION`), or passed as values: `QwenWorkspace(api_key="sk-…", workspace_id="llm-…", region="singapore")`.

# %%
from langchain_qwen_workspace import ChatQwenWorkspace

for protocol in ("openai", "dashscope"):
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team_a)
    print(f"{protocol:>9}: {llm.invoke('Where is the West Lake?').text}")

# %% [markdown]
# Each answer names its model, protocol, workspace and token usage, with the same keys on every protocol.

# %%
answer = llm.invoke("Where is the West Lake?")
fields = (
    "model_provider",
    "model_name",
    "protocol",
    "region",
    "workspace_id",
    "finish_reason",
)
{**{name: answer.response_metadata[name] for name in fields}, **answer.usage_metadata}

# %% [markdown]
# Parameters have the service's names, on every protocol. A value out of range is an error before anything is sent.

# %%
from pydantic import ValidationError

warm = ChatQwenWorkspace(
    model="qwen-plus",
    workspace=team_a,
    temperature=0.7,
    top_p=0.9,
    max_tokens=12,
    seed=7,
)
print(warm.invoke("Tell me about Hangzhou.").text)

try:
    ChatQwenWorkspace(model="qwen-plus", workspace=team_a, temperature=2.5)
except ValidationError as error:
    print(error.errors()[0]["msg"])
else:
    assert not sandbox, "Nothing was refused."

# %% [markdown]
# The model also has LangChain's other methods: `ainvoke`, `stream`, `astream`, `batch`, `abatch`, and `|`.

# %%
from langchain_core.prompts import ChatPromptTemplate

chain = (
    ChatPromptTemplate.from_messages(
        [("system", "Answer in one word."), ("human", "Capital of {country}?")]
    )
    | llm
)
for answer in await chain.abatch([{"country": "Indonesia"}, {"country": "China"}]):
    print(answer.text)

# %% [markdown]
# **Next**: [streaming and thinking](02_streaming_and_thinking.ipynb).
