# %% [markdown]
# # Two workspaces, permitted models, one bill each
#
# **Goal**: serve two customers from one process, each with its own permissions and its own bill.
#
# **You need**: Python 3.11, the extra `sandbox`, and matplotlib for a chart. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# One process, one chat model, two customers: each call goes to the customer's own workspace, and the usage is counted
# for each.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]" matplotlib
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]" matplotlib

# %%
import os

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    PermissionDeniedError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    WorkspaceRouter,
    get_workspace_usage_callback,
)
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")


def open_workspace(name, **options):
    """Return a workspace of the sandbox, or that of the environment's key."""
    return sandbox.workspace(name, **options) if sandbox else QwenWorkspace()


acme = open_workspace("acme", models=["qwen-plus", "qwen3.7-plus", "text-embedding-v4"])
globex = open_workspace("globex", models=["qwen-plus"], region="cn-beijing")

# %% [markdown]
# ## What a workspace may call
#
# The service lists the permitted models. Calling another one raises the same error on every protocol, with a hint.

# %%
for workspace in (acme, globex):
    print(
        workspace.workspace_id,
        [permission.model for permission in workspace.permitted_models()],
    )

try:
    ChatQwenWorkspace(model="qwen3.7-plus", workspace=globex).invoke("Hello")
except PermissionDeniedError as error:
    print(f"{error.code} ({error.status_code}): {error.hint}")
else:
    assert not sandbox, "Nothing was refused."

# %% [markdown]
# ## Which tenant a call is for
#
# A router reads the tenant from the run's config, also through chains and graphs. An unknown tenant is an error. You
# give the prices, per million tokens.

# %%
prices = {
    "currency": "CNY",
    "models": {
        "qwen-plus": {"input": "0.8", "output": "2"},
        "qwen3.7-plus": {"input": "2", "output": "8"},
        "text-embedding-v4": {"input": "0.5", "output": "0"},
    },
}
router = WorkspaceRouter(tenants={"acme": acme, "globex": globex})
llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
thinker = ChatQwenWorkspace(
    model="qwen3.7-plus", protocol="dashscope", workspace=router, enable_thinking=True
)

with get_workspace_usage_callback(prices) as usage:
    for tenant, questions in {"acme": 3, "globex": 5}.items():
        for number in range(questions):
            llm.invoke(
                f"Question {number} of a customer.",
                config={"configurable": {"tenant": tenant}},
            )
    list(
        thinker.stream(
            "Think about lakes.", config={"configurable": {"tenant": "acme"}}
        )
    )
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4", workspace=router.workspace("acme")
    )
    embeddings.embed_documents(["The West Lake is in Hangzhou."] * 25)

from IPython.display import Markdown

Markdown(usage.to_markdown())

# %% [markdown]
# `usage.rows()`, `to_json()` and `to_csv()` return the rows as data, for example for a chart:

# %%
import matplotlib.pyplot as plt

bars = {}
for row in usage.rows():
    bars.setdefault(row.workspace_id, {}).setdefault(row.model, 0.0)
    bars[row.workspace_id][row.model] += float(row.cost)

models = sorted({model for costs in bars.values() for model in costs})
figure, axes = plt.subplots(figsize=(7, 2.4), dpi=130, layout="constrained")
left = dict.fromkeys(bars, 0.0)
for model in models:
    widths = [1000 * bars[workspace].get(model, 0.0) for workspace in bars]
    axes.barh(
        list(bars), widths, left=[left[workspace] for workspace in bars], label=model
    )
    left = {
        workspace: left[workspace] + width
        for workspace, width in zip(bars, widths, strict=True)
    }
axes.invert_yaxis()
axes.set_xlabel("thousandths of a yuan")
axes.set_title("Cost by workspace and model")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# **Next**: [retries, failover and key rotation](08_failover_and_rotation.ipynb).
