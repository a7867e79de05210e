"""Reads Python source: what a module imports, which texts it compares, and circles of imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

PACKAGE = "langchain_qwen_workspace"


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
    def part(self) -> str | None:
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


@dataclass(frozen=True)
class Module:
    """A module's source, read and parsed once."""

    name: str
    tree: ast.Module
    imports: list[Import] = field(default_factory=list)

    @property
    def part(self) -> str:
        return self.name.partition(".")[0]


def parse(name: str, source: str) -> Module:
    tree = ast.parse(source)
    visitor = _Imports(name)
    visitor.visit(tree)
    return Module(name, tree, visitor.found)


_TESTS_OF_TEXT = {"startswith", "endswith", "fnmatch", "fnmatchcase", "match", "fullmatch", "search", "find", "index"}


def compared_texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the texts that a module compares something with, with their lines."""
    for node in ast.walk(tree):
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
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


def _known_module(name: str, known: dict[str, Module]) -> str:
    """Return the module that an imported name is in, or is."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def circles(known: dict[str, Module]) -> list[list[str]]:
    """Return the groups of modules that import each other, by Tarjan's algorithm."""
    edges = {
        name: {
            target
            for item in module.imports
            if item.inside and (target := _known_module(item.inside, known)) and target != name
        }
        for name, module in known.items()
    }
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in edges[name]:
            if target not in order:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], order[target])
        if lowest[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in edges:
        if name not in order:
            visit(name)
    return found
