"""Which module may import what, read from the source: an order of layers, pure wires, SDKs below the seam."""

import ast
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import langchain_core.messages
import pytest
from langchain_core.language_models import model_profile

import langchain_qwen_workspace
from langchain_qwen_workspace import _protocol_names, admin, workspace
from langchain_qwen_workspace.data import _row
from tests.support.source import PACKAGE, Import, Module, circles, compared_texts, parse

ROOT = Path(langchain_qwen_workspace.__file__).parent

# From the lowest layer to the highest: a module imports its own layer and lower ones.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "_json_text",
            "_lending",
            "_network_errors",
            "_plain_text",
            "_process",
            "_protocol_names",
            "_redaction",
            "_retry_after",
            "_slots",
            "_suggestions",
            "_user_warnings",
            "_version",
            "errors",
        }
    ),
    frozenset({"_refusals", "data", "guard", "profiles"}),
    frozenset({"_seam", "_error_table", "_tokenizer", "_workspace"}),
    frozenset({"_transports", "_wire"}),
    frozenset({"_protocols"}),
    frozenset({"routing", "workspace"}),
    frozenset({"_chat", "_fields", "_progress", "_retrieval", "_usage"}),
    frozenset({"_register", "chat_models", "embeddings", "rerank", "usage"}),
    frozenset({"_batch_api", "batch_jobs", "_admin"}),
    frozenset({"admin"}),
    frozenset({"_verify"}),
    frozenset({"__main__", "cli", "~"}),
)
RANKS = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

IMPURE = {"os", "time", "asyncio", "threading", "random", "uuid", "datetime", "socket", "secrets", "subprocess"}
ADMIN_SDK = {
    "alibabacloud_modelstudio20260210",
    "alibabacloud_tea_openapi",
    "alibabacloud_credentials",
    "darabonba",
    "Tea",
}
SDKS = {"openai", "dashscope", "httpx", "httpx2", "requests", "aiohttp", *ADMIN_SDK}
# The HTTP libraries are part of the SDKs' interface: errors and responses are of their classes, and either SDK takes
# a client of the other's.
OWN_SDK = {
    "_transports.openai": {"openai", "httpx", "httpx2"},
    "_transports.dashscope": {"dashscope", "httpx", "httpx2"},
    # The types of the clients that a user may pass; the module is never imported at run time.
    "_fields.init_types": {"httpx", "httpx2"},
    "_admin.control_plane": ADMIN_SDK,
    # Clients that both SDKs take, by which a verification records what they send.
    "_verify.recorder": {"httpx"},
}
# Beside the standard library: whose packages a part may import.
LIBRARIES = {
    "_wire": {"langchain_core", "pydantic_core"},
    "_transports": {"pydantic", "pydantic_core"},
    **{part: {"langchain_core", "pydantic"} for part in (*LAYERS[0], *LAYERS[1], *LAYERS[2])},
}
# Libraries that one module alone uses.
OWN_LIBRARIES = {"yaml": {"_admin.spec_file"}}
TERMINAL_LIBRARIES = {"typer", "rich"}
TERMINAL_MODULES = {"cli._app", "cli._console", "cli._errors", "cli._options"}
# The modules that may compose transports, and the only one that may know wires as well.
# Administration has a transport of its own, with their retry policy.
KNOWS_TRANSPORTS = {"_protocols", "_fields", "workspace", "_admin"}
# Imports inside functions, each explained where it stands.
LOCAL_IMPORTS = {
    ("_tokenizer", "dashscope.tokenizers"),
    ("sandbox._sandbox", f"{PACKAGE}.admin"),
    ("sandbox._sandbox", f"{PACKAGE}.workspace"),
    ("_verify.against_sandbox", f"{PACKAGE}.sandbox"),
    ("cli._commands.sandbox", f"{PACKAGE}.sandbox.__main__"),
}


@lru_cache(maxsize=1)
def modules() -> dict[str, Module]:
    """Return every module of the package by its name below it; the package itself is `~`."""
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__").replace("__init__", "~"): path
        for path in sorted(ROOT.rglob("*.py"))
    }
    return {name: parse(name, path.read_text()) for name, path in names.items()}


def violations(module: Module) -> list[str]:
    """Return what a module imports, reads or names against the rules."""
    found = [
        f"{module.name}:{item.line} imports {item.name}"
        for item in module.imports
        if not _may_import(module.name, item)
    ]
    parts = {item.part for item in module.imports}
    if parts >= {"_wire", "_transports"} and module.name != "_protocols":
        found.append(f"{module.name} knows wires and transports")
    return [*found, *_environment_in(module), *_protocol_branches_in(module), *_model_names_in(module)]


def _may_import(module: str, item: Import) -> bool:
    part = module.partition(".")[0]
    if item.local and any(module == importer and item.name.startswith(name) for importer, name in LOCAL_IMPORTS):
        return True
    if part == "sandbox":
        return _may_import_in_sandbox(item)
    if item.top == PACKAGE:
        return item.part is None or _may_import_inside(part, item.part)
    return _may_import_library(module, part, item.top)


_TYPES_IN_SANDBOX = {f"{PACKAGE}.admin.WorkspaceAdmin", f"{PACKAGE}.workspace.QwenWorkspace"}


def _may_import_in_sandbox(item: Import) -> bool:
    if item.top == PACKAGE:
        return item.part == "sandbox" or (item.typing and item.name in _TYPES_IN_SANDBOX)
    return item.top not in {*SDKS, "langchain_core"}


def _may_import_library(module: str, part: str, library: str) -> bool:
    if part == "_wire" and library in IMPURE:
        return False
    own_sdk = OWN_SDK.get(module, set())
    if part in LIBRARIES:
        return library in LIBRARIES[part] | own_sdk or library in sys.stdlib_module_names
    if library in OWN_LIBRARIES and module not in OWN_LIBRARIES[library]:
        return False
    return library not in SDKS - own_sdk and (library not in TERMINAL_LIBRARIES or _is_of_terminal(module))


def _is_of_terminal(module: str) -> bool:
    return module in TERMINAL_MODULES or module.startswith("cli._commands.")


def _may_import_inside(part: str, imported: str) -> bool:
    if imported == "sandbox":
        return False
    if imported == "_transports" and part not in {*KNOWS_TRANSPORTS, "_transports"}:
        return False
    if {part, imported} == {"_wire", "_transports"}:
        return False
    # A name of the package itself (`from langchain_qwen_workspace import x`) is a public one, or a part.
    return part == "~" or RANKS.get(imported, RANKS["~"]) <= RANKS[part]


_PROCESS_CALLS = {"getpid", "register_at_fork"}


def _environment_in(module: Module) -> Iterator[str]:
    """Workspace, AccessKey, profiles, pools and log read the environment; other modules do not use `os`."""
    if module.name in {"workspace", "profiles", "_transports.pools", "_transports._attempt_log", "_admin.credentials"}:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr not in {"devnull", *(_PROCESS_CALLS if module.name == "_process" else ())}:
                yield f"{module.name}:{node.lineno} uses os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield f"{module.name}:{node.lineno} imports from os"
        elif isinstance(node, ast.Import):
            yield from (
                f"{module.name} imports {n.name} as {n.asname}" for n in node.names if n.name == "os" and n.asname
            )


_MODEL_NAME = re.compile(
    r"(?i)(qwen(?!_workspace)|qwq|qvq|tongyi|deepseek|glm|kimi|moonshot|minimax|llama|baichuan|wan\d|gte-|text-embedding)"
)
_PROTOCOL_NAME = re.compile(r"openai|dashscope|native|responses")


def _model_names_in(module: Module) -> Iterator[str]:
    """A branch on a model's name is a row of the profiles that is not written yet."""
    if module.part not in {"profiles", "data", "sandbox"}:
        for line, text in compared_texts(module.tree):
            if _MODEL_NAME.match(text):
                yield f"{module.name}:{line} branches on the model {text!r}"


def _protocol_branches_in(module: Module) -> Iterator[str]:
    """Nothing outside the registry decides by a protocol's name."""
    if module.part not in {"_protocols", "data", "sandbox"}:
        for line, text in compared_texts(module.tree):
            if _PROTOCOL_NAME.fullmatch(text):
                yield f"{module.name}:{line} branches on the protocol {text!r}"


@pytest.mark.parametrize("name", modules())
def test_a_module_keeps_to_its_layer(name: str) -> None:
    assert violations(modules()[name]) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(modules()) == []


def test_every_part_of_the_package_has_a_layer() -> None:
    assert {module.part for module in modules().values()} - {"sandbox"} == set(RANKS)


def test_only_the_registry_names_transport_classes() -> None:
    """As text too: the module that is loaded late is named in a string."""
    naming = {
        name
        for name, module in modules().items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and str(node.value).startswith(f"{PACKAGE}._transports")
    }
    assert naming == {"_protocols"}


# ------------------------------------------------------------------------------------------- types of public methods


def _is_private(module: str) -> bool:
    return any(part.startswith("_") for part in module.split(".")[1:])


def _public_objects() -> Iterator[tuple[str, Any]]:
    for name in modules():
        if _is_private(f"{PACKAGE}.{name}"):
            continue
        module = importlib.import_module(PACKAGE if name == "~" else f"{PACKAGE}.{name}")
        own = [attribute for attribute, value in vars(module).items() if _is_defined_in(module, value)]
        for attribute in {*own, *getattr(module, "__all__", ())}:
            value = getattr(module, attribute)
            if not attribute.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value)):
                yield f"{name}.{attribute}", value


def _is_defined_in(module: types.ModuleType, value: object) -> bool:
    return getattr(value, "__module__", None) == module.__name__


def _functions_of(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if inspect.isfunction(value):
        yield name, value
        return
    for attribute, member in vars(value).items():
        if attribute.startswith("_") and attribute != "__init__":
            continue
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if inspect.isfunction(function) and function.__module__.startswith(PACKAGE):
            yield f"{name}.{attribute}", function


def _classes_in(annotation: Any) -> Iterator[type]:
    if inspect.isclass(annotation) and not isinstance(annotation, types.GenericAlias):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _classes_in(argument)


def _type_hints(function: Any) -> dict[str, Any]:
    # Modules of values import what only type checkers need under `TYPE_CHECKING`.
    known: dict[str, Any] = {"date": date, "Path": Path, "TracerProvider": object, "MeterProvider": object}
    for module in (langchain_core.messages, model_profile, _row, _protocol_names, admin, workspace):
        known |= vars(module)
    return typing.get_type_hints(function, localns=known)


def private_types() -> set[str]:
    """Return the public functions and methods that take or return a class that users cannot import publicly."""
    public = {id(value) for _, value in _public_objects()}
    found = set()
    for name, value in _public_objects():
        for function_name, function in _functions_of(name, value):
            for annotation in _type_hints(function).values():
                for kind in _classes_in(annotation):
                    if kind.__module__.startswith(PACKAGE) and _is_private(kind.__module__) and id(kind) not in public:
                        found.add(f"{function_name}: {kind.__module__}.{kind.__qualname__}")
    return found


def test_no_public_method_takes_or_returns_a_private_type() -> None:
    assert private_types() == set()


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
        ("_seam", "import openai"),
        ("errors", "def kind():\n    import dashscope"),
        ("_protocols", f"from {PACKAGE}.workspace import QwenWorkspace"),
        ("profiles", f"from {PACKAGE}._wire import openai_chat"),
        ("_workspace.endpoints", "from os import environ"),
        ("_workspace.endpoints", "import os as o"),
        ("chat_models", "import openai"),
        ("chat_models", "import os\nprint(os.environ)"),
        ("chat_models", f"from {PACKAGE}._transports.openai import OpenAITransport"),
        ("embeddings", f"from {PACKAGE}.sandbox import Sandbox"),
        ("_protocols", "import openai"),
        ("admin", "from alibabacloud_modelstudio20260210 import models"),
        ("_admin.operations", "def late():\n    import darabonba.core"),
        ("_admin.plan", "import yaml"),
        ("_admin.control_plane", "import openai"),
        ("_admin.operations", "import os\nos.environ['ALIBABA_CLOUD_ACCESS_KEY_ID']"),
        ("_tokenizer", "import dashscope.tokenizers"),
        ("_tokenizer", "def count():\n    import dashscope"),
        ("chat_models", f"from {PACKAGE}.cli._doctor import examine"),
        ("chat_models", "import rich"),
        ("cli._doctor", "import typer"),
        ("cli._service", "def call():\n    import openai"),
        ("cli._service", f"from {PACKAGE}._transports import openai"),
        ("cli._app", f"from {PACKAGE}.sandbox import Sandbox"),
        ("cli._network", "import os\nos.environ['HTTPS_PROXY']"),
        ("sandbox._http.app", f"from {PACKAGE}.workspace import QwenWorkspace"),
        ("sandbox._http.app", f"def late():\n    from {PACKAGE}.workspace import QwenWorkspace"),
        ("sandbox._sandbox", f"from {PACKAGE}.workspace import QwenWorkspace"),
        ("sandbox._sandbox", f"def late():\n    from {PACKAGE}.profiles import profile_of"),
        ("sandbox._http.app", f"from {PACKAGE} import errors"),
        ("sandbox._http.app", f"import {PACKAGE}"),
        ("sandbox._http.app", f"import {PACKAGE}.errors"),
        ("sandbox._http.app", "from langchain_core.messages import AIMessage"),
        ("chat_models", "if model == 'qwen-plus':\n    pass"),
        ("chat_models", "x = 1 if 'qwen3' in model else 2"),
        ("chat_models", "while model.startswith('Qwen3'):\n    pass"),
        ("chat_models", "match model:\n    case 'deepseek-v3':\n        pass"),
        ("_chat.tools", "limit = {'glm-5': 3}.get(model)"),
        ("embeddings", "[m for m in models if m in ('text-embedding-v3', 'x')]"),
        ("_wire.embeddings", "re.match('qwq', call.model)"),
        ("chat_models", "if self.protocol == 'openai':\n    pass"),
        ("_wire.parameters", "{'dashscope': 1}.get(call.destination.protocol)"),
        ("_workspace.keys", f"from {PACKAGE}.workspace import QwenWorkspace"),
        ("_retrieval.inputs", f"from {PACKAGE}.embeddings import QwenWorkspaceEmbeddings"),
    ],
)
def test_a_planted_offence_is_found(module: str, source: str) -> None:
    assert violations(parse(module, source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("_wire.openai_chat", f"import json\nfrom {PACKAGE}.errors import ServerError\nimport langchain_core.messages"),
        ("_transports.openai", "import time, asyncio, threading\nimport openai, httpx2"),
        ("_transports.dashscope", "import os\nprint(os.devnull)\nfrom dashscope.v2 import errors"),
        ("workspace", "import os\nos.environ['X']\nfrom pydantic import BaseModel"),
        ("_tokenizer", "def late():\n    from dashscope.tokenizers import get_tokenizer"),
        ("sandbox._sandbox", f"def late():\n    from {PACKAGE}.workspace import QwenWorkspace"),
        ("sandbox._sandbox", f"if TYPE_CHECKING:\n    from {PACKAGE}.workspace import QwenWorkspace"),
        ("profiles", "if name == 'qwen-plus':\n    pass"),
        ("chat_models", "name = 'qwen-plus'\nif provider == 'qwen_workspace':\n    pass"),
        ("_protocols", f"from {PACKAGE}._wire import x\nfrom {PACKAGE}._transports.connection import y"),
        (
            "cli._app",
            f"import typer\nfrom {PACKAGE}._workspace import permissions\nfrom {PACKAGE}.cli._doctor import examine",
        ),
    ],
)
def test_what_is_allowed_is_let_through(module: str, source: str) -> None:
    assert violations(parse(module, source)) == []


def test_a_module_that_names_both_sides_is_found() -> None:
    source = f"from {PACKAGE}._wire import x\nfrom {PACKAGE}._transports import y"
    assert "chat_models knows wires and transports" in violations(parse("chat_models", source))


def test_a_circle_is_found() -> None:
    one = parse("one", f"from {PACKAGE}.two import x")
    two = parse("two", f"def late():\n    from {PACKAGE} import one")
    assert circles({"one": one, "two": two, "three": parse("three", "import json")}) == [["one", "two"]]
