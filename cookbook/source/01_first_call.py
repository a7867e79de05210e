# %% [markdown]
# # The first call, on both protocols
#
# A *workspace* of Model Studio is one key, one region, one bill, one list of models. A chat model takes it whole, and
# `protocol` says which of the service's two wires carries the call. Nothing else changes.

# %%
from _where import model_studio

studio = model_studio()
team_a = studio.workspace("team-a")
print(team_a.workspace_id, team_a.region, team_a.api_key)

# %% [markdown]
# With a key of your own the workspace comes from the environment (`DASHSCOPE_API_KEY`, `DASHSCOPE_WORKSPACE`,
# `DASHSCOPE_REGION`), or is written out: `QwenWorkspace(api_key="sk-…", workspace_id="llm-…", region="singapore")`.

# %%
from langchain_qwen_workspace import ChatQwenWorkspace

for protocol in ("openai", "dashscope"):
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team_a)
    print(f"{protocol:>9}: {llm.invoke('Where is the West Lake?').text}")

# %% [markdown]
# Every answer tells who gave it, over what, and what it used. Keys are the same on both protocols.

# %%
answer = llm.invoke("Where is the West Lake?")
told = (
    "model_provider",
    "model_name",
    "protocol",
    "region",
    "workspace_id",
    "finish_reason",
)
{**{name: answer.response_metadata[name] for name in told}, **answer.usage_metadata}

# %% [markdown]
# Parameters have the service's names and go to their place on either wire. What is out of range is refused before
# anything is sent.

# %%
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
except ValueError as error:
    print(error)

# %% [markdown]
# The same object has LangChain's other ways of calling: `ainvoke`, `stream`, `astream`, `batch`, `abatch`, and `|`.

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
