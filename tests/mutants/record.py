"""Make and read the record of which tests call which functions. It is a file in .mutants."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mutants import checkout
from mutants.process_calls import PLUGIN, START_LINE
from mutants.recording import RECORD_VARIABLE

FOLDER = checkout.ROOT / ".mutants"
FILE = FOLDER / "calls.jsonl"
# Tests in these folders are recorded. Tests in other folders are slow and call the same functions.
RECORDED = ("tests/shared", "tests/services", "tests/migrations")
FILE_SECONDS = 900.0  # the time limit for recording one test file


@dataclass
class Record:
    """The record. `tests_of` has, for each function, the tests that call it, with their seconds."""

    tests_of: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))

    files: set[str] = field(default_factory=set)  # the recorded test files

    def add(self, line: str) -> None:
        entry = json.loads(line)
        self.files.add(entry["test"].split("::")[0])
        if entry["outcome"] == "passed":
            for call in entry["calls"]:
                self.tests_of[call][entry["test"]] = entry["seconds"]


def load(file: Path = FILE) -> Record:
    """Return the record from the file, or an empty record if there is no file."""
    record = Record()
    if file.exists():
        for line in file.read_text().splitlines():
            record.add(line)
    return record


def make(
    paths: Sequence[str] = RECORDED,
    *,
    jobs: int = 1,
    file: Path = FILE,
    tell: Callable[[str], None] = lambda _: None,
) -> Record:
    """Run these tests once, without a mutant, and add their calls to the record.

    New lines of a test file replace the old lines of this file.
    """
    tests = list(_files(paths))
    file.parent.mkdir(exist_ok=True)
    old = file.read_text().splitlines() if file.exists() else []
    kept = [line for line in old if json.loads(line)["test"].split("::")[0] not in tests]
    file.write_text("".join(f"{line}\n" for line in kept))
    with ThreadPoolExecutor(jobs) as pool:
        list(
            pool.map(
                lambda share: _record(share, file, tell), (tests[n::jobs] for n in range(jobs))
            )
        )
    return load(file)


def _record(tests: Sequence[str], file: Path, tell: Callable[[str], None]) -> None:
    if not tests:
        return
    with checkout.scratch() as copy:
        checkout.import_at_start(copy, START_LINE)
        for test in tests:
            made = copy.root / "calls.jsonl"
            ran = copy.pytest(
                ["-q", "-p", PLUGIN, test],
                seconds=FILE_SECONDS,
                variables={RECORD_VARIABLE: str(made)},
            )
            lines = made.read_text() if made.exists() else ""
            made.unlink(missing_ok=True)
            with file.open("a") as all_lines:
                all_lines.write(lines)
            tell(f"{test}: {len(lines.splitlines())} tests, exit code {ran.code}")


def _files(paths: Iterable[str]) -> list[str]:
    found: set[str] = set()
    for path in paths:
        place = checkout.ROOT / path
        files = place.rglob("test_*.py") if place.is_dir() else [place]
        found |= {file.relative_to(checkout.ROOT).as_posix() for file in files}
    return sorted(found)
