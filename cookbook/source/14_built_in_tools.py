# %% [markdown]
# # Built-in tools and kept conversations
#
# **Goal**: let Model Studio search the web and read pages beside a function of yours, and keep the conversation there.
#
# **You need**: Python 3.11, the extra `sandbox`, LangChain. Without a key the offline sandbox answers, which is not a
# language model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]" langchain
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]" langchain

# %%
import os

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
workspace = sandbox.workspace("team") if sandbox else QwenWorkspace()
usage = WorkspaceUsageCallbackHandler()
llm = ChatQwenWorkspace(
    model="qwen3.7-plus",
    protocol="responses",
    workspace=workspace,
    use_previous_response_id=True,
    callbacks=[usage],
)

# %% [markdown]
# The service runs its own tools: calls and results are in the content blocks of the answer.

# %%
searching = llm.bind_tools([{"type": "web_search"}, {"type": "web_extractor"}])
question = ("human", "Who built the causeways of the West Lake?")
answer = searching.invoke([question])
for block in answer.content_blocks:
    print(block["type"], block.get("name", ""))

# %% [markdown]
# The service keeps the answer for 7 days, so that only what is new is sent.

# %%
later = searching.invoke([question, answer, ("human", "And when?")])
print(later.text)

# %% [markdown]
# A function of yours can stand beside them.

# %%
from langchain.agents import create_agent


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"Sunny in {city}."


agent = create_agent(llm, [get_weather, {"type": "web_search"}])
for message in agent.invoke(
    {"messages": [("human", "Use get_weather for 'Hangzhou'.")]}
)["messages"]:
    print(
        f"{message.type}: {message.text or [call['name'] for call in message.tool_calls]}"
    )

# %% [markdown]
# How often the service's tools were called, for each call of the model; with prices, `tool_costs` has their cost.

# %%
for record in usage.records():
    print(record.model, record.usage.tool_calls if record.usage else "")

# %% [markdown]
# **Next**: [the first call](01_first_call.ipynb).
