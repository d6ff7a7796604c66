"""The owner moves old audit rows to a separate table, dumps this table and drops it."""

import contextlib
import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from crawljobs.db.administration import audit_archive, drift, grants, protection
from crawljobs.db.database import Database
from crawljobs.db.timeouts import BACKGROUND_TIMEOUTS, INTERACTIVE_TIMEOUTS
from crawljobs.domain.actor import Actor
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import audit_log
from onebox.postgres import binaries
from support import commands
from support.databases import Databases
from support.roles import Roles, made

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 40
OLD_ROWS = 2_500
CUT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def own(databases: Databases) -> Iterator[Roles]:
    """Yield roles and an audit log with rows of the years before the cut and a row after it."""
    with made(databases) as roles_of_ours:
        with psycopg.connect(roles_of_ours.url, autocommit=True) as conn:
            conn.execute(
                "INSERT INTO admin_audit_log (at, actor, action, resource_type) "
                "SELECT %s - n * interval '1 hour', 'ann', 'old', 'x' "
                "FROM generate_series(1, %s) AS n",
                [CUT, OLD_ROWS],
            )
            conn.execute(
                "INSERT INTO admin_audit_log (at, actor, action, resource_type) "
                "VALUES (%s, 'bob', 'new', 'x')",
                [CUT],
            )
        yield roles_of_ours


@contextlib.contextmanager
def opened(own: Roles, kind: str) -> Iterator[Database]:
    database = Database(own.url_as(kind), pool_size=1)
    try:
        yield database
    finally:
        database.close()


def archive(url: str, before: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        commands.command("crawljobs-migrate", "archive-audit", "--before", before),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "shared"),
            "DATABASE_URL": url,
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_the_procedure_of_the_runbook(own: Roles, empty_database_url: str) -> None:
    """Move the rows, compare the digest, dump and drop. A restored dump has the same rows."""
    owner = own.url_as(grants.OWNER)
    done = archive(owner, "2026-01-01T00:00:00Z")
    assert done.returncode == 0, done.stderr
    assert f"moved {OLD_ROWS} rows, ids 1 to {OLD_ROWS}, to " in done.stdout
    table = "crawljobs_audit_archive.until_20260101_000000"
    tools = binaries.embedded_bindir()
    printed = run(
        [
            *(tools / "psql", "-XAt", "--dbname", owner),
            *("-c", f"SELECT archived::text FROM {table} AS archived ORDER BY id"),
        ]
    )
    assert f"sha256 of them: {hashlib.sha256(printed).hexdigest()}" in done.stdout
    dumped = run([tools / "pg_dump", "--no-owner", "--dbname", owner, "--table", table])
    run(
        [tools / "psql", "-Xq", "--dbname", empty_database_url],
        given=b"CREATE SCHEMA crawljobs_audit_archive;\n" + dumped,
    )
    with psycopg.connect(owner, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(table)))  # type: ignore[arg-type]
        left = conn.execute("SELECT actor, action, resource_id FROM admin_audit_log").fetchall()
        row = conn.execute("SELECT after FROM admin_audit_log WHERE action = 'archive'").fetchone()
    assert left == [("bob", "new", None), ("system:migrations", "archive", table)]
    assert row is not None
    assert (row[0]["rows"], row[0]["first_id"], row[0]["last_id"]) == (OLD_ROWS, 1, OLD_ROWS)
    assert row[0]["sha256"] == hashlib.sha256(printed).hexdigest()
    with psycopg.connect(empty_database_url) as conn:
        kept = conn.execute(f"SELECT count(*), min(at) FROM {table}".encode()).fetchone()
    assert kept == (OLD_ROWS, CUT - timedelta(hours=OLD_ROWS))
    assert_guarded(own)


def run(command: list[object], given: bytes | None = None) -> bytes:
    done = subprocess.run(
        [str(part) for part in command],
        input=given,
        env={**os.environ, "PGTZ": "UTC"},
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    return done.stdout


def assert_guarded(own: Roles) -> None:
    database = Database(own.url, pool_size=1)
    try:
        assert drift.find(database) == []
        assert protection.find(database, prefix=own.prefix).differences == []
    finally:
        database.close()
    with (
        psycopg.connect(own.url_as(grants.OWNER), autocommit=True) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("DELETE FROM admin_audit_log")


def test_only_the_owner_archives_and_only_what_is_old(own: Roles) -> None:
    for kind in grants.SERVICES:
        with (
            opened(own, kind) as database,
            pytest.raises((DBAPIError, DatabaseUnavailable), match=r"denied|read-only transaction"),
        ):
            audit_archive.archive(database, before=CUT)
    with opened(own, grants.OWNER) as database:
        with pytest.raises(audit_archive.ArchiveRefused, match="at least 1 day ago"):
            audit_archive.archive(database, before=datetime.now(UTC) - timedelta(hours=23))
        assert audit_archive.archive(database, before=CUT - timedelta(days=9_999)).rows == 0
    for before, said in (
        ("2026-01-01T00:00:00", "a time with its zone"),
        ("yesterday", "expected a time such as"),
    ):
        refused = archive(own.url_as(grants.OWNER), before)
        assert refused.returncode == 2
        assert said in refused.stderr
    with psycopg.connect(own.url) as conn:
        assert conn.execute("SELECT count(*) FROM admin_audit_log").fetchone() == (OLD_ROWS + 1,)


def test_a_run_that_broke_off_is_continued_and_writers_go_on_meanwhile(
    own: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, wrote = threading.Event(), []
    database = Database(own.url_as(grants.OWNER), pool_size=1)
    service = Database(own.url_as(grants.ADMIN_API), pool_size=1, limits=INTERACTIVE_TIMEOUTS)

    def write() -> None:
        while not stop.is_set():
            service.run(
                lambda conn: audit_log.record(
                    conn, actor=Actor("ops"), action="x", resource_type="x", resource_id=None
                )
            )
            wrote.append(1)

    writing = threading.Thread(target=write)
    writing.start()
    moved: list[int] = []
    move = audit_archive._move

    def once(*given: object) -> int:
        if len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(move(*given))  # type: ignore[arg-type]
        return moved[-1]

    try:
        with monkeypatch.context() as broken:
            broken.setattr(audit_archive, "_move", once)
            with pytest.raises(KeyboardInterrupt):
                audit_archive.archive(database, before=CUT, chunk_rows=500)
        assert_guarded(own)
        done = audit_archive.archive(database, before=CUT, chunk_rows=500)
    finally:
        stop.set()
        writing.join(DEADLINE_SECONDS)
        database.close()
        service.close()
    assert moved == [500, 500]
    assert (done.rows, done.first_id, done.last_id) == (OLD_ROWS, 1, OLD_ROWS)
    with psycopg.connect(own.url) as conn:
        rows = conn.execute("SELECT action, count(*) FROM admin_audit_log GROUP BY 1").fetchall()
    assert dict(rows) == {"new": 1, "archive": 1, "x": len(wrote)}  # type: ignore[arg-type]
    assert_guarded(own)


def test_a_chunk_gives_up_soon_when_a_writer_holds_the_log_and_the_run_goes_on_later(
    own: Roles,
) -> None:
    """Writers of audit rows wait behind a chunk's lock request, so a chunk must give up soon."""
    with opened(own, grants.OWNER) as database, psycopg.connect(own.url) as writer:
        writer.execute(
            "INSERT INTO admin_audit_log (actor, action, resource_type) VALUES ('a', 'b', 'c')"
        )
        asked = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="lock timeout"), database.begin() as conn:
            audit_archive._move(conn, "audit_archive.unused", CUT, 500)
        waited = time.monotonic() - asked
        writer.rollback()
        assert waited < BACKGROUND_TIMEOUTS.lock - 1
        assert audit_archive.archive(database, before=CUT).rows == OLD_ROWS
    assert_guarded(own)
