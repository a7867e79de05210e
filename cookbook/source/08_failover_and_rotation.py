# %% [markdown]
# # Retries, failover and key rotation
#
# **Goal**: keep answering when a workspace fails, a limit is reached or a key changes.
#
# **You need**: Python 3.11, the extra `sandbox`. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# Temporary errors are retried, in the same way on every protocol; others are not. After the retries, the tenant's next
# workspace is called.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]"
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]"

# %%
import os

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    RateLimitError,
    WorkspaceRouter,
)
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")


def open_workspace(name, **options):
    """Return a workspace of the sandbox, or that of the environment's key."""
    return sandbox.workspace(name, **options) if sandbox else QwenWorkspace()


first, second = open_workspace("first"), open_workspace("second")

# %% [markdown]
# ## Retries
#
# `max_retries` is 2 by default. Here the first attempt is throttled, and the second one succeeds.

# %%
if sandbox:  # the service cannot be made to fail
    sandbox.fail_next(
        status=429, code="Throttling.RateQuota", headers={"retry-after-ms": "1"}
    )
answer = ChatQwenWorkspace(model="qwen-plus", workspace=first).invoke("Hello")
print(answer.text, "|", len(sandbox.requests) if sandbox else 1, "requests")

# %% [markdown]
# An error that remains has the details that the service's support asks for.

# %%
if sandbox:  # the service cannot be made to fail
    sandbox.fail_next(status=429, code="Throttling.RateQuota")
try:
    ChatQwenWorkspace(model="qwen-plus", workspace=first, max_retries=0).invoke("Hello")
except RateLimitError as error:
    print(
        error.code,
        error.status_code,
        error.model,
        error.protocol,
        error.region,
        error.workspace_id,
    )
    print(error.hint)
else:
    assert not sandbox, "Nothing was refused."

# %% [markdown]
# ## Failover
#
# Calls of a tenant with several workspaces fail over in their order: never after the first part of a stream, and to
# another region only with `across_regions=True`, since the tenant's data would go there.

# %%
router = WorkspaceRouter(tenants={"acme": [first, second]})
llm = ChatQwenWorkspace(model="qwen-plus", workspace=router, max_retries=0)
if sandbox:  # the service cannot be made to fail
    sandbox.fail_next(status=503, code="ServiceUnavailable")
answer = llm.invoke("Hello", config={"configurable": {"tenant": "acme"}})
print(answer.response_metadata["workspace_id"], "answered")

# %% [markdown]
# ## Client-side rate limits
#
# A guard makes calls wait, instead of being refused, when a workspace calls a model too fast or too often at once.

# %%
from langchain_qwen_workspace import WorkspaceGuard

guarded = ChatQwenWorkspace(
    model="qwen-plus", workspace=router, guard=WorkspaceGuard(max_concurrency=2)
)
answers = await guarded.abatch(
    ["One", "Two", "Three", "Four"], config={"configurable": {"tenant": "acme"}}
)
print(len(answers), "answers, two at a time")

# %% [markdown]
# ## Keys that rotate
#
# `api_key` may be a function that returns the key, for example from a vault; for asynchronous calls it may be an
# `async def`. It is called when a key is first needed and again after a 401, once for all calls that wait for it. Models
# and connection pools remain as they are.

# %%
from langchain_qwen_workspace import QwenWorkspace

vault = {"key": first.api_key}


def read_key():
    print("The key is read from the vault.")
    return vault["key"]


rotating = QwenWorkspace(
    api_key=read_key,
    workspace_id=first.workspace_id,
    region=first.region,
    base_url=first.base_url,
)
llm = ChatQwenWorkspace(model="qwen-plus", workspace=rotating)
print(llm.invoke("Before").text)
if sandbox:  # with the service, change the key in the console
    vault["key"] = sandbox.rotate_key("first")
print(llm.invoke("After").text)

# %% [markdown]
# **Next**: [moving from another package](09_moving.ipynb).
