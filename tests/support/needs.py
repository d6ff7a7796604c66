"""Programs and rights that a test needs. The end of a test run lists what was missing."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

MARK = "needs "


def missing(what: str) -> NoReturn:
    """Skip this test, because `what` is missing."""
    pytest.skip(f"{MARK}{what}")


def root() -> None:
    if os.geteuid() != 0:
        missing("root")


def program(name: str) -> str:
    return shutil.which(name) or missing(name)


def checker(name: str) -> str:
    """Return the path of a checker of manifests or rules. .ci/run installs it in its own venv."""
    own = Path(__file__).resolve().parents[2] / ".venv-manifests" / "bin"
    return shutil.which(name, path=f"{own}{os.pathsep}{os.environ['PATH']}") or missing(name)


def client_generators() -> Path:
    """Return the folder that .ci/install-client-generators creates."""
    own = Path(__file__).resolve().parents[2] / ".venv-clients"
    return own if (own / "complete").exists() else missing("the generators of API clients")


def parquet() -> Path:
    """Return the Python with pyarrow, DuckDB and networkx that .ci/install-parquet installs."""
    own = Path(__file__).resolve().parents[2] / ".venv-parquet"
    is_complete = (own / "complete").exists()
    return own / "bin/python" if is_complete else missing("pyarrow, DuckDB and networkx")


def axe() -> str:
    """Return the script of axe-core, which .ci/install-axe fetches."""
    own = Path(__file__).resolve().parents[2] / ".venv-axe"
    return (own / "axe.min.js").read_text() if (own / "complete").exists() else missing("axe-core")


def folder(path: Path, name: str) -> Path:
    return path if path.is_dir() else missing(name)


def skipped_for(reason: str) -> str:
    """Return what a skip's reason names as missing, or the reason itself if it names nothing."""
    return reason.removeprefix("Skipped: ").removeprefix(MARK)


def libfaketime() -> Path:
    """Return the path of the library that gives a process another time when it is preloaded."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else missing("libfaketime")
