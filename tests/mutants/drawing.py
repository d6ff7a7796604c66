"""Make all mutants of a file, or draw mutants of some areas at random."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from mutants import areas, python_rules, sql_rules
from mutants.mutant import Mutant, line_of, text_of_line
from mutants.places import Module


def mutants_of(path: str, source: str) -> Iterator[Mutant]:
    """Return all mutants of a file that are valid Python, each only once."""
    return (one for one in _all(path, source) if _is_python(one.apply(source)))


def _all(path: str, source: str) -> Iterator[Mutant]:
    module = Module(path, source)
    seen: set[tuple[int, str, str]] = set()
    for changes in (python_rules.changes, sql_rules.changes):
        for start, end, after, rule in changes(module):
            before = source[start:end]
            mutant = Mutant(
                path,
                start,
                before,
                after,
                rule,
                line=line_of(source, start),
                definition=module.definition_of(start),
                text=text_of_line(source, start),
            )
            if (start, before, after) not in seen:
                seen.add((start, before, after))
                yield mutant


def draw(root: Path, *, names: Iterable[str], count: int, seed: int) -> list[Mutant]:
    """Draw `count` mutants of the areas: first a file, then a place in this file.

    The probability of a file is proportional to its length. A place is a line and a rule, so that a
    line with many constants is not drawn more often.
    """
    dice = random.Random(seed)
    paths = list(areas.files(root, names))
    sources = {path: (root / path).read_text() for path in paths}
    weights = [len(sources[path].splitlines()) for path in paths]
    known: dict[str, list[Mutant]] = {}
    drawn: list[Mutant] = []
    tries = 0
    while len(drawn) < count and tries < 100 * count:
        tries += 1
        (path,) = dice.choices(paths, weights)
        if path not in known:
            known[path] = list(_all(path, sources[path]))
        if known[path]:
            line, rule = dice.choice(sorted({(one.line, one.rule) for one in known[path]}))
            there = [one for one in known[path] if (one.line, one.rule) == (line, rule)]
            mutant = dice.choice(there)
            if mutant not in drawn and _is_python(mutant.apply(sources[path])):
                drawn.append(mutant)
    return drawn


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
