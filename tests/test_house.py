"""Rules of the code base that a program can check."""

import ast
import graphlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint

from crawljobs.db import tables
from crawljobs.db.tables import jobs
from crawljobs.domain import group, job, operation, subreddit, transitions, webhook
from crawljobs.domain.attempt import AttemptOutcome

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = ("shared", "services", "deploy")
MODULE_MAX = 250  # lines of a module
MODULE_MEDIAN = 80
MODULE_P90 = 180
PACKAGE_MAX = 20  # modules of a package
PACKAGES_THAT_MAY_BE_LARGE = {
    "shared/crawljobs/domain",  # each module of this package is one rule
    "migrations/versions",
    "services/admin_api/resources",
    "services/admin_api/schemas",
    "deploy/reddit_sandbox",
}
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


ADMIN_API_ROOMS = "admin_api: resources, openapi, dashboard and server above http above schemas"
WORKER_ROOMS = "crawler_worker: crawl and maintenance above claims above reddit"
REPOSITORY_ROOMS = "repository rooms import one another as listed"
CRAWLCTL_ALONE = "crawlctl speaks REST alone"
SANDBOX_ALONE = "the sandbox is an image of its own, with nothing of the demo"
TOPS = {
    "crawljobs": "shared",
    "reddit_sandbox": "deploy",
    "crawlctl": "deploy",
}  # other packages are in services/
# (contract, the package that breaks it, the imported module)
BREAKS = [
    ("services meet only in the database", "scheduler", "admin_api"),
    ("repository above db above domain", "crawljobs.db", "crawljobs.repository"),
    ("repository above db above domain", "crawljobs.domain", "crawljobs.db.schema"),
    ("SQL lives in the repository alone", "admin_api.http", "sqlalchemy"),
    ("SQL lives in the repository alone", "crawler_worker.claims", "psycopg"),
    ("the shared package serves every service", "crawljobs.db", "flask"),
    ("the shared package serves every service", "crawljobs.runtime", "onebox"),
    ("the worker alone speaks HTTP to the outside, by urllib3", "scheduler", "requests"),
    ("rules are pure", "crawljobs.domain", "psycopg"),
    ("deployables know nothing of one machine", "crawler_worker.reddit", "onebox"),
    (SANDBOX_ALONE, "reddit_sandbox", "onebox"),
    (CRAWLCTL_ALONE, "crawlctl.commands", "crawljobs.domain.job"),
    (CRAWLCTL_ALONE, "crawlctl.rest", "admin_api.schemas"),
    (CRAWLCTL_ALONE, "crawlctl.configuration", "onebox.postgres.data_folder"),
    ("the shared package knows no service", "crawljobs.runtime", "scheduler.timetable"),
    ("the shared package knows no service", "crawljobs.settings", "admin_api"),
    (ADMIN_API_ROOMS, "admin_api.http", "admin_api.resources.jobs"),
    (ADMIN_API_ROOMS, "admin_api.http.request", "admin_api.server.worker"),
    (ADMIN_API_ROOMS, "admin_api.schemas", "admin_api.http.problems"),
    (ADMIN_API_ROOMS, "admin_api.schemas", "admin_api.resources.jobs"),
    (ADMIN_API_ROOMS, "admin_api.server", "admin_api.resources.health"),
    (ADMIN_API_ROOMS, "admin_api.server", "admin_api.openapi.document"),
    (ADMIN_API_ROOMS, "admin_api.openapi", "admin_api.resources.jobs"),
    (ADMIN_API_ROOMS, "admin_api.dashboard", "admin_api.openapi.document"),
    (ADMIN_API_ROOMS, "admin_api.resources", "admin_api.server.connection"),
    (ADMIN_API_ROOMS, "admin_api.resources", "admin_api.app"),
    (WORKER_ROOMS, "crawler_worker.reddit", "crawler_worker.claims.worker"),
    (WORKER_ROOMS, "crawler_worker.claims", "crawler_worker.crawl.phases"),
    (WORKER_ROOMS, "crawler_worker.claims", "crawler_worker.maintenance.sweeps"),
    (WORKER_ROOMS, "crawler_worker.crawl", "crawler_worker.maintenance.sweeps"),
    (WORKER_ROOMS, "crawler_worker.maintenance", "crawler_worker.crawl.phases"),
    (REPOSITORY_ROOMS, "crawljobs.repository.content", "crawljobs.repository.queue.job_reads"),
    (REPOSITORY_ROOMS, "crawljobs.repository.queue", "crawljobs.repository.content.authors"),
    (REPOSITORY_ROOMS, "crawljobs.repository.operations", "crawljobs.repository.schedules"),
    (REPOSITORY_ROOMS, "crawljobs.repository.schedules", "crawljobs.repository.reddit_api"),
    (REPOSITORY_ROOMS, "crawljobs.repository.reddit_api", "crawljobs.repository.queue.leases"),
]
# A new module or package beside the listed ones belongs to no layer.
UNLISTED = [
    (ADMIN_API_ROOMS, "admin_api/server_room.py"),
    (WORKER_ROOMS, "crawler_worker/attic.py"),
]


def test_each_import_contract_fails_when_it_is_broken(tmp_path: Path) -> None:
    for top in SOURCE_ROOTS:
        shutil.copytree(
            ROOT / top, tmp_path / top, ignore=shutil.ignore_patterns("__pycache__", "*.lock")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for number, (_, package, imported) in enumerate(BREAKS):
        top = TOPS.get(package.partition(".")[0], "services")
        broken = tmp_path / top / package.replace(".", "/") / f"broken_{number}.py"
        broken.write_text(f"import {imported}\n")
    for _, path in UNLISTED:
        (tmp_path / "services" / path).write_text("")
    found = lint_imports(tmp_path)
    assert found.returncode != 0
    # A heading is a line above a line of dashes. The split returns [text, heading, text, heading,
    # ...].
    parts = re.split(r"^(\S[^\n]*)\n-+\n\n", found.stdout, flags=re.MULTILINE)
    contracts = dict(zip(parts[1::2], parts[2::2], strict=True))
    kept = [
        (contract, package, imported)
        for number, (contract, package, imported) in enumerate(BREAKS)
        if f"{package}.broken_{number} -> {imported}" not in contracts.get(contract, "")
    ]
    assert kept == [], found.stdout
    assert [
        (contract, path)
        for contract, path in UNLISTED
        if Path(path).stem not in contracts.get(contract, "")
    ] == []


def test_each_import_contract_has_a_test_that_breaks_it() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {each["name"] for each in options["tool"]["importlinter"]["contracts"]}
    assert contracts == {contract for contract, _, _ in BREAKS}


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_modules_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): lines_of(path) for path in modules(*SOURCE_ROOTS)}
    assert {name: n for name, n in lengths.items() if n > MODULE_MAX} == {}
    written = sorted(n for n in lengths.values() if n)
    assert statistics.median(written) <= MODULE_MEDIAN
    assert written[int(len(written) * 0.9)] <= MODULE_P90


def test_no_package_has_more_modules_than_a_reader_can_scan() -> None:
    counts: dict[str, int] = {}
    for path in modules(*SOURCE_ROOTS, "migrations"):
        if path.name != "__init__.py":
            folder = path.parent.relative_to(ROOT).as_posix()
            counts[folder] = counts.get(folder, 0) + 1
    large = {folder: n for folder, n in counts.items() if n > PACKAGE_MAX}
    assert set(large) <= PACKAGES_THAT_MAY_BE_LARGE, large


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(*SOURCE_ROOTS, "migrations")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, full name) of each project module that this module imports.

    The name is empty when only names from that module are imported.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                full = f"{node.module}.{each.name}"
                if full in OWN_MODULES:
                    yield each.asname or each.name, full
                elif node.module in OWN_MODULES:
                    yield "", node.module


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


OWN_MODULES = {dotted(path): path for path in modules(*SOURCE_ROOTS)}


def test_one_name_of_a_module_means_one_module() -> None:
    """Two imported modules with the same last name could be confused where they are used."""
    meanings: dict[str, set[str]] = {}
    for path in OWN_MODULES.values():
        for name, full in imports_of(path):
            # An import under an alias shows which module is meant.
            if full.rpartition(".")[2] == name:
                meanings.setdefault(name, set()).add(full)
    assert {name: full for name, full in meanings.items() if len(full) > 1} == {}


def test_no_modules_import_one_another_in_a_circle() -> None:
    graph = {
        name: {full for _, full in imports_of(path) if full != name}
        for name, path in OWN_MODULES.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"modules import one another: {' -> '.join(error.args[1])}")


def test_no_file_has_a_name_that_says_nothing() -> None:
    found = [
        path for path in modules(*SOURCE_ROOTS, "tests") if path.name in NAMES_THAT_SAY_NOTHING
    ]
    assert found == []


def test_no_test_sleeps() -> None:
    """Tests wait for conditions with support/waiting.py.

    Benchmarks may sleep to measure idle time.
    """
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
    """Return the values that the CHECK constraint of this column allows."""
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
        ("crawl_job_attempts", "outcome", AttemptOutcome),
        ("subreddits", "access", subreddit.AccessState),
        ("group_steps", "state", group.StepState),
        ("group_steps", "on_upstream_failure", group.UpstreamFailure),
        ("group_steps", "require_outcome", group.RequiredOutcome),
        ("job_groups", "outcome", group.GroupOutcome),
        ("group_finishes", "outcome", group.GroupOutcome),
        ("operations", "state", operation.OperationState),
        ("webhook_endpoints", "state", webhook.EndpointState),
        ("webhook_endpoints", "disabled_reason", webhook.DisabledReason),
        ("webhook_events", "type", webhook.EventType),
        ("webhook_deliveries", "kind", webhook.DeliveryKind),
        ("webhook_deliveries", "state", webhook.DeliveryState),
        ("webhook_attempts", "result", webhook.AttemptResult),
    ],
)
def test_a_check_lists_exactly_the_values_of_its_enum(
    table: str, column: str, values: type[job.JobStatus]
) -> None:
    """The column stores the attribute `stored` of a value that is derived when a job is read.

    The statuses have one more word, which the previous release names in its statements.
    """
    former = {jobs.FORMER_STATUS} if (table, column) == ("crawl_jobs", "status") else set()
    stored = {getattr(value, "stored", str(value)) for value in values}
    assert allowed(table, column) == stored | former


def test_every_state_can_be_reached_and_left_as_the_transitions_say() -> None:
    reached = {state for _, targets in transitions.TRANSITIONS.values() for state in targets}
    left = {state for sources, _ in transitions.TRANSITIONS.values() for state in sources}
    assert reached == set(job.JobStatus)
    assert left == set(job.JobStatus)
