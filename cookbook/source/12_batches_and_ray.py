# %% [markdown]
# # A large corpus: the Batch API, and Ray Data
#
# **Goal**: embed a large corpus at half the price, or on several machines.
#
# **You need**: Python 3.11, the extra `sandbox`. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# The Batch API costs half, for requests that can wait. A batch takes the inputs of a chat model or of embeddings. It has
# an id, by which any process can find it again.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]"
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]"

# %%
import os

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
)
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
team = sandbox.workspace("corpus") if sandbox else QwenWorkspace()
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
# text. A worker embeds a block like this: if a request fails for good, `error.partial` has the vectors that were made, so that
# no text is paid for twice.

# %%
from langchain_qwen_workspace import RateLimitError


def embed_block(texts, pauses=(0.1, 1, None)):
    vectors, missing = {}, dict(enumerate(texts))
    for pause in pauses:
        positions = list(missing)
        try:
            made = embeddings.embed_documents(list(missing.values()))
        except RateLimitError as error:
            if pause is None or error.partial is None:
                raise
            print("throttled: the vectors that were made are kept")
            done, rest = error.partial.embedded, error.partial.missing
            vectors |= {positions[n]: vector for n, vector in done.items()}
            missing = {positions[n]: text for n, text in rest.items()}
            time.sleep(pause)
        else:
            vectors |= dict(zip(positions, made, strict=True))
            break
    return [vectors[position] for position in range(len(texts))]


import time

embeddings.max_retries = 0
if sandbox:
    sandbox.fail_next(status=429, code="Throttling.RateQuota")
block = embed_block([f"Text {number}." for number in range(25)])
assert len(block) == 25
len(block), "vectors"

# %% [markdown]
# `python ray_corpus.py` runs it, with `pip install "ray[data]"`; Ray takes a while to start, so this notebook does not run it.

# %% [markdown]
# **Next**: [develop locally](13_develop_locally.ipynb).
