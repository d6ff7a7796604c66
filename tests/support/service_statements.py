"""Find the SQL statements that each service may run, by following the names in its code."""

import ast
import functools
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ClauseElement, CompoundSelect, Select, TextClause, UpdateBase

from crawljobs.db.driver_statement import DriverStatement
from crawljobs.repository.queue import job_completion_sql
from crawljobs.repository.queue.job_completion_sql import CompletionStatement

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "shared", ROOT / "services")
Name = tuple[str, str]  # (module, name of a definition at the module's top level)


@dataclass(frozen=True)
class Module:
    definitions: dict[str, ast.AST]
    imported: dict[str, str]  # alias -> dotted path of a module or of a definition in a module
    rest: list[ast.AST]  # other code, which runs when the module is imported


@functools.cache
def modules() -> dict[str, Module]:
    found = {}
    for source in SOURCES:
        for path in source.rglob("*.py"):
            parts = path.relative_to(source).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = _read(ast.parse(path.read_text()))
    return found


def _read(tree: ast.Module) -> Module:
    module = Module({}, {}, [])
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            module.definitions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (n for target in targets for n in ast.walk(target)):
                if isinstance(name, ast.Name):
                    module.definitions[name.id] = node
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                module.imported[one.asname or one.name] = f"{node.module}.{one.name}"
        else:
            module.rest.append(node)
    return module


def statements(service: str) -> Iterator[tuple[str, ClauseElement]]:
    """Yield the name of each statement, and the statement. Composed statements are left out."""
    for module, name in sorted(_reached(service)):
        if module.startswith("crawljobs.repository."):
            value = getattr(importlib.import_module(module), name, None)
            for key, one in _several(value):
                if isinstance(one, DriverStatement):
                    one = one.clause
                if isinstance(one, TextClause | Select | CompoundSelect | UpdateBase):
                    yield f"{module}.{name} {key}".strip(), one


def forms_of(ending: CompletionStatement) -> Iterator[tuple[str, DriverStatement]]:
    """Yield the name and the statement of each form that ends claims with this verb."""
    yield str(ending.verb), ending.statement
    if ending.with_events is not None:
        yield f"{ending.verb} with events", ending.with_events


def _several(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, dict):
        yield from value.items()
    elif value is job_completion_sql.COMPLETION_STATEMENTS:
        for ending in job_completion_sql.COMPLETION_STATEMENTS:
            yield from forms_of(ending)
    else:
        yield "", value


def _reached(service: str) -> set[Name]:
    own = [name for name in modules() if name.split(".")[0] == service]
    todo: list[Name] = [(module, name) for module in own for name in modules()[module].definitions]
    todo += [
        name for module in own for node in modules()[module].rest for name in _named(module, node)
    ]
    seen: set[Name] = set()
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo += _named(at[0], modules()[at[0]].definitions[at[1]])
    return seen


def _named(module: str, node: ast.AST) -> Iterator[Name]:
    """Yield the project's definitions that the code names as `name` or `module.name`."""
    here = modules()[module]
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            if one.id in here.definitions:
                yield module, one.id
            elif one.id in here.imported:
                yield from _defined(here.imported[one.id])
        elif (
            isinstance(one, ast.Attribute)
            and isinstance(one.value, ast.Name)
            and one.value.id in here.imported
        ):
            yield from _defined(f"{here.imported[one.value.id]}.{one.attr}")


def _defined(path: str) -> Iterator[Name]:
    module, _, name = path.rpartition(".")
    if module in modules():
        if name in modules()[module].definitions:
            yield module, name
        elif name in modules()[module].imported:
            yield from _defined(modules()[module].imported[name])
