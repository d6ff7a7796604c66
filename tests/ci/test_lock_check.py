"""The lock files match pyproject.toml. The check finds a wrong lock file without a network."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import programs

ROOT = Path(__file__).parents[2]
HASH = f"--hash=sha256:{'0' * 64}"


PROGRAM = programs.load(ROOT / ".ci" / "lock-check")


def check(folder: Path) -> str:
    """Return the findings, one on each line."""
    return "\n".join(PROGRAM.check(folder))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in (".", *PROGRAM.OWN_PROJECT.values()):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / folder / "pyproject.toml", tmp_path / folder)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def test_our_locks_are_those_of_pyproject() -> None:
    assert check(ROOT) == ""
    command = [sys.executable, ROOT / ".ci" / "lock-check"]  # the command line that CI uses
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    assert ".ci/lock-check" in (ROOT / ".ci" / "run").read_text()


def edit(folder: Path, name: str, change: Callable[[str], str]) -> None:
    path = folder / name
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before


def without(package: str) -> Callable[[str], str]:
    return lambda text: re.sub(
        rf"^{package}==.*?(?=^\S|\Z)", "", text, flags=re.MULTILINE | re.DOTALL
    )


LOCK = "requirements/scheduler.lock"
BROKEN: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a new requirement": (
        "pyproject.toml",
        lambda text: text.replace('"tzdata",', '"tzdata",\n  "left-pad>=1",'),
        "left-pad is required and not locked",
    ),
    "a higher bound": (
        "pyproject.toml",
        lambda text: text.replace("cronsim>=2.8,<3", "cronsim>=99"),
        "cronsim>=99 is required and 2.8 is locked",
    ),
    "a requirement that is gone": (
        "pyproject.toml",
        lambda text: text.replace('  "cronsim>=2.8,<3",\n', ""),
        "scheduler.lock: cronsim is locked and required by none",
    ),
    "a lock without what a package requires": (
        LOCK,
        without("typing-extensions"),
        "typing-extensions is required by a package and not locked",
    ),
    "a lock with what none requires": (
        LOCK,
        lambda text: f"{text}left-pad==1.0 \\\n    {HASH}\n",
        "scheduler.lock: left-pad is locked and required by none",
    ),
    "a pin without a hash": (LOCK, lambda text: f"{text}six==1.0\n", "a line is not one pinned"),
    "two versions of one package": (
        LOCK,
        lambda text: re.sub("^structlog==[0-9.]+", "structlog==26.0.0", text, flags=re.MULTILINE),
        "structlog: 26.0.0 in scheduler",
    ),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_lock_that_is_not_pyprojects_is_found(name: str, copy: Path) -> None:
    path, change, finding = BROKEN[name]
    edit(copy, path, change)
    assert finding in check(copy)


def test_a_lock_that_is_missing_or_unknown_is_found(copy: Path) -> None:
    (copy / LOCK).rename(copy / "requirements/stranger.lock")
    findings = check(copy)
    assert "scheduler.lock: it is missing" in findings
    assert "stranger.lock: there is no rule for it" in findings
