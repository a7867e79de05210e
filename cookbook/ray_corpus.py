"""Embeds a corpus with two workers of Ray Data, writes the vectors as Parquet, and searches them.

The workers get the ordinary `QwenWorkspaceEmbeddings` object, which Ray pickles. With `DASHSCOPE_API_KEY` in the
environment it calls the service, without it the offline sandbox. Needs `pip install "ray[data]"`.

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
from _model_studio import model_studio
from langchain_core.embeddings import Embeddings
from ray.data import ActorPoolStrategy, DataContext

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    QwenWorkspaceEmbeddings,
    RateLimitError,
    ServerError,
)

MODEL = os.environ.get("DEMO_EMBEDDING_MODEL", "text-embedding-v4")
WORKERS = 2
# The texts of one call of a worker; the embeddings split them into requests of the size that the model accepts.
TEXTS_PER_BLOCK = 25
TEMPORARY_ERRORS = (RateLimitError, ServerError, APITimeoutError, APIConnectionError)
PAUSES = (5.0, 20.0, 60.0)

CITIES = ("Hangzhou", "Shanghai", "Beijing", "Suzhou", "Nanjing", "Chengdu", "Guilin", "Harbin", "Kunming", "Lhasa")
SIGHTS = ("lake", "temple", "bridge", "tower", "garden", "market", "museum", "palace", "park", "station", "theatre")
CORPUS = [
    f"The most visited {sight} of {city} opens at {8 + n % 3}." for n, sight in enumerate(SIGHTS) for city in CITIES
]
QUESTION = "When does the garden of Suzhou open?"


@contextmanager
def cluster() -> Iterator[None]:
    """Start a small Ray cluster on this machine, and shut it down on exit, also after an error."""
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
        # Such a small corpus would be done before the second worker has started.
        context.wait_for_min_actors_s = 600
        yield
    finally:
        ray.shutdown()


class Embedder:
    """Embeds a block of the corpus. Each worker creates one, from its own copy of the embeddings."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    def __call__(self, block: dict[str, Any]) -> dict[str, Any]:
        """Return the block with its vectors."""
        vectors = np.array(self._vectors(list(block["text"])), dtype=np.float32)
        return {**block, "vector": vectors, "worker": np.full(len(vectors), os.getpid())}

    def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text, and pay for none twice: `error.partial` has the vectors that a failed call made.

        `max_retries` has already retried each request, so an error here lasts longer. An error that is not temporary,
        such as a wrong key or a text that is too long, ends the job. A job that should go on without such a block sets
        `DataContext.max_errored_blocks`, and checks afterwards which texts have no vector.
        """
        vectors: dict[int, list[float]] = {}
        missing = dict(enumerate(texts))
        for pause in (*PAUSES, None):
            positions = list(missing)
            try:
                made = self._embeddings.embed_documents(list(missing.values()))
            except TEMPORARY_ERRORS as error:
                if pause is None or error.partial is None:
                    raise
                vectors |= {positions[n]: vector for n, vector in error.partial.embedded.items()}
                missing = {positions[n]: text for n, text in error.partial.missing.items()}
                time.sleep(pause)
            else:
                vectors |= dict(zip(positions, made, strict=True))
                break
        return [vectors[position] for position in range(len(texts))]


def embed(corpus: Sequence[str], embeddings: QwenWorkspaceEmbeddings, folder: Path) -> None:
    """Write the corpus and its vectors into a folder.

    For a corpus in files use `ray.data.read_text(path)`, which gives the same rows.
    """
    rows = ray.data.from_items(
        [{"text": text} for text in corpus], override_num_blocks=-(-len(corpus) // TEXTS_PER_BLOCK)
    )
    rows.map_batches(
        Embedder,
        fn_constructor_kwargs={"embeddings": embeddings},
        compute=ActorPoolStrategy(size=WORKERS),
        # Workers mostly wait for the network: half a processor each leaves one for the task that writes.
        num_cpus=0.5,
        batch_size=None,
        udf_modifying_row_count=False,
    ).write_parquet(str(folder))


def search(embeddings: QwenWorkspaceEmbeddings, folder: Path) -> None:
    """Read the vectors, and find the text that answers the question."""
    table = pyarrow.parquet.read_table(folder).to_pydict()
    scores = np.array(table["vector"]) @ np.array(embeddings.embed_query(QUESTION))
    workers = len(set(table["worker"]))
    print(f"Embedded {len(scores)} texts with {workers} workers, {len(table['vector'][0])} components each.")
    print(f"Nearest to {QUESTION!r}: {table['text'][int(scores.argmax())]!r}, score {scores.max():.2f}")


def main(folder: Path) -> None:
    """Embed the corpus into a folder, and search it."""
    if any(folder.glob("*.parquet")):
        raise SystemExit(f"{folder} already has vectors. Choose another folder.")
    workspace = model_studio().workspace("corpus", models=[MODEL])
    with cluster():
        embeddings = QwenWorkspaceEmbeddings(model=MODEL, dimensions=256, workspace=workspace, max_concurrency=4)
        # Ray pickles a worker's arguments, and if a job's events are exported (`RAY_enable_export_api_write`) it also
        # writes them as text. The text masks the key, and the pickle encodes it, so that no log and no file of Ray's
        # has it in plain text. Anyone who can run code in the cluster can still read it.
        print(f"Ray's files show the embeddings as: {str(embeddings).partition(',')[0]}, …")
        embed(CORPUS, embeddings, folder)
        search(embeddings, folder)
    print(f"The vectors are in {folder}.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]).absolute())
    else:
        with tempfile.TemporaryDirectory(prefix="corpus-") as temporary:
            main(Path(temporary))
