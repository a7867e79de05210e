# %% [markdown]
# # Two workspaces, permitted models, one bill each
#
# One process, one chat model, two customers: each call goes to the customer's own workspace, and the usage is counted
# for each.

# %%
from _model_studio import model_studio

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    PermissionDeniedError,
    QwenWorkspaceEmbeddings,
    WorkspaceRouter,
    get_workspace_usage_callback,
)

studio = model_studio()
acme = studio.workspace(
    "acme", models=["qwen-plus", "qwen3.7-plus", "text-embedding-v4"]
)
globex = studio.workspace("globex", models=["qwen-plus"], region="cn-beijing")

# %% [markdown]
# ## What a workspace may call
#
# The service lists the permitted models. Calling another one raises the same error on both protocols, with a hint.

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
