"""Which tests a mutant is tried on, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mutants.mutant import Mutant
from mutants.record import Record
from mutants.relations import Relations

SECONDS_MAX = 20.0  # of tests, as recorded, that one mutant is tried on
FILES_MAX = 6  # test files, when no test is known to call the place


@dataclass(frozen=True)
class Choice:
    """`seconds` is how long they take unchanged; an estimate when nothing is recorded."""

    tests: tuple[str, ...]
    seconds: float
    is_recorded: bool


def choose(mutant: Mutant, record: Record, relations: Relations) -> Choice:
    """Tests that were recorded to call the changed function, or functions that use the constant.

    Those of the module's own test file come first, then the quickest. Without any, the test files
    that are near by name and by import.
    """
    seconds: dict[str, float] = {}
    for function in relations.functions_using(mutant.path, mutant.definition):
        seconds |= record.tests_of.get(function, {})
    near = relations.tests_near(mutant.path, mutant.definition)
    if not seconds:
        files = tuple(near[:FILES_MAX])
        return Choice(files, SECONDS_MAX, is_recorded=False)
    own = f"test_{Path(mutant.path).stem}.py"

    def order(test: str) -> tuple[bool, float, str]:
        return (Path(test.split("::")[0]).name != own, seconds[test], test)

    chosen: list[str] = []
    total = 0.0
    for test in sorted(seconds, key=order):
        if total + seconds[test] > SECONDS_MAX and chosen:
            break
        chosen.append(test)
        total += seconds[test]
    return Choice(tuple(chosen), total, is_recorded=True)
