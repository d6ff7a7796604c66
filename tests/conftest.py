"""Fixtures and hooks of all tests: Postgres, databases, and the report of skipped tests."""

import contextlib
import gc
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from crawljobs.db.database import Connection, Database
from onebox.postgres import leftovers, place
from support import needs, postgres, skips
from support.databases import Databases

RESOURCES = pytest.StashKey[contextlib.ExitStack]()
DATABASES = pytest.StashKey[Databases]()
LONGEST = ("tests/system/", "tests/faults/")  # folders whose tests take seconds each
DEEP_SECONDS = 3600  # seconds; the timeout of a test under --deep that sets none itself
# Hypothesis gets no deadline, because other tests may keep the machine busy.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

ALLOWED = pytest.StashKey[set[str]]()
DESCRIPTION = pytest.StashKey[str]()


def _log_plainly() -> None:
    """Log tracebacks without variables.

    To print the variables of SQLAlchemy's frames takes seconds.
    """
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("crawljobs")
    group.addoption(
        "--postgres", default="auto", help=f"the Postgres to test with: {postgres.CHOICES}"
    )
    group.addoption(
        "--skips-allowed-in",
        type=Path,
        metavar="FILE",
        help="fail when a test is skipped for want of what no line `WHAT: REASON` of FILE names",
    )
    group.addoption("--deep", action="store_true", help="run the long tests too")
    group.addoption(
        "--write-contract",
        action="store_true",
        help="write the contract of the API after a deliberate change",
    )
    group.addoption(
        "--write-rules",
        action="store_true",
        help="write the PrometheusRule of Kubernetes after a change of the alerts",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "deep: takes long; skipped unless --deep is given")
    _log_plainly()
    if given := getattr(
        config, "workerinput", None
    ):  # A worker process of pytest-xdist uses the Postgres of its controller.
        config.stash[DATABASES] = Databases(
            given["postgres_url"],
            given["postgres_run"],
            given["workerid"],
            given["postgres_strategy"],
        )
        return
    if config.option.skips_allowed_in is not None:
        config.stash[ALLOWED] = skips.read_allowed(config.option.skips_allowed_in)
    if not config.option.collectonly:
        _start_postgres(config)


def _start_postgres(config: pytest.Config) -> None:
    stack = config.stash[RESOURCES] = contextlib.ExitStack()
    # Removes the clusters of Postgres whose folders the tests have deleted.
    stack.callback(leftovers.remove, place.ELSEWHERE)
    config.add_cleanup(stack.close)
    try:
        server = stack.enter_context(postgres.find(config.option.postgres))
    except postgres.NoPostgresError as error:
        raise pytest.UsageError(str(error)) from error
    databases = Databases(server.url, secrets.token_hex(4), "main", server.clone_strategy)
    stack.callback(databases.drop_all)
    config.stash[DATABASES] = databases
    config.stash[DESCRIPTION] = server.description


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    databases = node.config.stash[DATABASES]
    node.workerinput["postgres_url"] = databases.server_url
    node.workerinput["postgres_run"] = databases.run
    node.workerinput["postgres_strategy"] = databases.clone_strategy


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Exempt the modules and the collected tests from the garbage collections of the run.

    Each full collection would scan these 450,000 objects, which nothing releases before the end.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_report_header(config: pytest.Config) -> str:
    return f"postgres: {config.stash.get(DESCRIPTION, 'not started')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # A long test that begins last would leave the other test workers without work.
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    for item in items:
        if config.option.deep and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(DEEP_SECONDS))  # many tests do more under --deep
        elif not config.option.deep and item.get_closest_marker("deep"):
            item.add_marker(pytest.mark.skip(reason=f"{needs.MARK}--deep"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Report the skipped tests, grouped by the missing program or folder."""
    refused = _refused_skips(terminalreporter)
    for what, tests in skips.by_want(terminalreporter.stats.get("skipped", [])).items():
        why = ", which is not allowed here" if what in refused else ""
        terminalreporter.section(f"skipped for want of {what}: {len(tests)}{why}", sep="-")
        for test in tests:
            terminalreporter.line(test)


def _refused_skips(terminalreporter: Any) -> set[str]:
    config: pytest.Config = terminalreporter.config
    allowed = config.stash.get(ALLOWED, None)
    if allowed is None:
        return set()
    return skips.by_want(terminalreporter.stats.get("skipped", [])).keys() - allowed


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    is_controller = not hasattr(session.config, "workerinput")
    if is_controller and reporter and session.exitstatus == 0 and _refused_skips(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config) -> Databases:
    return pytestconfig.stash[DATABASES]


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """Yield the URL of a fresh database with the newest schema."""
    with databases.lend() as url:
        yield url


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """Yield the URL of a database without a schema."""
    with databases.empty() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Yield a connection pool of a fresh database."""
    opened = Database(database_url)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="session")
def _rolled_back_database(databases: Databases) -> Iterator[Database]:
    with databases.clone() as url:
        opened = Database(url, pool_size=2)
        try:
            yield opened
        finally:
            opened.close()


class _RollBack(Exception):
    """Rolls back the transaction of the fixture `conn`."""


@pytest.fixture
def conn(_rolled_back_database: Database) -> Iterator[Connection]:
    """Yield a connection and roll its transaction back. This is faster than a fresh database."""
    with contextlib.suppress(_RollBack), _rolled_back_database.begin() as connection:
        yield connection
        raise _RollBack


@contextlib.contextmanager
def _open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="crawljobs-onebox-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that other system users can reach.

    They cannot reach the parents of tmp_path.
    """
    with _open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """Yield a folder that other system users can reach. The tests of a module share it."""
    with _open_folder() as folder:
        yield folder
