"""The cookbook's corpus on Ray Data: two workers, one vector per text, no key in Ray's files, no process left."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from langchain_qwen_workspace import (
    AuthenticationError,
    PartialEmbeddings,
    QwenWorkspaceEmbeddings,
    RateLimitError,
)
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.waiting import wait_until

pytest.importorskip("ray", reason="the cookbook's entry needs Ray: dependency group `cookbook`")
parquet = pytest.importorskip("pyarrow.parquet", reason="Ray Data brings it: dependency group `cookbook`")

SCRIPT = Path(__file__).parent.parent.parent / "cookbook" / "ray_corpus.py"
TEXTS = 110

# Seconds. Starting Ray takes half a minute on a quiet machine, and minutes on a busy one.
START_TIMEOUT = 900


@dataclass(frozen=True)
class Run:
    """The outcome of a run of the script."""

    key: str
    status: int
    stdout: str
    stderr: str
    folder: Path
    ray_folder: Path
    bodies: list[Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run the script once, with a workspace of the sandbox in the environment."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("vectors")
    # A short path: Ray's sockets are below it, and a socket's path has at most 107 bytes.
    with (
        tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as ray_folder,
        Sandbox() as sandbox,
    ):
        opened = sandbox.add_workspace("planted")
        settings = {
            "HOME": str(home),
            "PATH": os.environ.get("PATH", ""),
            "RAY_TMPDIR": ray_folder,
            # Ray then writes the arguments of its workers to a file, which it does not do by default.
            "RAY_enable_export_api_write": "1",
            # Seconds; the defaults are too short on a busy machine.
            "RAY_gcs_server_port_wait_time_s": "300",
            "RAY_worker_register_timeout_seconds": "300",
            "DASHSCOPE_API_KEY": opened.api_key,
            "DASHSCOPE_WORKSPACE": opened.workspace_id,
            "DASHSCOPE_BASE_URL": sandbox.base_url,
        }
        done = subprocess.run(  # noqa: S603 - this interpreter, our own file
            [sys.executable, str(SCRIPT), str(folder)],
            env=settings,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        bodies = [request.body for request in sandbox.requests]
        yield Run(opened.api_key, done.returncode, done.stdout, done.stderr, folder, Path(ray_folder), bodies)


@pytest.mark.nightly
@pytest.mark.timeout(START_TIMEOUT)
def test_the_corpus_is_embedded_by_two_workers_and_searched(run: Run) -> None:
    assert run.status == 0, run.stderr
    assert "the service answers, at http://127.0.0.1:" in run.stdout
    assert f"Embedded {TEXTS} texts with 2 workers, 256 components each." in run.stdout
    assert re.search(r"Nearest to .*: 'The most visited garden of Suzhou opens at 9\.', score 0\.\d\d", run.stdout)
    assert f"The vectors are in {run.folder}." in run.stdout


@pytest.mark.nightly
@pytest.mark.timeout(START_TIMEOUT)
def test_every_text_has_one_vector_in_the_files_and_was_sent_once(run: Run) -> None:
    table = parquet.read_table(run.folder).to_pydict()
    assert sorted(table) == ["text", "vector", "worker"]
    assert len(set(table["text"])) == len(table["text"]) == TEXTS
    assert {len(vector) for vector in table["vector"]} == {256}
    assert len(set(table["worker"])) == 2
    *corpus, question = [body["input"] for body in run.bodies]
    assert sorted(text for texts in corpus for text in texts) == sorted(table["text"])
    assert question == ["When does the garden of Suzhou open?"]


@pytest.mark.nightly
@pytest.mark.timeout(START_TIMEOUT)
def test_the_key_is_in_no_file_of_ray_and_not_in_the_output(run: Run) -> None:
    assert run.key.startswith("sk-")
    assert run.key not in run.stdout + run.stderr
    files = [path for path in run.ray_folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 20
    assert [path for path in files if run.key.encode() in path.read_bytes()] == []
    # Ray did write the arguments, and the key is hidden in them.
    written = [path.name for path in files if b"PicklableSecret('**********')" in path.read_bytes()]
    assert written == ["event_EXPORT_DATASET_METADATA.log"]
    assert "workspace=QwenWorkspace(api_key=PicklableSecret('**********')" in run.stdout


@pytest.mark.nightly
@pytest.mark.timeout(START_TIMEOUT)
def test_nothing_of_ray_is_left_running(run: Run) -> None:
    wait_until(lambda: not processes_below(run.ray_folder))


def processes_below(folder: Path) -> list[str]:
    """Return the command lines of processes that name a folder; none where there is no `/proc`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


# --- without a cluster ---


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Return the cookbook's script as a module, without starting Ray."""
    spec = util.spec_from_file_location("ray_corpus", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))
        spec.loader.exec_module(module)
    return module


def test_without_a_key_the_sandbox_answers(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = script.model_studio().workspace("corpus")
    embeddings = QwenWorkspaceEmbeddings(model=script.MODEL, dimensions=64, workspace=workspace)
    block = script.Embedder(embeddings)({"text": ["a lake", "a tower"]})
    assert "the offline sandbox answers" in capsys.readouterr().out
    assert block["text"] == ["a lake", "a tower"]
    assert block["vector"].shape == (2, 64)
    assert list(block["worker"]) == [os.getpid()] * 2


def test_ray_is_shut_down_after_an_error(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    monkeypatch.setattr(script.ray, "init", lambda **arguments: calls.append(arguments))
    monkeypatch.setattr(script.ray, "shutdown", lambda: calls.append("ended"))
    # Creating the real one raises warnings about its own fields.
    monkeypatch.setattr(script, "DataContext", SimpleNamespace(get_current=SimpleNamespace))
    with pytest.raises(ZeroDivisionError), script.cluster():
        calls.append(1 / 0)
    started, ended = calls
    assert (started["include_dashboard"], started["address"], ended) == (False, "local", "ended")
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_folder_with_vectors_is_refused(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").touch()
    with pytest.raises(SystemExit, match="already has vectors"):
        script.main(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


class Failing:
    """Embeddings that return or raise the given answers, one per call."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked.append(texts)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        vectors: list[list[float]] = answer
        return vectors


def partial_error(error: Any, embedded: dict[int, list[float]], missing: dict[int, str]) -> Exception:
    error.partial = PartialEmbeddings(embedded, missing)
    return error  # type: ignore[no-any-return]  # made by the test


def test_a_block_that_failed_in_part_is_completed_without_embedding_a_text_twice(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "PAUSES", (0.0, 0.0))
    embeddings = Failing(
        partial_error(RateLimitError("slow"), {0: [0.0], 2: [2.0]}, {1: "b", 3: "d"}),
        partial_error(RateLimitError("slow"), {1: [3.0]}, {0: "b"}),
        [[1.0]],
    )
    block = script.Embedder(embeddings)({"text": ["a", "b", "c", "d"]})
    assert block["vector"].tolist() == [[0.0], [1.0], [2.0], [3.0]]
    assert embeddings.asked == [["a", "b", "c", "d"], ["b", "d"], ["b"]]


@pytest.mark.parametrize(("error", "calls"), [(RateLimitError("slow"), 2), (AuthenticationError("wrong key"), 1)])
def test_a_block_that_fails_again_after_the_pauses_is_an_error(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, error: Exception, calls: int
) -> None:
    monkeypatch.setattr(script, "PAUSES", (0.0,))
    embeddings = Failing(*[partial_error(error, {}, {0: "a"})] * 3)
    with pytest.raises(type(error)):
        script.Embedder(embeddings)({"text": ["a"]})
    assert len(embeddings.asked) == calls
