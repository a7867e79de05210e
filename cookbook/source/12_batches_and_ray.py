# %% [markdown]
# # A large corpus: the Batch API, and Ray Data
#
# The Batch API costs half, for requests that can wait. A batch takes the inputs of a chat model or of embeddings. It has
# an id, by which any process can find it again.

# %%
from _model_studio import model_studio

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
)

studio = model_studio()
team = studio.workspace("corpus")
embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=team)
batch = QwenWorkspaceBatch(embeddings)
batch_id = batch.submit(
    {"doc-1": "The West Lake is in Hangzhou.", "doc-2": "The Bund is in Shanghai."}
)
batch.status(batch_id).state

# %% [markdown]
# Later, or in another process, the id is enough.

# %%
again = QwenWorkspaceBatch(
    QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=team)
)
again.wait(batch_id, poll_interval=0.05)
results = again.results(batch_id)
{name: len(vector) for name, vector in results.outputs.items()}, results.errors

# %% [markdown]
# Chat inputs work the same way, also with tools bound to the model.

# %%
questions = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=team))
batch_id = questions.submit(
    {"one": "Where is the West Lake?", "two": "Where is the Bund?"}
)
questions.wait(batch_id, poll_interval=0.05)
for name, answer in questions.results(batch_id).outputs.items():
    print(f"{name}: {answer.text}")

# %% [markdown]
# ## Without waiting, on several machines
#
# [ray_corpus.py](ray_corpus.py) embeds a corpus with workers of Ray Data, writes Parquet, and searches it. The
# workers get the ordinary `QwenWorkspaceEmbeddings` object, which can be pickled; no file of Ray's has the key in plain
# text. A worker embeds a block like this:

# %%
from pathlib import Path

entry = Path("ray_corpus.py").read_text()
print(entry[entry.index("    def _vectors") : entry.index("def embed(")])

# %% [markdown]
# `python ray_corpus.py` runs it, with `pip install "ray[data]"`; Ray takes a while to start, so this notebook does not run it.
