"""Which module may import what, read from the source: the wires stay pure, the SDKs stay below the seam."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import langchain_qwen_workspace

PACKAGE = "langchain_qwen_workspace"
ROOT = Path(langchain_qwen_workspace.__file__).parent

VALUES = {"_types", "errors", "_failures", "workspace", "_keys", "_endpoints", "profiles", "data", "_version"}
IMPURE = {"os", "time", "asyncio", "threading", "random", "uuid", "datetime", "socket", "secrets", "subprocess"}
SDKS = {"openai", "dashscope", "httpx", "httpx2", "requests", "aiohttp"}
# The HTTP libraries are part of the SDKs' interface: errors and responses are of their classes, and either SDK takes
# a client of the other's.
OWN_SDK = {
    "_transports.openai": {"openai", "httpx", "httpx2"},
    "_transports.dashscope": {"dashscope", "httpx", "httpx2"},
}
# What a command is made of, and who may use it: the checks behind it run without.
SCREENS = {"typer", "rich"}
ON_SCREEN = {"cli._app", "cli._screen"}
# Beside the standard library: whose packages a layer may import, and which layers.
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "_wire": ({"langchain_core"}, VALUES - {"workspace", "_keys"} | {"_wire"}),
    "_transports": ({"pydantic_core"}, VALUES - {"workspace", "_keys"} | {"_transports"}),
    **{layer: ({"langchain_core", "pydantic"}, VALUES) for layer in VALUES},
}
# Doors inside functions, each said in the docstring of its module or beside it.
LOCAL_DOORS = {
    ("_tokens", "dashscope.tokenizers"),
    ("sandbox._sandbox", f"{PACKAGE}.workspace"),
    ("workspace", f"{PACKAGE}._management"),
}


@dataclass(frozen=True)
class Import:
    """One imported name: a module, or a name in a module, which may be a module too."""

    name: str
    line: int
    local: bool
    typing: bool

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    @property
    def inside(self) -> str | None:
        """The name below the package, `None` for names of others."""
        return self.name.removeprefix(f"{PACKAGE}.") if self.name.startswith(f"{PACKAGE}.") else None

    @property
    def layer(self) -> str | None:
        return self.inside.partition(".")[0] if self.inside else None


class _Imports(ast.NodeVisitor):
    def __init__(self, module: str) -> None:
        self._module = module
        self._depth = 0
        self._typing = 0
        self.found: list[Import] = []

    def _add(self, node: ast.AST, name: str) -> None:
        line: int = getattr(node, "lineno", 0)
        self.found.append(Import(name, line, local=self._depth > 0, typing=self._typing > 0))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        above = [PACKAGE, *self._module.split(".")][: -node.level] if node.level else []
        source = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            self._add(node, f"{source}.{alias.name}")

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        argument = node.args[0] if node.args else None
        if name in {"import_module", "__import__"} and isinstance(argument, ast.Constant):
            self._add(node, str(argument.value))
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        guarded = ast.unparse(node.test).endswith("TYPE_CHECKING")
        self._typing += guarded
        self.generic_visit(node)
        self._typing -= guarded

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)


def imports_in(module: str, source: str) -> list[Import]:
    visitor = _Imports(module)
    visitor.visit(ast.parse(source))
    return visitor.found


def violations(module: str, source: str) -> list[str]:
    """Return what a module imports, reads or names against the rules."""
    found = [
        f"{module}:{item.line} imports {item.name}"
        for item in imports_in(module, source)
        if not _may_import(module, item)
    ]
    both = {item.layer for item in imports_in(module, source)} >= {"_wire", "_transports"}
    if both and module != "_protocols":
        found.append(f"{module} names wires and transports")
    return [*found, *_environment_in(module, source), *_model_names_in(module, source)]


def _may_import(module: str, item: Import) -> bool:
    layer = module.partition(".")[0]
    if item.local and any(module == door and item.name.startswith(name) for door, name in LOCAL_DOORS):
        return True
    if layer == "sandbox":
        if item.top == PACKAGE:
            return item.layer == "sandbox" or (item.typing and item.name == f"{PACKAGE}.workspace.QwenWorkspace")
        return item.top not in {*SDKS, "langchain_core"}
    if layer in LAYERS:
        others, layers = LAYERS[layer]
        return _among(item, others | OWN_SDK.get(module, set()), layers) and (
            layer != "_wire" or item.top not in IMPURE
        )
    below = item.layer == "_transports" and layer != "_protocols"
    above = (item.layer == "cli" and layer != "cli") or (item.top in SCREENS and module not in ON_SCREEN)
    return item.top not in SDKS and item.layer != "sandbox" and not below and not above


def _among(item: Import, others: set[str], layers: set[str]) -> bool:
    if item.top == PACKAGE:
        return item.layer in layers
    return item.top in others or item.top in sys.stdlib_module_names


def _environment_in(module: str, source: str) -> Iterator[str]:
    """Only the workspace reads the environment; a name for nowhere is no environment."""
    if module == "workspace":
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr != "devnull":
                yield f"{module}:{node.lineno} uses os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield f"{module}:{node.lineno} imports from os"
        elif isinstance(node, ast.Import):
            yield from (f"{module} imports {n.name} as {n.asname}" for n in node.names if n.name == "os" and n.asname)


_MODEL_NAME = re.compile(
    r"(?i)(qwen(?!_workspace)|qwq|qvq|tongyi|deepseek|glm|kimi|moonshot|minimax|llama|baichuan|wan\d|gte-|text-embedding)"
)
_TESTS_OF_TEXT = {"startswith", "endswith", "fnmatch", "fnmatchcase", "match", "fullmatch", "search", "find", "index"}


def _model_names_in(module: str, source: str) -> Iterator[str]:
    """A branch on a model's name is a row of the profiles not yet written."""
    if module.partition(".")[0] in {"profiles", "data", "sandbox"}:
        return
    for node in ast.walk(ast.parse(source)):
        tested: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            tested = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            tested = [node.value]
        elif isinstance(node, ast.Dict):
            tested = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TESTS_OF_TEXT:
            tested = node.args
        for expression in tested:
            for part in ast.walk(expression):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and _MODEL_NAME.match(part.value):
                    yield f"{module}:{part.lineno} branches on {part.value!r}"


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__").replace("__init__", "~"): path
    for path in sorted(ROOT.rglob("*.py"))
}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_keeps_to_its_layer(module: str) -> None:
    assert violations(module, MODULES[module].read_text()) == []


def test_every_layer_was_looked_at() -> None:
    layers = {module.partition(".")[0] for module in MODULES}
    assert layers >= {"_wire", "_transports", "_protocols", "sandbox", "chat_models", "embeddings", "cli", "~"}
    assert layers >= VALUES
    assert set(OWN_SDK) | ON_SCREEN <= set(MODULES)


def test_nothing_of_the_package_imports_the_sandbox() -> None:
    importers = {
        module
        for module, path in MODULES.items()
        if any(item.layer == "sandbox" for item in imports_in(module, path.read_text()))
    }
    assert {module for module in importers if not module.startswith("sandbox")} == set()


def test_only_the_registry_names_transports() -> None:
    """As text too: the module that is loaded late is named in a string."""
    naming = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and str(node.value).startswith(f"{PACKAGE}._transports")
    }
    assert naming == {"_protocols"}


# ------------------------------------------------------------------------------------------ the checker can fail


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("_wire.openai_chat", "import openai"),
        ("_wire.openai_chat", "from dashscope import Client"),
        ("_wire.openai_chat", "import httpx"),
        ("_wire.openai_chat", "import time"),
        ("_wire.openai_chat", "def encode():\n    from datetime import datetime"),
        ("_wire.openai_chat", "async def encode():\n    import os.path"),
        ("_wire.openai_chat", "import uuid as u"),
        ("_wire.openai_chat", "import numpy"),
        ("_wire.openai_chat", "import importlib\nimportlib.import_module('openai')"),
        ("_wire.openai_chat", "__import__('random')"),
        ("_wire.openai_chat", "from pydantic import BaseModel"),
        ("_wire.openai_chat", f"from {PACKAGE}._transports import openai"),
        ("_wire.openai_chat", f"from {PACKAGE} import _transports"),
        ("_wire.openai_chat", f"import {PACKAGE}._transports._http"),
        ("_wire.openai_chat", "from .._transports import _http"),
        ("_wire.openai_chat", f"from {PACKAGE}.chat_models import ChatQwenWorkspace"),
        ("_wire.openai_chat", f"from {PACKAGE}.workspace import QwenWorkspace"),
        ("_wire.openai_chat", "if TYPE_CHECKING:\n    import openai"),
        ("_transports.openai", "import dashscope"),
        ("_transports.dashscope", "import openai"),
        ("_transports.dashscope", "import requests"),
        ("_transports._http", "import httpx"),
        ("_transports._http", "from langchain_core.messages import AIMessage"),
        ("_transports.openai", f"from {PACKAGE}._wire.openai_chat import PATH"),
        ("_transports.openai", "from ..chat_models import ChatQwenWorkspace"),
        ("_transports.dashscope", "import os\nos.environ['DASHSCOPE_API_KEY']"),
        ("_transports.dashscope", "import os\nos.getenv('DASHSCOPE_API_KEY')"),
        ("_types", "import openai"),
        ("errors", "def kind():\n    import dashscope"),
        ("workspace", f"from {PACKAGE}._protocols import PROTOCOLS"),
        ("profiles", f"from {PACKAGE}._wire import openai_chat"),
        ("_endpoints", "from os import environ"),
        ("_endpoints", "import os as o"),
        ("chat_models", "import openai"),
        ("chat_models", "import os\nprint(os.environ)"),
        ("chat_models", f"from {PACKAGE}._transports.openai import OpenAITransport"),
        ("embeddings", f"from {PACKAGE}.sandbox import Sandbox"),
        ("_protocols", "import openai"),
        ("_tokens", "import dashscope.tokenizers"),
        ("_tokens", "def count():\n    import dashscope"),
        ("chat_models", f"from {PACKAGE}.cli._doctor import examine"),
        ("chat_models", "import rich"),
        ("cli._doctor", "import typer"),
        ("cli._service", "def call():\n    import openai"),
        ("cli._service", f"from {PACKAGE}._transports import openai"),
        ("cli._app", f"from {PACKAGE}.sandbox import Sandbox"),
        ("cli._network", "import os\nos.environ['HTTPS_PROXY']"),
        ("sandbox._app", f"from {PACKAGE}.workspace import QwenWorkspace"),
        ("sandbox._app", f"def late():\n    from {PACKAGE}.workspace import QwenWorkspace"),
        ("sandbox._sandbox", f"from {PACKAGE}.workspace import QwenWorkspace"),
        ("sandbox._sandbox", f"def late():\n    from {PACKAGE}.profiles import profile_of"),
        ("sandbox._app", f"from {PACKAGE} import errors"),
        ("sandbox._app", f"import {PACKAGE}"),
        ("sandbox._app", f"import {PACKAGE}.errors"),
        ("sandbox._app", "from langchain_core.messages import AIMessage"),
        ("chat_models", "if model == 'qwen-plus':\n    pass"),
        ("chat_models", "x = 1 if 'qwen3' in model else 2"),
        ("chat_models", "while model.startswith('Qwen3'):\n    pass"),
        ("chat_models", "match model:\n    case 'deepseek-v3':\n        pass"),
        ("_tools", "limit = {'glm-5': 3}.get(model)"),
        ("embeddings", "[m for m in models if m in ('text-embedding-v3', 'x')]"),
        ("_wire.embeddings", "re.match('qwq', call.model)"),
    ],
)
def test_a_planted_offence_is_found(module: str, source: str) -> None:
    assert violations(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("_wire.openai_chat", f"import json\nfrom {PACKAGE}.errors import ServerError\nimport langchain_core.messages"),
        ("_transports.openai", "import time, asyncio, threading\nimport openai, httpx2"),
        ("_transports.dashscope", "import os\nprint(os.devnull)\nfrom dashscope.v2 import errors"),
        ("workspace", "import os\nos.environ['X']\nfrom pydantic import BaseModel"),
        ("_tokens", "def late():\n    from dashscope.tokenizers import get_tokenizer"),
        ("sandbox._sandbox", f"def late():\n    from {PACKAGE}.workspace import QwenWorkspace"),
        ("sandbox._sandbox", f"if TYPE_CHECKING:\n    from {PACKAGE}.workspace import QwenWorkspace"),
        ("profiles", "if name == 'qwen-plus':\n    pass"),
        ("chat_models", "name = 'qwen-plus'\nif provider == 'qwen_workspace':\n    pass"),
        ("_protocols", f"from {PACKAGE}._wire import x\nfrom {PACKAGE}._transports._connection import y"),
        ("cli._app", f"import typer\nfrom {PACKAGE} import _management\nfrom {PACKAGE}.cli._doctor import examine"),
    ],
)
def test_what_is_allowed_is_let_through(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_a_module_that_names_both_sides_is_found() -> None:
    source = f"from {PACKAGE}._wire import x\nfrom {PACKAGE}._transports import y"
    assert "chat_models names wires and transports" in violations("chat_models", source)
