"""The command that makes the services' roles: required rights, refusals and waiting."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from crawljobs.db.administration import (
    grants,
    migration,
    protection,
    rights,
    role_settings,
    roles,
)
from crawljobs.db.database import Database
from support import commands
from support.databases import Databases
from support.roles import Roles, made, prefix_of_ones_own

ROOT = Path(__file__).resolve().parents[4]
DEADLINE_SECONDS = 40


@pytest.fixture(scope="module")
def own(databases: Databases) -> Iterator[Roles]:
    """Yield roles that several tests share. These tests must leave the roles unchanged."""
    with made(databases) as roles_of_ours:
        yield roles_of_ours


@pytest.fixture
def prefix(databases: Databases) -> Iterator[str]:
    with prefix_of_ones_own(databases) as name:
        yield name


def start(url: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        commands.command("crawljobs-migrate", *arguments),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": commands.import_path("shared"),
            "DATABASE_URL": url,
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(url: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    running = start(url, *arguments, **variables)
    printed, complaint = running.communicate(timeout=DEADLINE_SECONDS)
    return subprocess.CompletedProcess(arguments, running.returncode, printed, complaint)


def test_rights_that_come_by_a_membership_are_named_and_nothing_is_changed(own: Roles) -> None:
    worker, api = (f"{own.prefix}_{kind}" for kind in ("crawler_worker", "admin_api"))
    with psycopg.connect(own.url, autocommit=True) as conn:
        conn.execute(f"GRANT {api} TO {worker}")
        try:
            done = command(own.url, "roles", DATABASE_ROLE_PREFIX=own.prefix)
        finally:
            conn.execute(f"REVOKE {api} FROM {worker}")
    assert done.returncode == 1
    assert f"{worker} has INSERT on TABLE public.api_tokens, by a membership" in done.stderr


def test_a_role_of_the_same_name_that_may_do_anything_is_left_alone(
    prefix: str, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {prefix}_scheduler LOGIN BYPASSRLS")
    done = command(database_url, "roles", DATABASE_ROLE_PREFIX=prefix)
    assert done.returncode == 1
    assert "choose another DATABASE_ROLE_PREFIX" in done.stderr
    done = command(database_url, "roles", DATABASE_ROLE_PREFIX="a; DROP")
    assert "DATABASE_ROLE_PREFIX='a; DROP': expected" in done.stderr


def test_whoever_may_not_make_roles_is_told_what_is_needed(own: Roles, prefix: str) -> None:
    done = command(own.url_as(grants.OWNER), "roles", DATABASE_ROLE_PREFIX=prefix)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "permission denied to create role: run this as a superuser, or" in done.stderr


def test_the_owner_of_a_database_with_createrole_is_enough(
    prefix: str, databases: Databases
) -> None:
    """On a hosted server no user is a superuser, so CREATEROLE must be enough."""
    with databases.empty() as url, psycopg.connect(url, autocommit=True) as conn:
        name = sql.Identifier(conn.info.dbname)
        runner = Roles(url, prefix, secrets.token_hex(16))
        conn.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                sql.Identifier(f"{prefix}_their_admin"), sql.Literal(runner.password)
            )
        )
        conn.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                name, sql.Identifier(f"{prefix}_their_admin")
            )
        )
        address = runner.url_as("their_admin")
        migration.upgrade(ROOT / "migrations", address)
        database = Database(address, pool_size=1)
        try:
            assert roles.set_up(database, prefix=prefix, passwords={})
            again = roles.set_up(database, prefix=prefix, passwords={})
            left = [line for line in again if "pg_read_all_stats" not in line]
            (note,) = left
            assert "functions that block other sessions" in note
            assert "run `crawljobs-migrate roles` as a superuser" in note
            checked = protection.find(database, prefix=prefix)
            assert checked.differences == []
            functions, sort_files = checked.notes
            assert functions == note
            assert f"{prefix}_reader lacks the setting temp_file_limit=1GB" in sort_files
        finally:
            database.close()


def test_the_owner_migrates_and_the_services_get_what_is_new(
    prefix: str, databases: Databases
) -> None:
    """The database is new. All rights are correct at revision 0008 and at the last revision."""
    with databases.empty() as url:
        own = Roles(url, prefix, secrets.token_hex(16))
        own.set_up()
        migration.upgrade(
            ROOT / "migrations", own.url_as(grants.OWNER), revision="0008", role_prefix=prefix
        )
        database = Database(url, pool_size=1)
        with database.begin() as conn:
            names = {kind: f"{prefix}_{kind}" for kind in grants.ROLES}
            assert rights.differences(conn, names) == []
        database.close()
        done = command(own.url_as(grants.OWNER), "upgrade", DATABASE_ROLE_PREFIX=prefix)
        assert done.returncode == 0, done.stderr
        assert f"GRANT SELECT ON TABLE public.crawl_job_counts TO {prefix}_metrics" in done.stdout
        again = own.set_up()
        assert {line.split(" of ")[0] for line in again} == {"set the password"}
        assert command(own.url_as(grants.OWNER), "check").returncode == 0
        refused = command(own.url_as(grants.SCHEDULER), "check")
        assert refused.returncode == 1
        assert "use the role that owns the tables" in refused.stderr
        assert "Traceback" not in refused.stderr
        with psycopg.connect(own.url_as(grants.METRICS)) as conn:
            assert conn.execute("SELECT count(*) FROM crawl_jobs").fetchone() == (0,)
            assert conn.execute("SHOW lock_timeout").fetchone() == ("5s",)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("ALTER ROLE {p}_scheduler CONNECTION LIMIT 0", "limited {p}_scheduler to "),
        ("ALTER ROLE {p}_scheduler CONNECTION LIMIT -1", "limited {p}_scheduler to "),
        ("ALTER ROLE {p}_scheduler SET lock_timeout = 0", "set the lock_timeout of {p}_scheduler"),
        ("ALTER ROLE {p}_reader RESET temp_file_limit", "set the temp_file_limit of {p}_reader"),
        ("ALTER ROLE {p}_scheduler RESET ALL", "set the {setting} of {p}_scheduler"),
        ("ALTER ROLE {p}_scheduler SET work_mem = 64", "reset the work_mem of {p}_scheduler"),
        (
            "ALTER ROLE {p}_scheduler IN DATABASE {database} SET search_path = x",
            "reset the search_path of {p}_scheduler",
        ),
        ("REVOKE {p}_scheduler FROM {p}_owner", "made {p}_owner a member of {p}_scheduler"),
        ("ALTER ROLE {p}_owner SET work_mem = 64", None),  # settings of the owner's role are kept
    ],
)
def test_a_second_run_mends_what_was_changed_meanwhile_and_nothing_else(
    own: Roles, change: str, line: str | None
) -> None:
    with psycopg.connect(own.url, autocommit=True) as conn:
        conn.execute(change.format(p=own.prefix, database=conn.info.dbname).encode())
    mended = [one for one in own.set_up() if not one.startswith("set the password")]
    settings = role_settings.of(grants.SCHEDULER) if line and "{setting}" in line else [""]
    expected = [] if line is None else [line.format(p=own.prefix, setting=one) for one in settings]
    assert len(mended) == len(expected)
    assert all(one.startswith(start) for one, start in zip(mended, expected, strict=True))
    assert [one for one in own.set_up() if not one.startswith("set the password")] == []


def test_a_database_that_accepts_no_connections_yet_is_waited_for(
    prefix: str, databases: Databases
) -> None:
    with databases.empty() as url, psycopg.connect(databases.server_url, autocommit=True) as conn:
        name = sql.Identifier(str(psycopg.conninfo.conninfo_to_dict(url)["dbname"]))
        conn.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        running = start(url, "roles", "--deadline", "30", DATABASE_ROLE_PREFIX=prefix)
        assert running.stderr is not None
        assert "migrations.postponed" in running.stderr.readline()
        conn.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        _, complaint = running.communicate(timeout=DEADLINE_SECONDS)
        assert running.returncode == 0, complaint
        done = command(f"{url}x", "roles", "--deadline", "600", DATABASE_ROLE_PREFIX=prefix)
        assert done.returncode == 1
        assert "does not exist" in done.stderr


def test_wait_waits_for_its_role_and_then_for_its_rights(prefix: str, databases: Databases) -> None:
    """In a first roll-out, pods start before the job that makes their roles."""
    with databases.clone() as url:
        own = Roles(url, prefix, secrets.token_hex(16))
        waiting = start(own.url_as(grants.SCHEDULER), "wait", "--deadline", "30")
        assert waiting.stderr is not None
        assert "database.waiting_for_schema" in waiting.stderr.readline()
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(f"{prefix}_scheduler"), sql.Literal(own.password)
                )
            )
        assert "this role may not read the schema's revision" in waiting.stderr.readline()
        own.set_up()
        _, complaint = waiting.communicate(timeout=DEADLINE_SECONDS)
        assert waiting.returncode == 0, complaint


def test_public_loses_its_rights_with_keep_only_when_no_other_code_can_need_them(
    prefix: str, databases: Databases
) -> None:
    """On a new database one run is enough. A database with a schema needs a second run."""

    def public_connects(url: str) -> bool:
        with psycopg.connect(url) as conn:
            row = conn.execute(
                "SELECT has_database_privilege('pg_monitor', current_database(), 'CONNECT')"
            ).fetchone()
        return row == (True,)

    def keep(url: str) -> None:
        database = Database(url, pool_size=1)
        roles.set_up(database, prefix=prefix, passwords={}, keeps=True)
        database.close()

    with databases.empty() as new, databases.clone() as used:
        keep(new)
        assert not public_connects(new)
        keep(used)
        assert public_connects(used)
        keep(used)
        assert not public_connects(used)


def test_several_that_make_the_same_roles_at_once_all_succeed(
    prefix: str, databases: Databases
) -> None:
    with databases.clone() as one, databases.clone() as other, ThreadPoolExecutor(4) as pool:
        made_by = [Roles(url, prefix, "p" * 16).set_up for url in (one, other, one, other)]
        for result in [pool.submit(make) for make in made_by]:
            result.result(DEADLINE_SECONDS)
        with psycopg.connect(Roles(other, prefix, "p" * 16).url_as(grants.SCHEDULER)) as conn:
            assert conn.execute("SELECT count(*) FROM scheduled_jobs").fetchone() == (0,)
