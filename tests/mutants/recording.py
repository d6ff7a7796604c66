"""A pytest plugin that records which production functions each test calls.

For each test it appends a line of JSON to the file that MUTANTS_RECORD names. The module
`process_calls` records the calls in the processes that the test starts.
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

from mutants.process_calls import CALLS, TURN, place_of

RECORD_VARIABLE = "MUTANTS_RECORD"


class Recorder:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._called: set[CodeType] = set()
        self._shared: set[str] = set()  # functions called by fixtures that several tests use
        self._outcome = "passed"
        self._seconds = 0.0
        self._turn = 0

    def start(self) -> None:
        CALLS.touch()
        TURN.write_bytes(b"\0")
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, _event: str, _argument: Any) -> None:
        """Record the called function. The result is None, so that Python traces no lines."""
        self._called.add(frame.f_code)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, None, None]:
        self._begin()
        yield
        self._end(item.nodeid)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, None, None]:
        before, self._called = self._called, set()
        started = CALLS.read_text()
        yield
        if fixturedef.scope != "function":
            self._shared |= self._own()
            self._shared |= set(CALLS.read_text()[len(started) :].splitlines())
        self._called |= before

    def _own(self) -> set[str]:
        return {place for code in list(self._called) if (place := place_of(code))}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds += report.duration
        if report.outcome != "passed":
            self._outcome = report.outcome

    def _begin(self) -> None:
        self._called, self._outcome, self._seconds = set(), "passed", 0.0
        os.truncate(CALLS, 0)
        self._turn = (self._turn + 1) % 256
        with TURN.open("r+b") as file:  # not a new file, because other processes have mapped it
            file.write(bytes([self._turn]))
        sys.settrace(self._trace)  # a test may have turned off the trace

    def _end(self, test: str) -> None:
        calls = self._own() | self._shared | set(CALLS.read_text().splitlines())
        line = {
            "test": test,
            "outcome": self._outcome,
            "seconds": round(self._seconds, 3),
            "calls": sorted(calls),
        }
        with self._file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    if named := os.environ.get(RECORD_VARIABLE):
        recorder = Recorder(Path(named))
        config.pluginmanager.register(recorder)
        recorder.start()
