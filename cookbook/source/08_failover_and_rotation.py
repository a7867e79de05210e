# %% [markdown]
# # When a workspace does not answer, and when its key changes
#
# What may pass is sent again, on both protocols alike; what will not pass is not. Then the tenant's next workspace is
# asked.

# %%
from _where import model_studio

from langchain_qwen_workspace import ChatQwenWorkspace, RateLimitError, WorkspaceRouter

studio = model_studio()
first, second = studio.workspace("first"), studio.workspace("second")

# %% [markdown]
# ## Once more
#
# `max_retries` is 2 unless said otherwise. Here the first attempt is throttled, and the second is answered.

# %%
studio.fail_next(
    status=429, code="Throttling.RateQuota", headers={"retry-after-ms": "1"}
)
answer = ChatQwenWorkspace(model="qwen-plus", workspace=first).invoke("Hello")
print(
    answer.text, "|", len(studio.sandbox.requests) if studio.sandbox else 1, "requests"
)

# %% [markdown]
# An error that stays has everything that support asks for.

# %%
studio.fail_next(status=429, code="Throttling.RateQuota")
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

# %% [markdown]
# ## The next workspace
#
# A tenant with several workspaces fails over in their order: never after the first part of a stream, and to another
# region only with `across_regions=True`, since the tenant's data would go there.

# %%
router = WorkspaceRouter(tenants={"acme": [first, second]})
llm = ChatQwenWorkspace(model="qwen-plus", workspace=router, max_retries=0)
studio.fail_next(status=503, code="ServiceUnavailable")
answer = llm.invoke("Hello", config={"configurable": {"tenant": "acme"}})
print(answer.response_metadata["workspace_id"], "answered")

# %% [markdown]
# ## Calls that wait instead of being refused
#
# A guard knows how fast a workspace may call a model, and lets calls wait, for each model of each workspace.

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
# ## A key that changes
#
# `api_key` may be a function, or an `async def` for asynchronous calls, that returns the key: of a
# vault, for example. It is asked when a key is first needed, and again after a 401, once however
# many calls wait for it. Models, pools and all else stay as they are.

# %%
from langchain_qwen_workspace import QwenWorkspace

vault = {"key": first.api_key}


def key_of_the_day():
    print("The vault is asked.")
    return vault["key"]


rotating = QwenWorkspace(
    api_key=key_of_the_day,
    workspace_id=first.workspace_id,
    region=first.region,
    base_url=first.base_url,
)
llm = ChatQwenWorkspace(model="qwen-plus", workspace=rotating)
print(llm.invoke("Before").text)
if studio.sandbox:  # the key of the service is yours to change
    vault["key"] = studio.sandbox.rotate_key("first")
print(llm.invoke("After").text)
