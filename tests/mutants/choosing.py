"""Which tests a mutant is tried on, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mutants.mutant import Mutant
from mutants.record import Record
from mutants.relations import Relations

SECONDS_MAX = 20.0  # of tests, as recorded, that a mutant is tried on first
REST = 2.0  # a mutant that survives is tried on so many times these seconds of other tests
FILES_MAX = 6  # test files, when no test is known to call the place
FEW = 8  # tests; then the nearest test files are tried as well
FILES_ADDED = 4
# Fields of schemas are no functions, so no test is recorded for them; these tests compare them all.
OF_SCHEMAS = "tests/services/admin_api/openapi/test_contract.py"


@dataclass(frozen=True)
class Choice:
    """`seconds` is how long they take unchanged; an estimate when nothing is recorded."""

    tests: tuple[str, ...]
    seconds: float
    is_recorded: bool
    rest: tuple[str, ...] = ()  # tried when none of the others fails
    rest_seconds: float = 0.0


def choose(
    mutant: Mutant, record: Record, relations: Relations, *, seconds_max: float = SECONDS_MAX
) -> Choice:
    """Tests that were recorded to call the changed function, or functions that use the constant.

    Those of the nearest test files come first, of equally near ones the quickest. Without any, the
    test files that are near by name and by import.
    """
    seconds: dict[str, float] = {}
    for function in relations.functions_using(mutant.path, mutant.definition):
        seconds |= record.tests_of.get(function, {})
    if not seconds:
        files = tuple(relations.tests_near(mutant.path, mutant.definition)[:FILES_MAX])
        return Choice(files, seconds_max, is_recorded=False)
    nearness = relations.nearness(mutant.path, mutant.definition)

    def order(test: str) -> tuple[int, float, str]:
        return (-nearness.get(test.split("::")[0], 0), seconds[test], test)

    ordered = sorted(seconds, key=order)
    chosen, total = _within(seconds_max, ordered, seconds)
    rest, rest_total = _within(
        REST * seconds_max, sorted(ordered[len(chosen) :], key=seconds.__getitem__), seconds
    )
    # A test may read a constant or a class without a call, or be newer than the record.
    if mutant.path.startswith("services/admin_api/schemas/"):
        chosen.append(OF_SCHEMAS)
    covered = {test.split("::")[0] for test in chosen}
    nearest = sorted(nearness.keys() - covered, key=lambda file: (-nearness[file], file))
    if len(chosen) < FEW or not relations.is_function(mutant.path, mutant.definition):
        chosen += nearest[:FILES_ADDED]
        total += seconds_max / 2
    chosen += [file for file in nearest[:FILES_MAX] if file not in record.files | {*chosen}]
    return Choice(tuple(chosen), total, is_recorded=True, rest=tuple(rest), rest_seconds=rest_total)


def _within(
    most: float, tests: Sequence[str], seconds: Mapping[str, float]
) -> tuple[list[str], float]:
    """The first tests that take at most so many seconds together, and how many they take."""
    chosen: list[str] = []
    total = 0.0
    for test in tests:
        if total + seconds[test] > most and chosen:
            break
        chosen.append(test)
        total += seconds[test]
    return chosen, total
