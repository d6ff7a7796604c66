"""What a test cannot do without; what is missing is told by name at the end of the run."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

MARK = "needs "


def missing(what: str) -> NoReturn:
    """Skip this test for want of `what`."""
    pytest.skip(f"{MARK}{what}")


def root() -> None:
    if os.geteuid() != 0:
        missing("root")


def program(name: str) -> str:
    return shutil.which(name) or missing(name)


def checker(name: str) -> str:
    """What looks at manifests and rules, as .ci/run installs it: in an environment of its own."""
    own = Path(__file__).resolve().parents[2] / ".venv-manifests" / "bin"
    return shutil.which(name, path=f"{own}{os.pathsep}{os.environ['PATH']}") or missing(name)


def folder(path: Path, name: str) -> Path:
    return path if path.is_dir() else missing(name)


def skipped_for(reason: str) -> str:
    """What a skip's reason says was missing; the reason itself when it says something else."""
    return reason.removeprefix("Skipped: ").removeprefix(MARK)


def libfaketime() -> Path:
    """The library that shows a process another time, to be preloaded."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else missing("libfaketime")
