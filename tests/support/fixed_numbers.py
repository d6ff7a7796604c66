"""The numbers that are written into the code: limits, deadlines, paces, defaults of values."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

_NUMBERS = (int, float, timedelta)


def of_package(package: ModuleType, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """By `module.NAME`, `module.Class.field` of a dataclass with a default, or
    `module.function(parameter)` with one.

    Modules are named below the package. Those that begin with a name of `without` are left out.
    """
    found: dict[str, Any] = {}
    prefix = f"{package.__name__}."
    for info in sorted(pkgutil.walk_packages(package.__path__, prefix), key=lambda one: one.name):
        name = info.name.removeprefix(prefix)
        if not info.ispkg and not name.startswith(without):
            module = importlib.import_module(info.name)
            found |= {f"{name}.{key}": value for key, value in _of_module(module)}
    return found


def difference(found: dict[str, Any], listed: dict[str, Any]) -> str:
    """The lines of the list that are to be changed; empty when it is right."""
    gone = [f'remove "{key}": {listed[key]!r},' for key in listed.keys() - found.keys()]
    new = [
        f'write  "{key}": {value!r},'
        for key, value in found.items()
        if key not in listed or listed[key] != value
    ]
    return "\n".join(sorted(gone) + new)


def of_file(file: Path) -> dict[str, Any]:
    """Numbers of a module that must not be imported here, by name."""
    return {
        statement.targets[0].id: statement.value.value
        for statement in ast.parse(file.read_text()).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, _NUMBERS)
    }


def _of_module(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Of what is assigned in its own text; what it imports belongs to another module."""
    for statement in ast.parse(inspect.getsource(module)).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if name.isupper() and _is_number(value := getattr(module, name, None)):
                    yield name, value
            case ast.ClassDef(name=name) if dataclasses.is_dataclass(getattr(module, name)):
                yield from _defaults(name, getattr(module, name), statement)
        yield from _of_parameters(statement)


def _of_parameters(statement: ast.stmt, within: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(statement, ast.ClassDef):
        for one in statement.body:
            yield from _of_parameters(one, f"{within}{statement.name}.")
    elif isinstance(statement, ast.FunctionDef):
        given = statement.args
        positional = [*given.posonlyargs, *given.args][-len(given.defaults) or 10_000 :]
        pairs = [
            *zip(positional, given.defaults, strict=True),
            *zip(given.kwonlyargs, given.kw_defaults, strict=True),
        ]
        for parameter, default in pairs:
            if isinstance(default, ast.Constant) and isinstance(default.value, (int, float)):
                yield f"{within}{statement.name}({parameter.arg})", default.value


def _defaults(name: str, kind: Any, statement: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    own = {
        one.target.id
        for one in statement.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    for field in dataclasses.fields(kind):
        is_plain = isinstance(field.default, _NUMBERS) and type(field.default).__module__ in (
            "builtins",
            "datetime",
        )
        if field.name in own and is_plain:
            yield f"{name}.{field.name}", field.default


def _is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(type(one) in (int, float) for one in value)
    return type(value) in (*_NUMBERS, bool)
