"""What is public, and nothing else: the names, the version, the marker for type checkers."""

import importlib
import importlib.metadata
import inspect
import re
from importlib.resources import files
from pathlib import Path

import pytest

import langchain_qwen_workspace as package

NAMES = [
    "APIConnectionError",
    "APITimeoutError",
    "AuthenticationError",
    "BatchResult",
    "BatchResults",
    "BatchStatus",
    "BillingError",
    "ChatQwenWorkspace",
    "ConfigurationError",
    "ContentFilterError",
    "ContextLengthError",
    "HybridVector",
    "InvalidRequestError",
    "InvalidResponseError",
    "MissingApiKeyError",
    "NotFoundError",
    "PartialEmbeddings",
    "PermissionDeniedError",
    "PriceTable",
    "QwenWorkspace",
    "QwenWorkspaceBatch",
    "QwenWorkspaceEmbeddings",
    "QwenWorkspaceError",
    "QwenWorkspaceRerank",
    "RateLimitError",
    "ServerError",
    "SparseVector",
    "StreamInterruptedError",
    "StructuredOutputError",
    "UnsupportedInputError",
    "WorkspaceGuard",
    "WorkspaceRouter",
    "WorkspaceUsageCallbackHandler",
    "__version__",
    "get_workspace_usage_callback",
    "register",
]


def test_the_public_names_are_these() -> None:
    assert package.__all__ == NAMES


def test_the_public_names_are_sorted_and_named_once() -> None:
    assert sorted(set(package.__all__)) == package.__all__


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_imported_and_is_explained(name: str) -> None:
    value = getattr(importlib.import_module("langchain_qwen_workspace"), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__
        assert value.__module__.startswith("langchain_qwen_workspace.")


def test_a_star_imports_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from langchain_qwen_workspace import *", names)  # noqa: S102 - a star is what is tested
    assert set(names) - {"__builtins__"} == set(NAMES)


def test_unused_names_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those who complete a name ask for them."""
    for name in NAMES:
        monkeypatch.delitem(vars(package), name, raising=False)
    assert set(dir(package)) >= {*NAMES, "__doc__"}


def test_what_is_not_public_is_private() -> None:
    """Whatever else hangs on the package are its modules."""
    others = {name for name in vars(package) if not name.startswith("_")} - set(NAMES)
    assert {name for name in others if not inspect.ismodule(getattr(package, name))} == set()


def test_the_version_is_the_distributions() -> None:
    assert package.__version__ == importlib.metadata.version("langchain-qwen-workspace")
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?", package.__version__)


def test_the_package_is_typed_for_type_checkers() -> None:
    assert files(package).joinpath("py.typed").is_file()


@pytest.mark.parametrize(
    "name",
    [
        "admin",
        "batch_jobs",
        "chat_models",
        "embeddings",
        "errors",
        "guard",
        "profiles",
        "rerank",
        "routing",
        "sandbox",
        "usage",
        "workspace",
    ],
)
def test_the_public_modules_say_what_is_in_them(name: str) -> None:
    module = importlib.import_module(f"langchain_qwen_workspace.{name}")
    assert module.__doc__


def test_every_file_of_the_package_says_what_is_in_it() -> None:
    root = Path(str(files(package)))
    undocumented = [path.name for path in root.rglob("*.py") if not path.read_text().startswith(('"""', 'r"""'))]
    assert undocumented == []


def test_what_coverage_leaves_out_says_why() -> None:
    lines = [line.strip() for path in Path(str(files(package))).rglob("*.py") for line in path.read_text().splitlines()]
    left_out = [line for line in lines if "pragma:" in line]
    assert left_out
    assert [line for line in left_out if not re.search(r"# pragma: no (cover|branch) - \w", line)] == []


def test_the_distribution_brings_both_sdks() -> None:
    requires = importlib.metadata.requires("langchain-qwen-workspace") or []
    needed = {re.split(r"[^A-Za-z0-9-]", line)[0] for line in requires if "extra ==" not in line}
    assert needed >= {"langchain-core", "openai", "dashscope", "pydantic"}
