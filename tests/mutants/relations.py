"""Which functions use a definition, and which test files are near a module, from the code alone."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PRODUCTION = ("shared", "services")


@dataclass(frozen=True)
class _Definition:
    path: str
    name: str  # as Mutant.definition has it
    is_function: bool
    mentions: frozenset[str]


class Relations:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._definitions: list[_Definition] = []
        self._imports: dict[str, frozenset[str]] = {}
        for top in PRODUCTION:
            for file in sorted((root / top).rglob("*.py")):
                path = file.relative_to(root).as_posix()
                tree = ast.parse(file.read_text())
                self._imports[path] = _imported(tree)
                self._definitions += _definitions(path, tree.body)

    def functions_using(self, path: str, name: str) -> set[str]:
        """As `path::function`: the function itself, or all that use the constant or the class.

        A constant that mentions it passes it on.
        """
        found: set[tuple[str, str]] = set()
        functions: set[str] = set()
        left = [(path, name)]
        while left:
            place = left.pop()
            if place in found:
                continue
            found.add(place)
            here, what = place
            for one in self._definitions:
                is_itself = (one.path, one.name) == place
                if is_itself and one.is_function:
                    functions.add(f"{one.path}::{one.name}")
            if any(one.is_function and (one.path, one.name) == place for one in self._definitions):
                continue
            short = what.split(".")[0]
            functions |= {
                f"{one.path}::{one.name}"
                for one in self._definitions
                if one.is_function and one.path == here and one.name.startswith(f"{short}.")
            }
            for one in self._mentioning(here, short):
                if one.is_function:
                    functions.add(f"{one.path}::{one.name}")
                else:
                    left.append((one.path, one.name))
        return functions

    def _mentioning(self, path: str, name: str) -> Iterator[_Definition]:
        module = Path(path).stem
        for one in self._definitions:
            is_near = one.path == path or module in self._imports[one.path]
            if name and is_near and name in one.mentions and (one.path, one.name) != (path, name):
                yield one

    @functools.cached_property
    def _tests(self) -> dict[str, tuple[frozenset[str], str]]:
        found = {}
        for file in sorted((self._root / "tests").rglob("test_*.py")):
            text = file.read_text()
            path = file.relative_to(self._root).as_posix()
            found[path] = (_imported(ast.parse(text)), text)
        return found

    def tests_near(self, path: str, name: str) -> list[str]:
        """Test files by nearness: named as the module, importing it, mentioning the definition."""
        module = Path(path).stem
        package = Path(path).parent.name
        service = path.split("/")[1]
        scores: dict[str, int] = {}
        for test, (imports, text) in self._tests.items():
            score = 8 * (Path(test).stem in (f"test_{module}", f"test_{package}_{module}"))
            score += 4 * (module in imports)
            score += 4 * bool(name and name.split(".")[-1].lstrip("_") in text)
            score += 1 * (
                service in test.split("/") or (service == "crawljobs" and "shared" in test)
            )
            if score >= 4 or (score and module.rstrip("s") in text):
                scores[test] = score
        return sorted(scores, key=lambda test: (-scores[test], test))


def _definitions(path: str, body: list[ast.stmt], within: str = "") -> Iterator[_Definition]:
    for statement in body:
        match statement:
            case ast.ClassDef(name=name):
                yield _Definition(path, within + name, False, _mentions(statement))
                yield from _definitions(path, statement.body, f"{within}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield _Definition(path, within + name, True, _mentions(statement))
            case (
                ast.Assign(targets=[ast.Name(id=name), *_])
                | ast.AnnAssign(target=ast.Name(id=name))
            ):
                yield _Definition(path, within + name, False, _mentions(statement))


def _mentions(tree: ast.AST) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
    return frozenset(names)


def _imported(tree: ast.Module) -> frozenset[str]:
    """Last names of the modules that it imports, and of what it imports from them."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.rpartition(".")[2] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
            names.add((node.module or "").rpartition(".")[2])
    return frozenset(names)
