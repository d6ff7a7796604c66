"""Run crawlctl against a real admin-api: in this process, or in a process of its own."""

import contextlib
import csv
import io
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from crawlctl import program
from crawlctl.session import Session
from support import interrupts

ROOT = Path(__file__).parents[2]
POLL_SECONDS = 0.02


def start_crawlctl(folder: Path, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """Start crawlctl in a process that SIGINT ends. `folder` has its profiles."""
    return subprocess.Popen(
        [*interrupts.HEEDED, sys.executable, "-P", "-m", "crawlctl", *arguments],
        env={
            "PYTHONPATH": str(ROOT / "deploy"),
            "XDG_CONFIG_HOME": str(folder),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Terminal(io.StringIO):
    """An output that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Result:
    """The exit code of a command, its data and its words."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of the format csv."""
        return [*csv.DictReader(io.StringIO(self.out))]

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Ctl:
    """Runs commands. `environment` replaces the variables of this process."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, *arguments: str | int | Path, stdin: str = "", terminal: bool = False, **more: str
    ) -> Result:
        variables: Mapping[str, str] = {
            "XDG_CONFIG_HOME": str(self.folder),
            **self.environment,
            **more,
        }
        session = Session(environment=variables, poll_seconds=POLL_SECONDS)
        out = Terminal() if terminal else io.StringIO()
        err = io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.object(sys, "stdin", io.StringIO(stdin)),
        ):
            code = program.run([*map(str, arguments)], session)
        return Result(code, out.getvalue(), err.getvalue())

    def ok(self, *arguments: str | int | Path, **options: Any) -> Result:
        """Run a command that must succeed."""
        result = self(*arguments, **options)
        assert result.code == 0, result
        return result
