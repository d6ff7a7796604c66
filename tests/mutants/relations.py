"""Find the functions that use a definition, and the test files near a module, from the code."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PRODUCTION = ("shared", "services")
NOT_TRIED = ("benchmarks", "peers", "mutants")  # folders of tests
# These test files start a service as a process, so they run code that no test calls directly.
FALLBACK = {
    "admin_api": (
        "tests/services/admin_api/server/test_worker.py",
        "tests/services/admin_api/server/test_slow_clients.py",
        "tests/services/admin_api/server/test_worker_lifecycle.py",
    ),
    "crawler_worker": (
        "tests/services/crawler_worker/claims/test_worker_stopping.py",
        "tests/faults/test_sigterm.py",
    ),
    "scheduler": ("tests/services/scheduler/test_process.py",),
    "crawljobs": (),
}


@dataclass(frozen=True)
class _Definition:
    path: str
    name: str  # in the form of Mutant.definition
    is_function: bool
    mentions: frozenset[str]  # names in its code; empty for a class, whose parts have them
    is_hidden: bool = False  # the record lacks tests: an earlier test or import called it


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
        """Return functions, as `path::function`, whose tests run the code of this definition.

        They are the function itself, or all functions that use the constant or class. Uses through
        another constant count too: an import may compute the constant, and then the record has no
        test that calls the code. The same is true for functions that an import runs, for cached
        functions and for `__init__`.
        """
        functions: set[str] = set()
        done: set[tuple[str, str]] = set()
        left = [(path, name)]
        while left:
            here, what = left.pop()
            if (here, what) in done or not what:
                continue
            done.add((here, what))
            itself = self._by_place.get((here, what))
            is_seen = itself is not None and itself.is_function and not self._is_hidden(itself)
            if itself is not None and itself.is_function:
                functions.add(f"{here}::{what}")
            short = what.split(".")[0]
            if itself is None or not itself.is_function:
                functions |= {
                    f"{one.path}::{one.name}"
                    for one in self._definitions
                    if one.is_function and one.path == here and one.name.startswith(f"{short}.")
                }
            for one in self._mentioning(here, short):
                if not one.is_function:
                    left.append((one.path, one.name))
                elif not is_seen:
                    functions.add(f"{one.path}::{one.name}")
                    if self._is_hidden(one):
                        left.append((one.path, one.name))
        return functions

    def _is_hidden(self, function: _Definition) -> bool:
        return function.is_hidden or (function.path, function.name) in self._run_by_imports

    @functools.cached_property
    def _run_by_imports(self) -> set[tuple[str, str]]:
        """The functions that an import runs: a constant's code mentions them, or they are mentioned
        by another function of this set."""
        found: set[tuple[str, str]] = set()
        left = [one for one in self._definitions if not one.is_function and one.mentions]
        while left:
            one = left.pop()
            for name in one.mentions:
                for function in self._functions_named.get(name, ()):
                    place = (function.path, function.name)
                    if place not in found and self._is_near(one, function.path):
                        found.add(place)
                        left.append(function)
        return found

    @functools.cached_property
    def _functions_named(self) -> dict[str, list[_Definition]]:
        found: dict[str, list[_Definition]] = {}
        for one in self._definitions:
            if one.is_function and "." not in one.name:
                found.setdefault(one.name, []).append(one)
        return found

    def _is_near(self, one: _Definition, path: str) -> bool:
        """Return whether the definition can mention a name of this module."""
        return one.path == path or Path(path).stem in self._imports[one.path]

    def is_function(self, path: str, name: str) -> bool:
        found = self._by_place.get((path, name))
        return found is not None and found.is_function

    @functools.cached_property
    def _by_place(self) -> dict[tuple[str, str], _Definition]:
        return {(one.path, one.name): one for one in self._definitions}

    def _mentioning(self, path: str, name: str) -> Iterator[_Definition]:
        for one in self._definitions:
            is_itself = (one.path, one.name) == (path, name)
            if name and name in one.mentions and self._is_near(one, path) and not is_itself:
                yield one

    @functools.cached_property
    def _tests(self) -> dict[str, tuple[frozenset[str], str]]:
        found = {}
        for file in sorted((self._root / "tests").rglob("test_*.py")):
            if file.parent.name in NOT_TRIED:
                continue
            text = file.read_text()
            path = file.relative_to(self._root).as_posix()
            found[path] = (_imported(ast.parse(text)), text)
        return found

    def nearness(self, path: str, name: str) -> dict[str, int]:
        """Return a score for each test file: for its name, its imports, and a mention of `name`."""
        module = Path(path).stem
        package = Path(path).parent.name
        service = path.split("/")[1]
        scores: dict[str, int] = {}
        for test, (imports, text) in self._tests.items():
            score = 8 * (Path(test).stem in (f"test_{module}", f"test_{package}_{module}"))
            score += 4 * (module in imports)
            score += 4 * _has_word(text, name.split(".")[-1].lstrip("_"))
            score += 1 * (
                service in test.split("/") or (service == "crawljobs" and "shared" in test)
            )
            if score >= 4 or (score and module.rstrip("s") in text):
                scores[test] = score
        return scores

    def tests_near(self, path: str, name: str) -> list[str]:
        """Return the nearest test files first, then those that start the service as a process."""
        scores = self.nearness(path, name)
        fallback = [test for test in FALLBACK.get(path.split("/")[1], ()) if test not in scores]
        return [*sorted(scores, key=lambda test: (-scores[test], test)), *fallback]


def _has_word(text: str, word: str) -> bool:
    """Return whether the text has this word. Short words do not count: every text has them."""
    return len(word) >= 4 and re.search(rf"\b{re.escape(word)}\b", text) is not None


def _definitions(path: str, body: list[ast.stmt], within: str = "") -> Iterator[_Definition]:
    for statement in body:
        match statement:
            case ast.ClassDef(name=name):
                yield _Definition(path, within + name, False, frozenset())
                yield from _definitions(path, statement.body, f"{within}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                is_cached = any("cache" in ast.unparse(one) for one in statement.decorator_list)
                is_hidden = is_cached or name == "__init__"
                yield _Definition(path, within + name, True, _mentions(statement), is_hidden)
            case (
                ast.Assign(targets=[ast.Name(id=name), *_])
                | ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_]), *_])
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
    """Return the last parts of the imported modules' names, and all names imported from them."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.rpartition(".")[2] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
            names.add((node.module or "").rpartition(".")[2])
    return frozenset(names)
