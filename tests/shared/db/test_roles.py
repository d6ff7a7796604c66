"""Each service logs in as a role of its own, which may do what `grants` says and no more."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.dialects import postgresql

from crawljobs.db import grants, migration, rights, roles, tables
from crawljobs.db.database import Database
from support import needs, service_statements
from support.databases import Databases
from support.roles import Roles, made, prefix_of_ones_own

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_SECONDS = 40
AUDIT_ROW = """
    INSERT INTO admin_audit_log (actor, action, resource_type) VALUES ('test', 'enqueue', 'job')
    """
REWRITES = (
    "UPDATE admin_audit_log SET actor = 'nobody'",
    "DELETE FROM admin_audit_log",
    "TRUNCATE admin_audit_log",
)


@pytest.fixture(scope="module")
def own(databases: Databases) -> Iterator[Roles]:
    """Shared by the tests that leave it as it was."""
    with made(databases) as roles_of_ours:
        yield roles_of_ours


@pytest.fixture
def prefix(databases: Databases) -> Iterator[str]:
    with prefix_of_ones_own(databases) as name:
        yield name


def start(url: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "migrations", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'shared'}",
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


def test_every_table_and_function_is_in_the_table_of_rights(own: Roles) -> None:
    assert set(grants.TABLES) == {*tables.metadata.tables, "alembic_version"}
    assert all({*kinds} == {*grants.ROLES} for kinds in grants.TABLES.values())
    with psycopg.connect(own.url) as conn:
        there = conn.execute("""
            SELECT oid::regprocedure::text FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace
            """).fetchall()
    assert {name for (name,) in there} == set(grants.FUNCTIONS)


@pytest.mark.parametrize("kind", grants.ROLES)
def test_a_role_may_do_to_each_table_what_the_table_says_and_nothing_else(
    own: Roles, kind: str
) -> None:
    with psycopg.connect(own.url) as conn:
        known = [one for one in grants.PRIVILEGES if one != "MAINTAIN" or _knows_maintain(conn)]
        may = conn.execute(
            """
            SELECT relname, privilege FROM pg_class, unnest(%s::text[]) AS privilege
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f')
                AND has_table_privilege(%s, pg_class.oid, privilege)
            """,
            [known, f"{own.prefix}_{kind}"],
        ).fetchall()
        functions = conn.execute(
            """
            SELECT oid::regprocedure::text FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype
                AND has_function_privilege(%s, oid, 'EXECUTE')
            """,
            [f"{own.prefix}_{kind}"],
        ).fetchall()
        row = conn.execute(
            """
            SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls,
                has_schema_privilege(rolname, 'public', 'CREATE'),
                has_database_privilege(rolname, current_database(), 'CREATE')
            FROM pg_roles WHERE rolname = %s
            """,
            [f"{own.prefix}_{kind}"],
        ).fetchone()
    said = {
        (table, privilege)
        for table, kinds in grants.TABLES.items()
        for privilege in kinds[kind] & {*known}
    }
    assert set(may) == said
    callers = {name for name, kinds in grants.FUNCTIONS.items() if kind in kinds}
    if kind == grants.OWNER:
        callers = {"end_frozen_sessions(interval)"}
    assert {name for (name,) in functions} == callers
    assert row == (False, kind == grants.OWNER, kind == grants.OWNER)


def _knows_maintain(conn: "psycopg.Connection[object]") -> bool:
    return conn.info.server_version >= 170_000


def test_nobody_rewrites_the_audit_log_not_even_a_superuser(own: Roles) -> None:
    with psycopg.connect(own.url, autocommit=True) as superuser:
        superuser.execute(AUDIT_ROW)
        for kind in grants.ROLES:
            with psycopg.connect(own.url_as(kind), autocommit=True) as conn:
                if kind != grants.METRICS:
                    conn.execute(AUDIT_ROW)
                for rewrite in REWRITES:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="denied"):
                        conn.execute(rewrite)
        for rewrite in REWRITES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                superuser.execute(rewrite)
        counted = superuser.execute("SELECT count(*) FROM admin_audit_log").fetchone()
    assert counted == (len(grants.ROLES),)


def test_a_second_run_changes_nothing_but_the_passwords(own: Roles) -> None:
    again = own.set_up()
    assert {line.split(" of ")[0] for line in again} == {"set the password"}
    database = Database(own.url, pool_size=1)
    try:
        assert roles.set_up(database, prefix=own.prefix, passwords={}) == []
        assert roles.follow(database, prefix=own.prefix) == []
        assert roles.follow(database, prefix=f"{own.prefix}_other") == []
    finally:
        database.close()


def test_what_was_granted_by_hand_is_taken_back_unless_code_may_still_need_it(own: Roles) -> None:
    worker = f"{own.prefix}_crawler_worker"
    database = Database(own.url, pool_size=1)
    try:
        with database.begin() as conn:
            conn.exec_driver_sql(f"GRANT SELECT ON api_tokens TO {worker}")
            conn.exec_driver_sql("GRANT SELECT ON api_tokens TO PUBLIC")
            conn.exec_driver_sql(f"REVOKE INSERT ON posts FROM {worker}")
        given = f"GRANT INSERT ON TABLE public.posts TO {worker}"
        assert roles.follow(database, prefix=own.prefix) == [
            given,
            "REVOKE SELECT ON TABLE public.api_tokens FROM PUBLIC",
        ]
        assert roles.set_up(database, prefix=own.prefix, passwords={}, keeps=True) == []
        assert roles.set_up(database, prefix=own.prefix, passwords={}) == [
            f"REVOKE SELECT ON TABLE public.api_tokens FROM {worker}",
        ]
    finally:
        database.close()


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
    """As on a hosted server, where nobody is a superuser."""
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
            assert [line for line in again if "pg_read_all_stats" not in line] == []
        finally:
            database.close()


def test_the_owner_migrates_and_the_services_get_what_is_new(
    prefix: str, databases: Databases
) -> None:
    """From an empty database; each may do what it should, after each revision too."""
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


def test_a_database_that_is_away_is_waited_for(prefix: str, databases: Databases) -> None:
    """As on the first day, when a roll-out is what makes the database."""
    with databases.empty() as url, psycopg.connect(url, autocommit=True) as conn:
        running = start(f"{url}x", "roles", "--deadline", "30", DATABASE_ROLE_PREFIX=prefix)
        assert running.stderr is not None
        assert "migrations.postponed" in running.stderr.readline()
        name = sql.Identifier(f"{conn.info.dbname}x")
        conn.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            _, complaint = running.communicate(timeout=DEADLINE_SECONDS)
            assert running.returncode == 0, complaint
        finally:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        done = command(f"{url}x", "roles", "--deadline", "0", DATABASE_ROLE_PREFIX=prefix)
        assert done.returncode == 1
        assert "does not exist" in done.stderr


def test_wait_waits_for_its_role_and_then_for_its_rights(prefix: str, databases: Databases) -> None:
    """Pods of a first roll-out are there before the job that makes their roles."""
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
        assert "this role may not read which schema" in waiting.stderr.readline()
        own.set_up()
        _, complaint = waiting.communicate(timeout=DEADLINE_SECONDS)
        assert waiting.returncode == 0, complaint


def test_several_that_make_the_same_roles_at_once_all_succeed(
    prefix: str, databases: Databases
) -> None:
    with databases.clone() as one, databases.clone() as other, ThreadPoolExecutor(4) as pool:
        made_by = [Roles(url, prefix, "p" * 16).set_up for url in (one, other, one, other)]
        for result in [pool.submit(make) for make in made_by]:
            result.result(DEADLINE_SECONDS)
        with psycopg.connect(Roles(other, prefix, "p" * 16).url_as(grants.SCHEDULER)) as conn:
            assert conn.execute("SELECT count(*) FROM scheduled_jobs").fetchone() == (0,)


@pytest.mark.parametrize("service", [grants.ADMIN_API, grants.CRAWLER_WORKER, grants.SCHEDULER])
def test_a_service_has_the_rights_for_every_statement_that_it_can_come_to(
    own: Roles, service: str
) -> None:
    """Also those of once a day. Planning a statement for execution looks at the rights."""
    dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    found = dict(service_statements.statements(service))
    assert len(found) >= 12
    denied = []
    with psycopg.connect(own.url_as(service), autocommit=True) as conn:
        if conn.info.server_version < 160_000:
            needs.missing("EXPLAIN (GENERIC_PLAN), of PostgreSQL 16")
        for name, statement in found.items():
            explain = f"EXPLAIN (GENERIC_PLAN) {statement.compile(dialect=dialect)}"
            try:
                conn.execute(explain.encode())
            except psycopg.errors.InsufficientPrivilege as error:
                denied.append(f"{name}: {error.diag.message_primary}")
    assert denied == []
