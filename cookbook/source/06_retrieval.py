# %% [markdown]
# # Retrieval: embeddings, sparse vectors, rerank
#
# **Goal**: find the documents that answer a question.
#
# **You need**: Python 3.11, the extra `sandbox`, and matplotlib for a picture. Without a key the offline sandbox answers, which is not a language
# model and says so. With `DASHSCOPE_API_KEY` in the environment the same cells call Model Studio.
#
# Embeddings turn texts into vectors, several requests at a time, each within the model's limits. A rerank model reads
# the query and a document together.

# %% tags=["skip-execution"]
# %pip install --quiet "langchain-qwen-workspace[sandbox]" matplotlib numpy
# Before the first release: %pip install --quiet "/path/to/a/clone[sandbox]" matplotlib numpy

# %%
import os

from langchain_core.documents import Document

from langchain_qwen_workspace import (
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
)
from langchain_qwen_workspace.sandbox import Sandbox

sandbox = None if os.environ.get("DASHSCOPE_API_KEY") else Sandbox().start()
print("The offline sandbox answers." if sandbox else "Model Studio answers.")
team = sandbox.workspace("team") if sandbox else QwenWorkspace()
texts = [
    "The West Lake is in Hangzhou.",
    "Boats cross the West Lake in spring.",
    "The Bund is in Shanghai.",
    "The Summer Palace has a lake too.",
    "Bandung lies between volcanoes.",
    "A tea house stands by the lake in Hangzhou.",
]
embeddings = QwenWorkspaceEmbeddings(
    model="text-embedding-v4", dimensions=1024, protocol="dashscope", workspace=team
)
vectors = embeddings.embed_documents(texts)
len(vectors), len(vectors[0])

# %%
import matplotlib.pyplot as plt
import numpy as np

matrix = np.array(vectors)
similarity = np.clip(matrix @ matrix.T, 0, 1)

figure, axes = plt.subplots(figsize=(7, 4.2), dpi=130, layout="constrained")
heatmap = axes.imshow(similarity, cmap="viridis", vmin=0, vmax=1)
axes.set_xticks(range(len(texts)), [str(n + 1) for n in range(len(texts))])
axes.set_yticks(range(len(texts)), [f"{text}  {n + 1}" for n, text in enumerate(texts)])
for (row, column), value in np.ndenumerate(similarity):
    axes.text(
        column,
        row,
        f"{value:.1f}",
        ha="center",
        va="center",
        color="w" if value < 0.6 else "k",
    )
figure.colorbar(heatmap, label="cosine similarity")
axes.set_title("Similarity of the texts")
plt.show()
# %% [markdown]
# On the dashscope protocol a query is embedded as a query (`text_type`), optionally with a task instruction.

# %%
question = "Where is the West Lake?"
scores = matrix @ embeddings.embed_query(question)
for index in np.argsort(-scores)[:3]:
    print(f"{scores[index]:.2f}  {texts[index]}")

# %% [markdown]
# ## Sparse vectors
#
# A sparse vector weights the words of a text. The dashscope protocol returns it alone, or together with the dense
# vector from one request, for stores with hybrid search.

# %%
[hybrid] = embeddings.embed_documents_hybrid(texts[:1])
print(len(hybrid.dense), "components, and", len(hybrid.sparse.indices), "words:")
for index, value in zip(hybrid.sparse.indices, hybrid.sparse.values, strict=True):
    print(f"  {index:>9}  {value:.2f}")

# %% [markdown]
# ## Rerank
#
# The reranker is a document compressor of LangChain, so that it also works in a `ContextualCompressionRetriever`.

# %%
rerank = QwenWorkspaceRerank(model="qwen3-rerank", top_n=3, workspace=team)
documents = [
    Document(page_content=text, metadata={"number": n + 1})
    for n, text in enumerate(texts)
]
for document in rerank.compress_documents(documents, question):
    print(
        f"{document.metadata['relevance_score']:.2f}  {document.metadata['number']}  {document.page_content}"
    )

# %% [markdown]
# Both together, with any vector store of LangChain:

# %%
from langchain_core.vectorstores import InMemoryVectorStore

store = InMemoryVectorStore.from_texts(texts, embeddings)
search = store.as_retriever(search_kwargs={"k": 4}) | (
    lambda documents: rerank.compress_documents(documents, question)
)
[document.page_content for document in search.invoke(question)]

# %% [markdown]
# **Next**: [two workspaces, one bill each](07_workspaces_and_bill.ipynb).
