"""A corpus embedded by two workers of Ray Data, written as Parquet, and searched.

The workers get the ordinary `QwenWorkspaceEmbeddings` object, which travels by pickle. With `DASHSCOPE_API_KEY` in the
environment the service answers, without it the offline sandbox. Needs `pip install "ray[data]"`.

    python cookbook/ray_corpus.py [FOLDER]
"""

import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import ray
from langchain_core.embeddings import Embeddings
from ray.data import ActorPoolStrategy, DataContext

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace.sandbox import Sandbox

MODEL = os.environ.get("DEMO_EMBEDDING_MODEL", "text-embedding-v4")
WORKERS = 2
# What one call of a worker gets. The embeddings make requests of it that the model takes.
TEXTS_PER_BLOCK = 25
PASSING = (RateLimitError, ServerError, APITimeoutError, APIConnectionError)
PAUSES = (5.0, 20.0, 60.0)

CITIES = ("Hangzhou", "Shanghai", "Beijing", "Suzhou", "Nanjing", "Chengdu", "Guilin", "Harbin", "Kunming", "Lhasa")
SIGHTS = ("lake", "temple", "bridge", "tower", "garden", "market", "museum", "palace", "park", "station", "theatre")
CORPUS = [
    f"The most visited {sight} of {city} opens at {8 + n % 3}." for n, sight in enumerate(SIGHTS) for city in CITIES
]
QUESTION = "When does the garden of Suzhou open?"


@contextmanager
def workspace() -> Iterator[QwenWorkspace]:
    """Yield the workspace to call: the environment's, or one of the sandbox."""
    if os.environ.get("DASHSCOPE_API_KEY"):
        found = QwenWorkspace()
        print(f"The service answers, at {found.origin}.")
        yield found
        return
    with Sandbox() as sandbox:
        print(f"There is no DASHSCOPE_API_KEY: the offline sandbox answers, at {sandbox.base_url}.")
        yield sandbox.workspace("corpus", models=[MODEL])


@contextmanager
def cluster() -> Iterator[None]:
    """Start a small Ray on this machine, and end it whatever happens."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=WORKERS,
        object_store_memory=100 * 1024**2,
        include_dashboard=False,
        logging_level=logging.WARNING,
        log_to_driver=False,
    )
    try:
        context = DataContext.get_current()
        context.enable_progress_bars = False
        # A corpus as small as this would be done before the second worker is up.
        context.wait_for_min_actors_s = 60
        yield
    finally:
        ray.shutdown()


class Embedder:
    """What a worker does with a block of the corpus. Each worker makes one, from its own copy of the embeddings."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    def __call__(self, block: dict[str, Any]) -> dict[str, Any]:
        """Return the block with its vectors."""
        vectors = np.array(self._vectors(list(block["text"])), dtype=np.float32)
        return {**block, "vector": vectors, "worker": np.full(len(vectors), os.getpid())}

    def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text, and pay for none twice: `error.partial` has those that a failed call made.

        `max_retries` has sent each request again before, so what fails here fails for longer. An error that does not
        pass, as of a wrong key or a text that is too long, ends the job. One that shall go on without such a block sets
        `DataContext.max_errored_blocks`, and looks afterwards which texts have no vector.
        """
        vectors: dict[int, list[float]] = {}
        missing = dict(enumerate(texts))
        for pause in (*PAUSES, None):
            places = list(missing)
            try:
                made = self._embeddings.embed_documents(list(missing.values()))
            except PASSING as error:
                if pause is None or error.partial is None:
                    raise
                vectors |= {places[n]: vector for n, vector in error.partial.embedded.items()}
                missing = {places[n]: text for n, text in error.partial.missing.items()}
                time.sleep(pause)
            else:
                vectors |= dict(zip(places, made, strict=True))
                break
        return [vectors[place] for place in range(len(texts))]


def embed(corpus: Sequence[str], embeddings: QwenWorkspaceEmbeddings, folder: Path) -> None:
    """Write the corpus and its vectors into a folder.

    For a corpus in files `ray.data.read_text(path)` gives the same rows.
    """
    rows = ray.data.from_items(
        [{"text": text} for text in corpus], override_num_blocks=-(-len(corpus) // TEXTS_PER_BLOCK)
    )
    rows.map_batches(
        Embedder,
        fn_constructor_kwargs={"embeddings": embeddings},
        compute=ActorPoolStrategy(size=WORKERS),
        # Workers wait for the network: half a processor each leaves room for the one that writes.
        num_cpus=0.5,
        batch_size=None,
        udf_modifying_row_count=False,
    ).write_parquet(str(folder))


def search(embeddings: QwenWorkspaceEmbeddings, folder: Path) -> None:
    """Find the text that answers the question, in what was written."""
    table = pyarrow.parquet.read_table(folder).to_pydict()
    scores = np.array(table["vector"]) @ np.array(embeddings.embed_query(QUESTION))
    workers = len(set(table["worker"]))
    print(f"Embedded {len(scores)} texts by {workers} workers, {len(table['vector'][0])} components each.")
    print(f"Nearest to {QUESTION!r}: {table['text'][int(scores.argmax())]!r}, score {scores.max():.2f}")


def main(folder: Path) -> None:
    """Embed the corpus into a folder, and search it."""
    if any(folder.glob("*.parquet")):
        raise SystemExit(f"{folder} has vectors already. Give another folder.")
    with workspace() as caller, cluster():
        embeddings = QwenWorkspaceEmbeddings(model=MODEL, dimensions=256, workspace=caller, max_concurrency=4)
        # Ray pickles a worker's arguments, and where a job's events are exported (`RAY_enable_export_api_write`) it
        # writes them down as text. The text hides the key, and the pickle holds it encoded, so that no log and no
        # file of Ray's shows it in clear. Whoever can run code in the cluster can have it all the same.
        print(f"In Ray's files the embeddings are: {str(embeddings).partition(',')[0]}, …")
        embed(CORPUS, embeddings, folder)
        search(embeddings, folder)
    print(f"The vectors are in {folder}.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]).absolute())
    else:
        with tempfile.TemporaryDirectory(prefix="corpus-") as temporary:
            main(Path(temporary))
