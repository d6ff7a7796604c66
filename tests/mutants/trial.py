"""Try a mutant: change the copy, run the tests that must notice, change it back."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mutants.checkout import Checkout, Ran
from mutants.mutant import Mutant

START_SECONDS = 30.0  # to start a run of tests, on a busy machine
SLOWER = 4.0  # how much longer tests may take than recorded
TEST_SECONDS = 60  # a single test that takes longer hangs: it fails
NO_TESTS = 5  # pytest's exit code
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", re.MULTILINE)
_NOT_FOUND = re.compile(r"^ERROR: (?:not found|file or directory not found): (.+)$", re.MULTILINE)
# The change made no statement that Postgres can read: it says nothing about the tests.
_NO_SQL = re.compile(r"psycopg\.errors\.(?:SyntaxError|UndefinedColumn|UndefinedFunction)\b")


class Status(StrEnum):
    KILLED = "killed"  # a test failed
    TIMEOUT = "timeout"  # the tests did not end, which anybody notices
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"  # survived, and is listed with the reason why nothing can notice
    INVALID = "invalid"  # Postgres cannot read the statement
    FLAKY = "flaky"  # the test that failed also fails without the change


@dataclass(frozen=True)
class Trial:
    mutant: Mutant
    status: Status
    seconds: float
    by: str = ""  # the test that failed
    tests: int = 0
    reason: str = ""  # why it is equivalent


def attempt(
    checkout: Checkout,
    mutant: Mutant,
    tests: Sequence[str],
    *,
    seconds: float,
    without: Sequence[str] = (),
) -> Trial:
    """Run the tests until the first one fails. `seconds` is how long they take unchanged."""
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
    """Until the first failure. A test that is gone since it was recorded is left out."""
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
