"""A pytest plugin that records which production functions each test calls, in its own process.

It appends a line of JSON a test to the file that MUTANTS_RECORD names.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

RECORD_VARIABLE = "MUTANTS_RECORD"
PRODUCTION = ("shared", "services")
ROOT = Path(__file__).resolve().parents[2]


class Recorder:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._folders = tuple(f"{ROOT / top}{os.sep}" for top in PRODUCTION)
        self._called: set[CodeType] = set()
        self._outcome = "passed"
        self._seconds = 0.0

    def start(self) -> None:
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, _event: str, _argument: Any) -> None:
        """Called for each call of a function, and for no line of it."""
        self._called.add(frame.f_code)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, None, None]:
        self._called, self._outcome, self._seconds = set(), "passed", 0.0
        sys.settrace(self._trace)  # a test may have ended it
        yield
        calls = {
            f"{Path(code.co_filename).relative_to(ROOT).as_posix()}::{_definition(code)}"
            for code in list(self._called)
            if code.co_filename.startswith(self._folders)
        }
        line = {
            "test": item.nodeid,
            "outcome": self._outcome,
            "seconds": round(self._seconds, 3),
            "calls": sorted(calls),
        }
        with self._file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds += report.duration
        if report.outcome != "passed":
            self._outcome = report.outcome


def _definition(code: CodeType) -> str:
    return code.co_qualname.split(".<locals>")[0]


def pytest_configure(config: pytest.Config) -> None:
    if named := os.environ.get(RECORD_VARIABLE):
        recorder = Recorder(Path(named))
        config.pluginmanager.register(recorder)
        recorder.start()
