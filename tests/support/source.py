"""The console's source as tests read it: who calls what, who imports what."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "openova_console"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Place:
    """A function in a module; "" is the module's own level."""

    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.module.removeprefix(PACKAGE + '.')}:{self.function}"


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the console but the lab, which stands apart and is reached over sockets only."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith(f"{PACKAGE}.lab"):
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def nodes(under: str = PACKAGE) -> Iterator[tuple[Place, ast.AST]]:
    """Every node with the function around it; under a class "Class.method"."""
    for name in modules():
        if name == under or name.startswith(under + "."):
            yield from _nodes(name)


@cache
def _nodes(module: str) -> tuple[tuple[Place, ast.AST], ...]:
    found: list[tuple[Place, ast.AST]] = []
    todo: list[tuple[str, ast.AST]] = [("", modules()[module])]
    while todo:
        around, node = todo.pop()
        place = Place(module, around)
        for child in ast.iter_child_nodes(node):
            found.append((place, child))
            named = isinstance(child, Function | ast.ClassDef)
            todo.append((f"{around}.{child.name}".lstrip(".") if named else around, child))  # type: ignore[attr-defined]
    return tuple(found)


def called(name: str) -> set[str]:
    """Where a function or a method of this name is called."""
    return _calls().get(name, set())


@cache
def _calls() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for place, node in nodes():
        if isinstance(node, ast.Call):
            found.setdefault(name_of(node.func), set()).add(str(place))
    return found


def name_of(node: ast.AST) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@cache
def imports(module: str) -> frozenset[str]:
    """The modules that this one imports, wherever in it; of the console's own every package on the way too."""
    found: set[str] = set()
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if f"{node.module}.{alias.name}" in modules()}
    return frozenset(found)


def reached(module: str, *, but: str) -> set[str]:
    """The console's modules that one reaches by imports, without going on from those under `but`."""
    seen, todo = {module}, [module]
    while todo:
        one = todo.pop()
        if one == but or one.startswith(but + "."):
            continue
        for found in imports(one):
            if found in modules() and found not in seen:
                seen.add(found)
                todo.append(found)
    return seen


def around_the_operations(entrances: Mapping[str, str]) -> list[str]:
    """Entrances (by name, with their module) that reach what makes a permit by another way than through the operations."""
    operations = f"{PACKAGE}.operations"
    makers = {f"{PACKAGE}.{place.partition(':')[0]}" for place in called("Permit")}
    own = {name: module for name, module in entrances.items() if module in modules()}
    return [n for n, module in own.items() if module.startswith(operations) or reached(module, but=operations) & makers]
