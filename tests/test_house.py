"""The house rules that a machine can hold."""

import ast
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint

from crawljobs.db import tables
from crawljobs.domain import job, subreddit

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = ("shared", "services", "deploy")
MODULE_MAX = 250  # lines
NAMES_THAT_SAY_NOTHING = {"utils.py", "util.py", "helpers.py", "common.py", "base.py", "misc.py"}


def modules(*tops: str) -> Iterator[Path]:
    for top in tops:
        yield from (p for p in (ROOT / top).rglob("*.py") if "__pycache__" not in p.parts)


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(root / top) for top in SOURCE_ROOTS),
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_import_contracts_hold() -> None:
    found = lint_imports(ROOT)
    assert found.returncode == 0, found.stdout + found.stderr


BREAKS = {
    "services meet only in the database": ("services/scheduler", "import admin_api"),
    "repository above db above domain": ("shared/crawljobs/db", "import crawljobs.repository"),
    "SQL lives in the repository alone": ("services/admin_api", "import sqlalchemy"),
    "the shared package serves every service": ("shared/crawljobs", "import flask"),
    "rules are pure": ("shared/crawljobs/domain", "import psycopg"),
    "deployables know nothing of one machine": ("services/crawler_worker", "import onebox"),
}


def test_each_import_contract_fails_when_it_is_broken(tmp_path: Path) -> None:
    for top in SOURCE_ROOTS:
        shutil.copytree(
            ROOT / top, tmp_path / top, ignore=shutil.ignore_patterns("__pycache__", "*.lock")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder, line in BREAKS.values():
        (tmp_path / folder / "broken_on_purpose.py").write_text(f"{line}\n")
    found = lint_imports(tmp_path)
    assert found.returncode != 0
    kept = [name for name in BREAKS if not re.search(rf"{re.escape(name)} BROKEN", found.stdout)]
    assert kept == [], found.stdout


def test_no_module_is_longer_than_one_room() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in modules(*SOURCE_ROOTS)
    }
    assert {name: n for name, n in lengths.items() if n > MODULE_MAX} == {}
    written = [n for n in lengths.values() if n]
    assert statistics.median(written) <= 110


def test_no_file_has_a_name_that_says_nothing() -> None:
    found = [
        path for path in modules(*SOURCE_ROOTS, "tests") if path.name in NAMES_THAT_SAY_NOTHING
    ]
    assert found == []


def test_no_test_sleeps() -> None:
    """Tests wait for conditions, by the one loop in support/; a benchmark may measure idleness."""
    sleeping = [
        str(path.relative_to(ROOT))
        for path in modules("tests")
        if path != ROOT / "tests" / "support" / "waiting.py"
        and "benchmarks" not in path.parts
        and any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "sleep"
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert sleeping == []


def test_locks_hold_hashes_and_no_address() -> None:
    locks = list((ROOT / "requirements").glob("*.lock"))
    assert len(locks) >= 6
    for lock in locks:
        content = lock.read_text()
        assert "://" not in content, lock.name
        pins = re.findall(r"^[a-z0-9][^\n]*==", content, re.MULTILINE)
        hashed = re.findall(r"==[^\n]*\\\n    --hash=sha256:", content)
        assert len(pins) == len(hashed) > 0, lock.name


def allowed(table: str, column: str) -> set[str]:
    """The values that the CHECK of this column lists."""
    (check,) = (
        str(constraint.sqltext)
        for constraint in tables.metadata.tables[table].constraints
        if isinstance(constraint, CheckConstraint)
        and re.match(rf"({column} IS NULL OR )?{column} IN", str(constraint.sqltext))
    )
    return set(re.findall(r"'([^']*)'", check))


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("crawl_jobs", "status", job.JobStatus),
        ("crawl_jobs", "wait_reason", job.WaitReason),
        ("crawl_jobs", "source", job.JobSource),
        ("crawl_jobs", "error_kind", job.ErrorKind),
        ("crawl_job_attempts", "outcome", job.AttemptOutcome),
        ("subreddits", "access", subreddit.AccessState),
    ],
)
def test_a_check_lists_exactly_the_values_of_its_enum(
    table: str, column: str, values: type[job.JobStatus]
) -> None:
    """A value that is derived by readers is stored as another one."""
    assert allowed(table, column) == {getattr(value, "stored", str(value)) for value in values}


def test_every_state_can_be_reached_and_left_as_the_transitions_say() -> None:
    reached = {state for _, targets in job.TRANSITIONS.values() for state in targets}
    left = {state for sources, _ in job.TRANSITIONS.values() for state in sources}
    assert reached == set(job.JobStatus) - {job.JobStatus.BLOCKED}  # blocked is born so
    assert left == set(job.JobStatus)
