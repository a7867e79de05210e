# %% [markdown]
# # Develop locally, deploy to a workspace
#
# A Qwen that you run yourself, with vLLM, SGLang, Ollama, llama.cpp or LM Studio, needs no key and costs nothing. The same
# program then calls a workspace of Model Studio: one line changes.
#
# Start a server, such as `vllm serve Qwen/Qwen3-8B --reasoning-parser qwen3 --enable-auto-tool-choice --tool-call-parser
# hermes`, and set `QWEN_LOCAL_URL=http://127.0.0.1:8000/v1`. Without it, a small stand-in ([_local_server.py](_local_server.py))
# answers in the form of vLLM's answers.

# %%
from _local_server import local_server

local_url = local_server()

# %% [markdown]
# The line that will change. The URL's path, `/v1`, is none of Model Studio's, so no key of the environment is sent there, no
# header of Model Studio, and nothing is assumed about a model of that name. `server` says which words the server reads.

# %%
from langchain_qwen_workspace import ChatQwenWorkspace

llm = ChatQwenWorkspace(model="Qwen/Qwen3-8B", base_url=local_url, server="vllm")

# %% [markdown]
# ## The program
#
# It knows nothing of the server.

# %%
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool


@tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"It is sunny in {city}."


def ask_about_the_weather(llm):
    """Answer a question with the help of a tool."""
    with_tools = llm.bind_tools([weather])
    messages = [HumanMessage("How is the weather in Hangzhou?")]
    call = with_tools.invoke(messages)
    results = [weather.invoke(each) for each in call.tool_calls]
    return llm.invoke([*messages, call, *results])


answer = ask_about_the_weather(llm)
print(answer.text)

# %% [markdown]
# Reasoning is where Model Studio's is, whatever name the server has for it, or if it only writes `<think>` tags:

# %%
answer.content_blocks

# %%
for chunk in llm.stream("Hello"):
    print(chunk.text, end="|")

# %% [markdown]
# Thinking is switched as on Model Studio; what is sent is the server's own parameter, here `chat_template_kwargs`:

# %%
llm.invoke("Hello", enable_thinking=False).content_blocks

# %%
{
    name: answer.response_metadata[name]
    for name in ("server", "protocol", "region", "workspace_id", "model_name")
}

# %% [markdown]
# What the server cannot do is refused by name:

# %%
from langchain_qwen_workspace import QwenWorkspaceError

try:
    llm.invoke("What is new?", enable_search=True)
except QwenWorkspaceError as error:
    print(error)

# %% [markdown]
# ## Deployed
#
# The line has changed, the program has not.

# %%
from _model_studio import model_studio

workspace = model_studio().workspace("team-a")
llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace)

# %%
answer = ask_about_the_weather(llm)
print(answer.text)
{
    name: answer.response_metadata[name]
    for name in ("protocol", "region", "workspace_id", "model_name")
}
