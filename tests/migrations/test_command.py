"""The migration command of a deployment waits, can be resumed and runs only once at a time."""

import os
import pty
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
import structlog
from alembic.script import ScriptDirectory
from sqlalchemy import text

from crawljobs.db.administration import drift, migration, protection
from crawljobs.db.database import Database
from crawljobs.migrate import program
from crawljobs.version import VERSION
from support import commands, needs
from support.databases import Databases
from support.matrices import each_once
from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "migrations"
DEADLINE_SECONDS = 40
REVISIONS = [one.revision for one in ScriptDirectory(str(SCRIPTS)).walk_revisions()][::-1]

EQUAL = f"No difference: the schema at revision {REVISIONS[-1]} matches version {VERSION}."
INVALIDATE = (
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'crawl_jobs_claim_idx'::regclass"
)


def start(url: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start the migration command as its image does."""
    return subprocess.Popen(
        commands.command("crawljobs-migrate", *arguments),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": commands.import_path("shared"),
            "DATABASE_URL": url,
            "LOG_FORMAT": "json",
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(url: str, *arguments: str, **variables: str) -> tuple[int, str, str]:
    process = start(url, *arguments, **variables)
    printed, complaint = process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode, printed, complaint


def revision(conn: psycopg.Connection) -> str | None:
    if conn.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


@pytest.fixture
def own(empty_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(empty_database_url, autocommit=True) as conn:
        yield conn


def test_upgrade_then_check_then_wait(empty_database_url: str) -> None:
    began = time.monotonic()
    code, _, complaint = run(empty_database_url, "wait", "--deadline", "0.5")
    assert code == 1
    assert "schema is at revision none" in complaint
    assert time.monotonic() - began < DEADLINE_SECONDS / 2
    for command in ("upgrade", "check", "wait"):
        code, printed, complaint = run(empty_database_url, command, DATABASE_ROLE_PREFIX="none")
        assert code == 0, complaint
        assert printed == (f"{protection.OFF}\n{EQUAL}\n" if command == "check" else "")
        assert command == "upgrade" or complaint == ""


def test_an_empty_direct_address_is_none(database_url: str) -> None:
    code, printed, complaint = run(database_url, "upgrade", DATABASE_DIRECT_URL="")
    assert (code, printed) == (0, ""), complaint


def test_the_direct_address_is_the_one_migrated(empty_database_url: str) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    code, _, complaint = run(nowhere, "upgrade", DATABASE_DIRECT_URL=empty_database_url)
    assert code == 0, complaint
    assert differences(empty_database_url) == []


def test_wait_returns_when_somebody_else_has_migrated(empty_database_url: str) -> None:
    waiting = start(empty_database_url, "wait", "--deadline", "30")
    assert waiting.stderr is not None
    assert "waiting_for_schema" in waiting.stderr.readline()
    migration.upgrade(SCRIPTS, empty_database_url)
    _, complaint = waiting.communicate(timeout=DEADLINE_SECONDS)
    assert waiting.returncode == 0, complaint


# Changes that weaken the audit log. The test applies them one after another.
WEAKER = [
    (
        "ALTER TABLE admin_audit_log ENABLE TRIGGER admin_audit_log_append_only",
        "EXECUTE FUNCTION refuse_audit_change() (fires: O)",
    ),
    (
        "ALTER TABLE admin_audit_log DISABLE TRIGGER admin_audit_log_append_only",
        "EXECUTE FUNCTION refuse_audit_change() (fires: D)",
    ),
    (
        "DROP TRIGGER admin_audit_log_append_only ON admin_audit_log",
        "missing trigger CREATE TRIGGER admin_audit_log_append_only",
    ),
    (
        """CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RETURN NULL; END $$""",
        "not in the code: function CREATE OR REPLACE FUNCTION refuse_audit_change()",
    ),
    (
        "ALTER FUNCTION end_frozen_sessions(interval) RESET ALL",
        "missing function CREATE OR REPLACE FUNCTION end_frozen_sessions",
    ),
    (
        "CREATE RULE blind AS ON INSERT TO admin_audit_log DO INSTEAD NOTHING",
        "not in the code: rule CREATE RULE blind",
    ),
    ("ALTER TABLE admin_audit_log DISABLE ROW LEVEL SECURITY", "missing row security of admin"),
    (
        "CREATE POLICY more ON admin_audit_log FOR DELETE USING (true)",
        "not in the code: policy more on admin_audit_log",
    ),
    (
        """ALTER TABLE admin_audit_log DROP CONSTRAINT admin_audit_log_at_check,
        ADD CONSTRAINT admin_audit_log_at_check CHECK (isfinite(at)) NOT VALID""",
        "CHECK (isfinite(at)) NOT VALID",
    ),
    (
        "ALTER TABLE admin_audit_log ALTER COLUMN db_role DROP DEFAULT",
        "missing column admin_audit_log.db_role text default SESSION_USER",
    ),
    (
        "ALTER TABLE admin_audit_log ALTER COLUMN id SET GENERATED BY DEFAULT",
        "not in the code: column admin_audit_log.id bigint not null identity d",
    ),
]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "ALTER TABLE crawl_jobs DROP CONSTRAINT crawl_jobs_priorities_check",
            "missing constraint crawl_jobs_priorities_check on crawl_jobs",
        ),
        (
            "ALTER TABLE scheduled_jobs ALTER COLUMN priority SET DEFAULT 21",
            "not in the code: column scheduled_jobs.priority smallint not null default 21",
        ),
        ("DROP INDEX crawl_jobs_claim_idx", "missing index CREATE INDEX crawl_jobs_claim_idx"),
        ("CREATE TABLE extra (id int)", "not in the code: column extra.id integer"),
        ("ALTER TABLE crawl_jobs RESET (fillfactor)", "missing storage crawl_jobs: fillfactor=75"),
        (INVALIDATE, "WHERE (status = 'queued'::text) (invalid)"),
    ],
)
def test_check_finds_what_differs(database: Database, change: str, told: str) -> None:
    with database.begin() as conn:
        conn.execute(text(change))
    found = drift.find(database)
    assert [line for line in found if told in line], found
    with database.begin() as conn:
        left = conn.execute(text("SELECT count(*) FROM pg_namespace WHERE nspname ~ 'check'"))
        assert left.scalar_one() == 0


def test_check_finds_what_weakens_the_audit_log(database: Database) -> None:
    for change, told in WEAKER:
        with database.begin() as conn:
            conn.execute(text(change))
        found = drift.find(database)
        assert [line for line in found if told in line], (change, found)


def test_every_revision_goes_up_down_and_up(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    try:
        for before, this in zip([None, *REVISIONS], REVISIONS, strict=False):
            lines = catalogue(database)
            migration.upgrade(SCRIPTS, empty_database_url, revision=this)
            grown = catalogue(database)
            migration.downgrade(SCRIPTS, empty_database_url, revision=before or "base")
            assert catalogue(database) == lines, this
            migration.upgrade(SCRIPTS, empty_database_url, revision=this)
            assert catalogue(database) == grown, this
        assert drift.find(database) == []
    finally:
        database.close()


def differences(url: str) -> list[str]:
    database = Database(url, pool_size=1)
    try:
        return drift.find(database)
    finally:
        database.close()


def catalogue(database: Database) -> set[str]:
    with database.begin() as conn:
        return drift.describe(conn, "public")


def test_the_printed_statements_make_the_same_schema(
    empty_database_url: str, own: psycopg.Connection
) -> None:
    code, statements, complaint = run(empty_database_url, "sql")
    assert code == 0, complaint
    assert statements.startswith("SET lock_timeout = '3s'")
    # Postgres runs several statements in one query as a transaction, which allows no CONCURRENTLY.
    own.execute(statements.replace(" CONCURRENTLY", "").encode())
    assert differences(empty_database_url) == []
    assert revision(own) == REVISIONS[-1]


def test_an_upgrade_waits_for_no_lock_but_tries_again(
    empty_database_url: str, own: psycopg.Connection
) -> None:
    migration.upgrade(SCRIPTS, empty_database_url, revision=REVISIONS[-2])
    with psycopg.connect(empty_database_url) as holder:
        holder.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        process = start(empty_database_url, "upgrade")
        assert process.stderr is not None
        line = next(line for line in process.stderr if "migrations.postponed" in line)
        assert "lock timeout" in line
    _, complaint = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, complaint
    assert revision(own) == REVISIONS[-1]


def test_an_upgrade_gives_up_at_its_deadline_by_name(
    empty_database_url: str, own: psycopg.Connection
) -> None:
    with psycopg.connect(empty_database_url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(hashtext('crawljobs migrations'))")
        code, _, complaint = run(empty_database_url, "upgrade", "--deadline", "0.5")
    assert code == 1
    assert "another migration holds the turn" in complaint
    assert complaint.count("migrations.waiting_for_another") == 1
    assert revision(own) is None


def test_a_killed_migration_leaves_no_lock_and_the_next_goes_on(
    empty_database_url: str, own: psycopg.Connection
) -> None:
    """The process is killed during the last revision, whose uncommitted changes are lost."""
    migration.upgrade(SCRIPTS, empty_database_url, revision=REVISIONS[-2])
    with psycopg.connect(empty_database_url) as holder:
        # All tables are locked, because the last revision may change any of them. At its end, it
        # always changes the table that stores the current revision.
        for (table,) in holder.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall():
            holder.execute(f"LOCK TABLE {table} IN SHARE MODE")
        killed = start(empty_database_url, "upgrade")
        wait_until(
            lambda: sessions(own, "state <> 'idle' AND wait_event_type = 'Lock'"),
            timeout=DEADLINE_SECONDS,
            describe="the migration to be in the middle of its work",
        )
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=DEADLINE_SECONDS)
        assert revision(own) == REVISIONS[-2]
    migration.upgrade(SCRIPTS, empty_database_url)
    assert revision(own) == REVISIONS[-1]
    assert differences(empty_database_url) == []


def sessions(conn: psycopg.Connection, condition: str) -> int:
    row = conn.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'crawljobs-migrations' "
        f"AND datname = current_database() AND {condition}"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_database_that_accepts_no_connections_yet_is_waited_for(
    databases: Databases, empty_database_url: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(empty_database_url)["dbname"]
    finished: list[object] = []

    def upgrade() -> None:
        migration.upgrade(SCRIPTS, empty_database_url, deadline_seconds=30)
        finished.append(True)

    with psycopg.connect(databases.server_url, autocommit=True) as conn:
        conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        with structlog.testing.capture_logs() as logged:
            thread = threading.Thread(target=upgrade)
            thread.start()
            wait_until(lambda: logged, timeout=DEADLINE_SECONDS, describe="a postponed migration")
        assert logged[0]["event"] == "migrations.postponed"
        conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    thread.join(DEADLINE_SECONDS)
    assert finished == [True]


def given_password(url: str) -> object:
    return psycopg.conninfo.conninfo_to_dict(url).get("password")


def changed(url: str, **parts: str) -> str:
    """Return the address with other parts. An empty text removes a part."""
    found = {**psycopg.conninfo.conninfo_to_dict(url), **parts}
    return psycopg.conninfo.make_conninfo("", **{name: str(one) for name, one in found.items()})


# The changed parts of the address, and the reason on standard error.
REFUSED = [
    # A server that asks for no password names the missing role.
    ({"user": "crawltest_unknown", "password": "canary0123"}, "(authentication failed|not exist)"),
    ({"password": "canary0123"}, "password authentication failed"),
    ({"dbname": "crawltest_unknown"}, "does not exist"),
    ({"sslmode": "require"}, "the server does not support TLS"),
]


# The commands, which must not wait until the deadline.
AT_ONCE = [
    ("upgrade", "--deadline", "600"),
    ("roles", "--deadline", "600"),
    ("check",),
    ("current",),
]


@pytest.mark.parametrize(("refused", "command"), each_once(REFUSED, AT_ONCE))
def test_a_refused_connection_ends_each_command_at_once(
    empty_database_url: str, refused: tuple[dict[str, str], str], command: tuple[str, ...]
) -> None:
    parts, reason = refused
    if parts.keys() == {"password"} and not given_password(empty_database_url):
        needs.missing("a Postgres that asks for passwords")
    url = uri(changed(empty_database_url, **parts))
    code, _, complaint = run(url, *command)
    assert code == 1
    (line,) = complaint.splitlines()
    assert line.startswith("crawljobs-migrate: ")
    assert re.search(reason, line), line
    assert "canary0123" not in complaint


def test_wait_ends_at_once_when_tls_cannot_work_but_not_without_its_role(
    empty_database_url: str,
) -> None:
    wrong = uri(changed(empty_database_url, sslmode="require"))
    code, _, complaint = run(wrong, "wait", "--deadline", "600")
    assert code == 1
    assert "expected an address that the server accepts" in complaint
    waiting = start(uri(changed(empty_database_url, user="later")), "wait", "--deadline", "600")
    assert waiting.stderr is not None
    try:
        assert "waiting_for_schema" in waiting.stderr.readline()
    finally:
        waiting.kill()
        waiting.communicate()


def uri(parameters: str) -> str:
    """Return the parameters of a connection as an address, because DATABASE_URL is one."""
    parts = {name: str(one) for name, one in psycopg.conninfo.conninfo_to_dict(parameters).items()}
    place = f"{parts.pop('host')}:{parts.pop('port')}/{parts.pop('dbname')}"
    login = f"{parts.pop('user')}:{parts.pop('password', '')}"
    return f"postgresql://{login}@{place}?{urlencode(parts)}"


def test_current_and_history_name_the_revisions(
    empty_database_url: str, own: psycopg.Connection
) -> None:
    assert run(empty_database_url, "current")[1].startswith("none: the database has no schema")
    migration.upgrade(SCRIPTS, empty_database_url, revision=REVISIONS[-3])
    behind = f"{REVISIONS[-3]} (2 behind {REVISIONS[-1]}: run `crawljobs-migrate upgrade`)\n"
    assert run(empty_database_url, "current")[:2] == (0, behind)
    migration.upgrade(SCRIPTS, empty_database_url)
    assert run(empty_database_url, "current")[1] == f"{REVISIONS[-1]} (the newest)\n"
    own.execute("UPDATE alembic_version SET version_num = '9999'")
    assert run(empty_database_url, "current")[1].startswith("9999 (newer than this version")
    code, printed, _ = run("", "history")  # needs no database
    lines = printed.splitlines()
    assert (code, [line.split()[0] for line in lines]) == (0, REVISIONS[::-1])
    assert lines[-1].startswith("0001  Create subreddits")


def on_terminal(url: str, answer: str, *arguments: str) -> tuple[int, str]:
    """Run the command on a terminal, type the answer, and return the exit code and the output."""
    inside, terminal = pty.openpty()
    process = subprocess.Popen(
        commands.command("crawljobs-migrate", *arguments),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": commands.import_path("shared"),
            "DATABASE_URL": url,
        },
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.write(inside, f"{answer}\n".encode())
    printed, _ = process.communicate(timeout=DEADLINE_SECONDS)
    os.close(inside)
    os.close(terminal)
    return process.returncode, printed


def test_a_downgrade_asks_or_wants_yes(empty_database_url: str, own: psycopg.Connection) -> None:
    migration.upgrade(SCRIPTS, empty_database_url)
    target = REVISIONS[-2]
    code, _, complaint = run(empty_database_url, "downgrade", target)
    assert code == 2
    name = psycopg.conninfo.conninfo_to_dict(empty_database_url)["dbname"]
    assert f"of the database {name} on 127.0.0.1 from revision {REVISIONS[-1]} to" in complaint
    assert "deletes the columns and tables" in complaint
    assert "Add --yes" in complaint
    for answer in ("", "n", "yess"):
        code, printed = on_terminal(empty_database_url, answer, "downgrade", target)
        assert (code, revision(own)) == (1, REVISIONS[-1])
        assert "Nothing was changed." in printed
    assert on_terminal(empty_database_url, "y", "downgrade", target)[0] == 0
    assert revision(own) == target
    assert run(empty_database_url, "downgrade", REVISIONS[-3], "--yes")[0] == 0
    assert revision(own) == REVISIONS[-3]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("ugprade",), "invalid choice: 'ugprade'"),
        (("upgrade", "--deadlin", "5"), "unrecognized arguments: --deadlin"),
        (("upgrade", "--deadline", "nan"), "expected a number of seconds"),
        (("upgrade", "--deadline", "-1"), "expected a number of seconds"),
        (("check", "extra"), "unrecognized arguments: extra"),
        (("downgrade",), "the following arguments are required: revision"),
        (("archive-audit", "--before", "soon"), "expected a time"),
    ],
)
def test_wrong_arguments_are_refused_with_the_reason(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main([*arguments])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


def test_names_of_a_database_reach_no_terminal_raw(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute('ALTER TABLE posts ADD COLUMN "x\x1b[2J\u202ey" int')
    code, printed, _ = run(database_url, "check")
    assert code == 1
    assert "x[2Jy" in printed
    assert all(one.isprintable() or one == "\n" for one in printed)
