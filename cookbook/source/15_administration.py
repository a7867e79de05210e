# %% [markdown]
# # From nothing to a team's workspace, and back
#
# **Goal**: make a workspace, permit two models, limit one of them, hand out a key, read the bill of the month, and remove
# it all.
#
# **You need**: Python 3.11, the extras `sandbox` and `admin`, and matplotlib for a chart. The offline sandbox answers, which
# is not a language model and says so; it needs no AccessKey. For the service, set `ALIBABA_CLOUD_ACCESS_KEY_ID` and
# `ALIBABA_CLOUD_ACCESS_KEY_SECRET`, and begin with `WorkspaceAdmin(region="singapore")`.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox,admin]" matplotlib
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox,admin]" matplotlib

# %%
from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    PermissionDeniedError,
    RateLimitError,
)
from langchain_qwen_workspace.admin import RateLimit
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = Sandbox().start()
admin = sandbox.admin("ap-southeast-1")
[workspace.name for workspace in admin.workspaces()]

# %% [markdown]
# ## A workspace with two models, a limit and a key
#
# A new workspace may call no model. The key is narrower than its workspace: it may call one of the two models. Its value is
# told only now; `key.workspace` hides it.

# %%
team = admin.create_workspace("team-a")
admin.grant(team.id, ["qwen-plus", "qwen-flash"])
admin.set_limits(team.id, {"qwen-flash": RateLimit(requests=2, requests_period=60)})
key = admin.create_key(team.id, models=["qwen-plus"], description="the team's app")
app = key.workspace

print([permission.model for permission in admin.permissions(team.id)])
print([limits.workspace for limits in admin.limits(team.id) if limits.workspace])

# %% [markdown]
# ## A call that answers, and calls that are refused

# %%
answer = ChatQwenWorkspace(model="qwen-plus", workspace=app).invoke("Hello")
print(answer.usage_metadata["total_tokens"], "tokens")

try:
    ChatQwenWorkspace(model="qwen-flash", workspace=app).invoke("Hello")
except PermissionDeniedError as error:
    print(f"{error.code} ({error.status_code})")
else:
    raise AssertionError("The key may call qwen-flash.")

# %% [markdown]
# Another key may call all models of the workspace, two of this one in a minute:

# %%
tests = admin.create_key(
    team.id, models="all", description="the team's tests"
).workspace
flash = ChatQwenWorkspace(model="qwen-flash", workspace=tests, max_retries=0)
for _ in range(3):
    try:
        flash.invoke("Hello " * 2000)
        print("answered")
    except RateLimitError as error:
        print(f"{error.code} ({error.status_code})")

# %% [markdown]
# ## The bill of the month
#
# Bills have exact amounts. The service's lag behind the calls; those of the sandbox do not, and its prices are those of
# Beijing in any region.

# %%
from datetime import UTC, datetime, timedelta

month = f"{datetime.now(UTC) + timedelta(hours=8):%Y-%m}"
bill = admin.bill(month, by="model", workspace=team.id)
for row in bill.rows:
    print(row.key, row.amount, bill.currency)
print("total", bill.total)

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 1.8), dpi=130, layout="constrained")
axes.barh([row.name for row in bill.rows], [float(row.amount) for row in bill.rows])
axes.invert_yaxis()
axes.set_xlabel(bill.currency)
axes.set_title(f"The month's bill of {team.name}")
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## Back to nothing
#
# A workspace that has keys is not deleted; the error has the service's reasons.

# %%
from langchain_qwen_workspace import InvalidRequestError

try:
    admin.delete_workspace(team.id)
except InvalidRequestError as error:
    print(error.message)
else:
    raise AssertionError("The workspace was deleted with its keys.")

for each in admin.keys(team.id):
    admin.delete_key(each.id)
admin.delete_workspace(team.id)
print([workspace.name for workspace in admin.workspaces()])
sandbox.close()

# %% [markdown]
# The same can stand in a file, `workspaces.yaml`, which `admin.plan` and `admin.apply` read, as does
# `qwen-workspace admin apply workspaces.yaml`: see the guide "Administer workspaces".
#
# **Next**: [two workspaces, permitted models, one bill each](07_workspaces_and_bill.ipynb).
