"""Try a mutant: change the copy, run the tests that must notice, and undo the change."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mutants.checkout import Checkout, Ran
from mutants.mutant import Mutant

START_SECONDS = 30.0  # the time to start a test run on a busy machine
SLOWER = 4.0  # tests may take this multiple of their recorded time
TEST_SECONDS = 60  # the time limit of one test; a test that hangs fails
NO_TESTS = 5  # pytest's exit code
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", re.MULTILINE)
_NOT_FOUND = re.compile(r"^ERROR: (?:not found|file or directory not found): (.+)$", re.MULTILINE)
# Postgres cannot parse the changed statement, so any test fails. This proves nothing about tests.
_NO_SQL = re.compile(r"psycopg\.errors\.(?:SyntaxError|UndefinedColumn|UndefinedFunction)\b")


class Status(StrEnum):
    KILLED = "killed"  # a test failed
    TIMEOUT = "timeout"  # the tests did not end in time, which counts as noticed
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"  # it survived, and is in the list of equivalent mutants
    INVALID = "invalid"  # Postgres cannot parse the changed statement
    FLAKY = "flaky"  # the test that failed also fails without the change


@dataclass(frozen=True)
class Trial:
    mutant: Mutant
    status: Status
    seconds: float
    by: str = ""  # the test that failed
    tests: int = 0
    reason: str = ""  # the reason why the mutant is equivalent


def attempt(
    checkout: Checkout,
    mutant: Mutant,
    tests: Sequence[str],
    *,
    seconds: float,
    without: Sequence[str] = (),
) -> Trial:
    """Run the tests with the mutant until one fails. `seconds` is their time without a mutant."""
    began = time.monotonic()
    if not tests:
        return Trial(mutant, Status.SURVIVED, 0.0)
    with checkout.changed(mutant.path, mutant.apply(checkout.read(mutant.path))):
        ran = run(checkout, tests, seconds=START_SECONDS + SLOWER * seconds, without=without)
    status, by = judge(ran)
    if status is Status.KILLED and mutant.rule.startswith("SQL") and _NO_SQL.search(ran.output):
        status = Status.INVALID
    return Trial(mutant, status, time.monotonic() - began, by, len(tests))


def run(
    checkout: Checkout, tests: Sequence[str], *, seconds: float, without: Sequence[str] = ()
) -> Ran:
    """Run the tests until one fails. Tests that no longer exist are left out."""
    while True:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
            listed.write("\n".join(tests))
            listed.flush()
            ran = checkout.pytest(
                [
                    *("-x", "-q", "-rfE", "--timeout", str(TEST_SECONDS)),
                    *(f"--deselect={test}" for test in without),
                    f"@{listed.name}",
                ],
                seconds=seconds,
            )
        gone = {one.removeprefix(f"{checkout.root}/") for one in _NOT_FOUND.findall(ran.output)}
        left = [test for test in tests if test not in gone and test.split("[")[0] not in gone]
        if not left or len(left) == len(tests):
            return ran
        tests = left


def judge(ran: Ran) -> tuple[Status, str]:
    if ran.code is None:
        return Status.TIMEOUT, ""
    if ran.code in (0, NO_TESTS) or _NOT_FOUND.search(ran.output):
        return Status.SURVIVED, ""
    failed = _FAILED.search(ran.output)
    return Status.KILLED, failed.group(1) if failed else "(the tests do not start)"
