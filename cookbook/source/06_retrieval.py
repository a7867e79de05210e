# %% [markdown]
# # Retrieval: embeddings, sparse vectors, rerank
#
# Texts to vectors, in batches of the model's limits and several at a time; then a model that reads query and document
# together.

# %%
from _where import model_studio
from langchain_core.documents import Document

from langchain_qwen_workspace import QwenWorkspaceEmbeddings, QwenWorkspaceRerank

team = model_studio().workspace("team")
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
drawn = axes.imshow(similarity, cmap="viridis", vmin=0, vmax=1)
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
figure.colorbar(drawn, label="cosine similarity")
axes.set_title("How near the texts are to each other")
plt.show()
# %% [markdown]
# A query is embedded as a query (`text_type`, on the native protocol), and may be told its task.

# %%
question = "Where is the West Lake?"
scores = matrix @ embeddings.embed_query(question)
for place in np.argsort(-scores)[:3]:
    print(f"{scores[place]:.2f}  {texts[place]}")

# %% [markdown]
# ## Sparse vectors
#
# Which words count, and how much: the native protocol gives them, alone or with the dense ones in one request, for
# stores that search both ways.

# %%
[hybrid] = embeddings.embed_documents_hybrid(texts[:1])
print(len(hybrid.dense), "components, and", len(hybrid.sparse.indices), "words:")
for index, value in zip(hybrid.sparse.indices, hybrid.sparse.values, strict=True):
    print(f"  {index:>9}  {value:.2f}")

# %% [markdown]
# ## Rerank
#
# The reranker is a document compressor of LangChain, so it also works in a `ContextualCompressionRetriever`.

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
# Together, in any vector store of LangChain:

# %%
from langchain_core.vectorstores import InMemoryVectorStore

store = InMemoryVectorStore.from_texts(texts, embeddings)
found = store.as_retriever(search_kwargs={"k": 4}) | (
    lambda documents: rerank.compress_documents(documents, question)
)
[document.page_content for document in found.invoke(question)]
