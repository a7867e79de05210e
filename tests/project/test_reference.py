"""The reference shows every public name, and the text of a field says what the code does."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel

import langchain_qwen_workspace as package
from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceEmbeddings, QwenWorkspaceRerank
from langchain_qwen_workspace._chat.parameters import ChatParameters
from langchain_qwen_workspace._wire.parameters import PARAMETERS

ROOT = Path(__file__).parent.parent.parent
PAGES = {page.name: page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md")}
MODULES = [
    *("admin", "batch_jobs", "chat_models", "embeddings", "errors", "guard", "profiles", "rerank", "routing"),
    *("sandbox", "usage", "workspace"),
]
COMPONENTS: list[type[BaseModel]] = [ChatQwenWorkspace, QwenWorkspaceEmbeddings, QwenWorkspaceRerank]


def public_names(module: Any) -> list[str]:
    """Return a module's `__all__`, or else the public classes and functions that it defines."""
    if listed := getattr(module, "__all__", None):
        return list(listed)
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    names = [value.__name__ for value in own if inspect.isclass(value) or inspect.isfunction(value)]
    return [name for name in names if not name.startswith("_")]


def resolve(path: str) -> Any:
    """Return what a page names by its path: a module, or what a module has."""
    parent, _, name = path.rpartition(".")
    return getattr(importlib.import_module(parent), name, None) or importlib.import_module(path)


def names_on_the_pages() -> Iterator[str]:
    """Yield the last part of each name that a page shows, for a module those of what it shows of the module."""
    for text in PAGES.values():
        for shown, options in re.findall(r"^::: (\S+)\n((?:    .*\n)*)", text + "\n", flags=re.MULTILINE):
            value = resolve(shown)
            members = re.search(r"^ *members: \[(.*)\]", options, flags=re.MULTILINE)
            if not inspect.ismodule(value):
                yield shown.rpartition(".")[2]
            elif members:
                yield from members[1].split(", ")
            else:
                yield from public_names(value)


def field_texts() -> dict[str, str]:
    """Return the text of each field of the components, by its name, on one line."""
    texts: dict[str, str] = {}
    for parent in {parent for component in COMPONENTS for parent in component.__mro__}:
        if not parent.__module__.startswith(f"{package.__name__}."):
            continue
        [definition] = ast.parse(inspect.getsource(parent)).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in zip(definition.body, definition.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                found = ast.literal_eval(text.value) if isinstance(text, ast.Expr) else ""
                texts[f"{parent.__name__}.{field.target.id}"] = " ".join(str(found).split())
    return texts


TEXTS = field_texts()


def text_of(component: type[BaseModel], name: str) -> str:
    """Return the text of a component's field, which the first of its classes with such a field has."""
    owners = (parent.__name__ for parent in component.__mro__)
    return next((TEXTS[f"{owner}.{name}"] for owner in owners if f"{owner}.{name}" in TEXTS), "")


FIELDS = [
    pytest.param(component, name, id=f"{component.__name__}-{name}")
    for component in COMPONENTS
    for name in component.model_fields
    if name not in BaseChatModel.model_fields or text_of(component, name)
]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    names = public_names(importlib.import_module(f"{package.__name__}.{module}"))
    assert set(names) - set(names_on_the_pages()) == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_hides_no_field(page: str) -> None:
    hidden = [pattern.removeprefix("!") for pattern in re.findall(r'"(!\S+?)"', PAGES[page])]
    names = {name for component in COMPONENTS for name in component.model_fields}
    assert {name for name in names if any(re.search(pattern, name) for pattern in hidden)} == set()


def said_default(value: Any) -> str:
    """Return how a text says a default, empty if there is no single way."""
    if isinstance(value, bool):
        return "Default: yes" if value else "Default: no"
    if isinstance(value, int) and value >= 1 << 20:
        return f"Default: {value >> 20} MiB"
    if isinstance(value, int | float):
        return f"Default: {value:g}"
    return f'Default: `"{value}"`' if isinstance(value, str) else "Default: "


@pytest.mark.parametrize(("component", "name"), FIELDS)
def test_the_text_of_a_field_says_its_default(component: type[BaseModel], name: str) -> None:
    field = component.model_fields[name]
    text = text_of(component, name)
    assert text
    assert field.is_required() or said_default(field.default) in text


LIMITED = {name: PARAMETERS[name] for name in ChatParameters.model_fields if name in PARAMETERS}


@pytest.mark.parametrize("name", [name for name, parameter in LIMITED.items() if parameter.protocols is not None])
def test_the_text_of_a_parameter_names_the_protocol_that_lacks_it(name: str) -> None:
    parameter = LIMITED[name]
    said = 'The protocol `"responses"` ' + ("ignores it" if parameter.may_be_ignored else "does not have it")
    expected = 'Only the protocol `"responses"` has it' if "responses" in (parameter.protocols or ()) else said
    assert expected in text_of(ChatQwenWorkspace, name)
