# %% [markdown]
# # Tools, and an agent with a memory
#
# **Goal**: let a model call your functions, and make an agent that remembers.
#
# **You need**: Python 3.11, the extra `sandbox`, LangChain and LangGraph. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# Tool calls are the same on every protocol, streamed or not, and so are agents that use them.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]" langchain langgraph
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]" langchain langgraph

# %%
import os

from langchain_core.tools import tool

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
team = sandbox.workspace("team") if sandbox else QwenWorkspace()


@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"Sunny in {city}, 24 °C."


@tool
def convert_currency(amount: float, currency: str) -> str:
    """Convert an amount of yuan to a currency."""
    return f"{amount} yuan are {amount * 2200:.0f} {currency}."


for protocol in ("openai", "dashscope"):
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team)
    with_tools = llm.bind_tools([get_weather, convert_currency])
    answer = with_tools.invoke("What is the weather in 'Hangzhou'?")
    print(
        f"{protocol:>9}:", [(call["name"], call["args"]) for call in answer.tool_calls]
    )

# %% [markdown]
# In a stream a call arrives in pieces. LangChain adds them up; `index` says which call a piece belongs to.

# %%
for chunk in with_tools.stream("What is the weather in 'Hangzhou'?"):
    for piece in chunk.tool_call_chunks:
        print(piece["index"], piece["name"], piece["args"])

# %% [markdown]
# `tool_choice` takes a tool's name, `"auto"`, `"none"` or `"any"`. If a model does not support one of them, a warning
# names the model, and nothing else is sent in its place.

# %%
forced = llm.bind_tools([get_weather, convert_currency], tool_choice="convert_currency")
print(
    [
        (call["name"], call["args"])
        for call in forced.invoke("'IDR', and 120 of it.").tool_calls
    ]
)

# %% [markdown]
# ## An agent
#
# `create_agent` makes an agent; a checkpointer stores each conversation, so that the second question continues it.

# %%
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver

agent = create_agent(llm, [get_weather, convert_currency], checkpointer=InMemorySaver())
thread = {"configurable": {"thread_id": "travel"}}


def show(messages):
    for message in messages:
        calls = ", ".join(
            f"{call['name']}({call['args']})"
            for call in getattr(message, "tool_calls", [])
        )
        print(f"{message.type:>5}: {message.text or calls}")


show(
    agent.invoke(
        {"messages": [("human", "What is the weather in 'Hangzhou'?")]}, thread
    )["messages"]
)

# %%
state = agent.invoke(
    {"messages": [("human", "convert_currency: 120 to 'IDR'")]}, thread
)
show(state["messages"][4:])
print(len(state["messages"]), "messages in the thread")

# %% [markdown]
# LangGraph's `stream_mode` gives the steps as they happen and the tokens as they arrive.

# %%
for mode, data in agent.stream(
    {"messages": [("human", "What is the weather in 'Shanghai'?")]},
    {"configurable": {"thread_id": "another"}},
    stream_mode=["updates", "messages"],
):
    if mode == "messages" and data[0].type == "AIMessageChunk" and data[0].text:
        print(data[0].text, end="|")
    elif mode == "updates":
        print(f"\n[{', '.join(data)}]")

# %% [markdown]
# **Next**: [structured output](04_structured_output.ipynb).
