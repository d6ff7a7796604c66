"""Choose the tests that run for a mutant, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mutants.mutant import Mutant
from mutants.record import Record
from mutants.relations import Relations

SECONDS_MAX = 20.0  # the limit for the recorded time of the tests that run first
REST = 2.0  # if the mutant survives, other tests run for this multiple of the seconds
FILES_MAX = 6  # test files, if no test is recorded that calls the changed code
FEW = 8  # with fewer tests than this, the nearest test files run too
FILES_ADDED = 4
# No test is recorded for a schema's fields, because they are not functions. This test file compares
# the fields of all schemas.
SCHEMAS = "services/admin_api/schemas/"
OF_SCHEMAS = "tests/services/admin_api/openapi/test_contract.py"


@dataclass(frozen=True)
class Choice:
    """The chosen tests. `seconds` is their time without a mutant, estimated if not recorded."""

    tests: tuple[str, ...]
    seconds: float
    is_recorded: bool
    rest: tuple[str, ...] = ()  # these tests run if all others pass
    rest_seconds: float = 0.0


def choose(
    mutant: Mutant, record: Record, relations: Relations, *, seconds_max: float = SECONDS_MAX
) -> Choice:
    """Choose tests that call the changed function, or functions that use the changed constant.

    Tests in the nearest test files come first, and of equally near tests the fastest. If no test
    with one of these calls is recorded, the result is the test files that are near by name and by
    import.
    """
    seconds: dict[str, float] = {}
    for function in relations.functions_using(mutant.path, mutant.definition):
        seconds |= record.tests_of.get(function, {})
    of_schemas = [OF_SCHEMAS] if mutant.path.startswith(SCHEMAS) else []
    if not seconds:
        near = relations.tests_near(mutant.path, mutant.definition)[:FILES_MAX]
        files = [file for file in near if file not in of_schemas]
        return Choice((*of_schemas, *files), seconds_max, is_recorded=False)
    nearness = relations.nearness(mutant.path, mutant.definition)

    def order(test: str) -> tuple[int, float, str]:
        return (-nearness.get(test.split("::")[0], 0), seconds[test], test)

    ordered = sorted(seconds, key=order)
    chosen, total = _within(seconds_max, ordered, seconds)
    rest, rest_total = _within(
        REST * seconds_max, sorted(ordered[len(chosen) :], key=seconds.__getitem__), seconds
    )
    # The record lacks some tests: those that use a constant or class without a call, and new tests.
    chosen += of_schemas
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
    """Return the first tests whose total time is at most `most` seconds, and their total time."""
    chosen: list[str] = []
    total = 0.0
    for test in tests:
        if total + seconds[test] > most and chosen:
            break
        chosen.append(test)
        total += seconds[test]
    return chosen, total
