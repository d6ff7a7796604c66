"""Find a Postgres for the tests: TEST_DATABASE_URL, or one in Docker, or the embedded one."""

import contextlib
import fcntl
import gc
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from crawljobs.db import driver_errors
from crawljobs.errors import SettingsError
from crawljobs.settings.database import checked_database_url
from onebox.demo_errors import OneboxError
from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.server_options import Options

URL_VARIABLE = "TEST_DATABASE_URL"
OLDEST = 15
FIRST_WITH_ITERATIONS = 160_000  # the first server with the setting scram_iterations
CONNECT_SECONDS = 5
DOCKER_PING_SECONDS = 2  # a socket without a Docker engine may accept and send no reply
DOCKER_IMAGE = "postgres:17.6-alpine3.22"
FOLDER_PREFIX = "crawljobs-tests-"
MEMORY = Path("/dev/shm")  # a clone there takes a fifth of the CPU time, and no disk space
MEMORY_BYTES = 2 * 2**30  # required free memory; a run's databases use less than half of it
CHOICES = "auto, url, docker, embedded, or the folder of a Postgres's programs"


class NoPostgresError(Exception):
    """There is no Postgres for the tests. The message lists what was tried."""


@dataclass(frozen=True)
class Server:
    """A Postgres server for tests. Tests may connect to `url`, but not write there."""

    url: str
    description: str
    clone_strategy: str = "wal_log"


@contextlib.contextmanager
def find(choice: str) -> Iterator[Server]:
    if choice == "url" or (choice == "auto" and os.environ.get(URL_VARIABLE)):
        yield _given()
    elif choice == "docker":
        with _docker() as server:
            yield server
    elif choice == "embedded":
        with _embedded(None) as server:
            yield server
    elif choice == "auto":
        with _first_that_works() as server:
            yield server
    elif Path(choice, "postgres").exists():
        with _embedded(Path(choice)) as server:
            yield server
    else:
        raise NoPostgresError(f"--postgres={choice}: expected {CHOICES}")


@contextlib.contextmanager
def _first_that_works() -> Iterator[Server]:
    refusals = []
    for name, candidate in (("Docker", _docker), ("embedded", lambda: _embedded(None))):
        with contextlib.ExitStack() as stack:
            try:
                server = stack.enter_context(candidate())
            except NoPostgresError as refusal:
                refusals.append(f"{name}: {refusal}")
                continue
            yield server
            return
    raise NoPostgresError(
        f"no Postgres to test with. {URL_VARIABLE}: not set. " + " ".join(refusals)
    )


def _given() -> Server:
    url = os.environ.get(URL_VARIABLE, "")
    if not url:
        raise NoPostgresError(f"{URL_VARIABLE} is not set")
    try:
        return _checked(checked_database_url(URL_VARIABLE, url), URL_VARIABLE)
    except SettingsError as error:
        raise NoPostgresError(str(error)) from None


def _checked(url: str, origin: str, clone_strategy: str = "wal_log") -> Server:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            version = connection.info.server_version // 10_000
            row = connection.execute(
                "SELECT current_setting('server_version'), rolcreatedb OR rolsuper "
                "FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        said = driver_errors.sentence(error)
        raise NoPostgresError(f"{origin} cannot be used: {said}") from None
    release, may_create = row or ("?", False)
    if version < OLDEST:
        raise NoPostgresError(f"{origin} is PostgreSQL {release}: expected {OLDEST} or later")
    if not may_create:
        raise NoPostgresError(f"{origin}: expected a role that may create databases")
    return Server(url, f"PostgreSQL {release} ({origin})", clone_strategy)


@contextlib.contextmanager
def _docker() -> Iterator[Server]:
    _ping_docker()
    with contextlib.ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the Docker client leaves sockets open if it fails
            try:
                from testcontainers.community.postgres import PostgresContainer

                container = stack.enter_context(PostgresContainer(DOCKER_IMAGE, driver=None))
                url = container.get_connection_url()
            except Exception as error:  # noqa: BLE001 - the client raises many kinds of errors
                reason = f"{type(error).__name__}: {_first_line(error)}"
                raise NoPostgresError(reason) from None
            finally:
                gc.collect()
        yield _checked(url, f"Docker, {DOCKER_IMAGE}")


def _ping_docker() -> None:
    """Raise NoPostgresError if no Docker engine replies.

    This request is faster than the Docker client, whose import and timeout take long.
    """
    address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    target = urlsplit(address)
    try:
        if target.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(DOCKER_PING_SECONDS)
                connection.connect(target.path)
                connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
                if b" 200 " not in connection.recv(64):
                    raise NoPostgresError(f"{address} does not answer as an engine does")
        else:
            place = (target.hostname or "", target.port or 2375)
            socket.create_connection(place, DOCKER_PING_SECONDS).close()
    except (OSError, ValueError) as error:
        raise NoPostgresError(f"no engine at {address}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200]


@contextlib.contextmanager
def _embedded(bindir: Path | None) -> Iterator[Server]:
    with _scratch_folder(_scratch_place()) as folder:
        try:
            server = EmbeddedPostgres(
                folder / "postgres",
                log=folder / "postgres.log",
                options=Options(durable=False, bindir=bindir, max_connections=200),
            )
            server.start()
        except OneboxError as error:
            raise NoPostgresError(str(error)) from error
        try:
            shorten_password_check(server.url())
            yield _checked(server.url(), str(bindir or "embedded"), "file_copy")
        finally:
            server.stop()


def shorten_password_check(url: str) -> None:
    """Store the user's password with one iteration of SCRAM instead of 4,096.

    The iterations cost a client 2 ms of CPU time in each connection, and a test run opens
    thousands. Postgres 15 has no setting for the iterations, so its password stays as it is.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
        if connection.info.server_version < FIRST_WITH_ITERATIONS:
            return
        parts = conninfo_to_dict(url)
        connection.execute("SET scram_iterations = 1")
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(str(parts["user"])), sql.Literal(parts["password"])
            )
        )


def _scratch_place() -> Path:
    """Return a folder in memory if enough memory is free, or else a folder on the disk."""
    with contextlib.suppress(OSError):
        room = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
        if os.path.ismount(MEMORY) and os.access(MEMORY, os.W_OK) and room >= MEMORY_BYTES:
            return MEMORY
    return Path(tempfile.gettempdir())


@contextlib.contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder, and remove it at the end.

    If this test run is killed, the next test run removes the folder.
    """
    for old in parent.glob(f"{FOLDER_PREFIX}*"):
        _remove_if_abandoned(old)
    draft = Path(tempfile.mkdtemp(prefix=f"making-{FOLDER_PREFIX}", dir=parent))
    draft.chmod(0o711)  # if root runs the tests, Postgres is another user and needs access
    with (draft / "owner").open("w") as owner:
        _lock(owner)
        folder = draft.rename(draft.with_name(draft.name.removeprefix("making-")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_abandoned(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "owner").open("r+") as owner:
        if _lock(owner):
            shutil.rmtree(folder, ignore_errors=True)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
