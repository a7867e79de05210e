# %% [markdown]
# # Moving here from ChatTongyi, ChatQwen, ChatOpenAI
#
# **Goal**: see what changes when you move here.
#
# **You need**: Python 3.11, the extra `sandbox`, langchain-openai and langchain-community. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# | | `ChatTongyi` | `ChatQwen` | `ChatOpenAI` | here |
# |---|---|---|---|---|
# | from | `langchain_community` | `langchain_qwq` | `langchain_openai` | `langchain_qwen_workspace` |
# | key | `api_key=` | `api_key=` | `api_key=` | `api_key=`, or a whole `workspace=` |
# | region | `model_kwargs={"base_address": …}` | `base_url=` | `base_url=` | `region="singapore"` |
# | workspace | `model_kwargs={"workspace": …}` | none | `default_headers=` | `workspace_id="llm-…"` |
# | protocol | native (DashScope) | OpenAI-compatible | OpenAI-compatible | `protocol="openai"` or `"dashscope"` |
# | thinking | in `model_kwargs` | `enable_thinking=` | in `extra_body` | `enable_thinking=` |
# | `temperature`, `max_tokens`, `timeout` | ignored; only `model_kwargs` and `top_p` work | work | work | work |
#
# Read from langchain-community 0.4.2 (sunset in May 2026), langchain-qwq 0.3.5 and langchain-openai 1.7.3.
#
# Below, `ChatTongyi`, `ChatOpenAI` and this package answer the same questions. (`ChatQwen` needs a `base_url` of the
# service to behave as it does there, so that it cannot run here.)

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]" langchain-openai langchain-community
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]" langchain-openai langchain-community

# %%
import os
import warnings

from langchain_openai import ChatOpenAI

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
warnings.simplefilter("ignore")  # langchain-community says that it is sunset
from langchain_community.chat_models import ChatTongyi

team = sandbox.workspace("team") if sandbox else QwenWorkspace()
key = team.api_key.get_secret_value()
dashscope_url, openai_url = team.base_url_for("dashscope"), team.base_url_for("openai")
models = {
    "ChatTongyi": ChatTongyi(
        model="qwen-plus", api_key=key, model_kwargs={"base_address": dashscope_url}
    ),
    "ChatOpenAI": ChatOpenAI(model="qwen-plus", api_key=key, base_url=openai_url),
    "ChatQwenWorkspace, openai": ChatQwenWorkspace(model="qwen-plus", workspace=team),
    "ChatQwenWorkspace, dashscope": ChatQwenWorkspace(
        model="qwen-plus", workspace=team, protocol="dashscope"
    ),
}

# %%
from IPython.display import Markdown

lines = [
    "| | chunks of a stream | tokens used | provider | request id | workspace |",
    "|---|---|---|---|---|---|",
]
for name, llm in models.items():
    chunks = list(llm.stream("Where is the West Lake?"))
    whole = chunks[0] if len(chunks) == 1 else chunks[0] + chunks[1:]
    used = whole.usage_metadata["total_tokens"] if whole.usage_metadata else "–"
    metadata = whole.response_metadata
    request = "yes" if metadata.get("request_id") else "–"
    provider, workspace = (
        metadata.get("model_provider", "–"),
        metadata.get("workspace_id", "–"),
    )
    lines.append(
        f"| {name} | {len(chunks)} | {used} | {provider} | {request} | {workspace} |"
    )
Markdown("\n".join(lines))

# %% [markdown]
# The reasoning of a model that thinks:

# %%
thinkers = {
    "ChatOpenAI": ChatOpenAI(
        model="qwen3.7-plus",
        api_key=key,
        base_url=openai_url,
        extra_body={"enable_thinking": True},
    ),
    "ChatQwenWorkspace": ChatQwenWorkspace(
        model="qwen3.7-plus", workspace=team, enable_thinking=True
    ),
}
for name, llm in thinkers.items():
    print(
        f"{name:>17}:",
        [
            block["type"]
            for block in llm.invoke("Where is the West Lake?").content_blocks
        ],
    )

# %% [markdown]
# ## What changes when you move
#
# - **From `ChatTongyi`**: `stream` really streams, also with tools; `temperature=`, `max_tokens=` and other parameters
#   take effect; messages have `usage_metadata`; errors have classes of their own instead of `ValueError`; there are 2
#   retries instead of 10, and only of temporary errors; asynchronous calls do not block. `DashScopeEmbeddings` and
#   `DashScopeRerank` become `QwenWorkspaceEmbeddings` and `QwenWorkspaceRerank`, each with its own key.
# - **From `ChatQwen`**: `base_url=` becomes `region=` and `workspace_id=`; `OPENAI_API_KEY` is never read or sent;
#   `with_structured_output` does not change the model that it is called on; `tool_choice="any"`, which Qwen does not
#   support, causes a warning; the provider's name in traces is `qwen_workspace`.
# - **From `ChatOpenAI`**: `extra_body` becomes parameters; reasoning is in the messages, and is sent back to models
#   that expect it; streams have usage; a tool choice is not forced on a model that thinks, which would refuse it; an
#   error inside a stream raises an exception.
#
# Histories need no change: messages of any provider, also from a checkpoint, can be sent.

# %%
history = [
    ("human", "Where is the West Lake?"),
    models["ChatOpenAI"].invoke("Where is the West Lake?"),
    ("human", "Thanks!"),
]
models["ChatQwenWorkspace, dashscope"].invoke(history).text

# %% [markdown]
# **Next**: [testing offline](10_testing_offline.ipynb).
