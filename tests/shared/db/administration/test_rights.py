"""Each service logs in with its own role, which has the rights in `grants` and no others."""

from collections.abc import Iterator

import psycopg
import pytest

from crawljobs.db import tables
from crawljobs.db.administration import grants, roles
from crawljobs.db.database import Database
from support import needs, plans, service_statements
from support.databases import Databases
from support.roles import Roles, made

AUDIT_ROW = """
    INSERT INTO admin_audit_log (actor, action, resource_type) VALUES (%s, 'enqueue', 'job')
    """
ACTORS = {grants.CRAWLER_WORKER: "system:crawler-worker", grants.SCHEDULER: "system:scheduler"}
REWRITES = (
    "UPDATE admin_audit_log SET actor = 'nobody'",
    "DELETE FROM admin_audit_log",
    "TRUNCATE admin_audit_log",
)


@pytest.fixture(scope="module")
def own(databases: Databases) -> Iterator[Roles]:
    """Yield roles that several tests share. These tests must leave the roles unchanged."""
    with made(databases) as roles_of_ours:
        yield roles_of_ours


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
        if kind == grants.OWNER or privilege not in grants.COLUMNS.get(table, {})
    }
    assert set(may) == said
    callers = {name for name, kinds in grants.FUNCTIONS.items() if kind in kinds}
    if kind == grants.OWNER:
        callers = {name for name, kinds in grants.FUNCTIONS.items() if kinds}
    assert {name for (name,) in functions} == callers
    assert row == (False, kind == grants.OWNER, kind == grants.OWNER)


@pytest.mark.parametrize("kind", grants.SERVICES)
def test_a_right_on_columns_is_on_these_columns_alone(own: Roles, kind: str) -> None:
    limited = [(table, what) for table, rights in grants.COLUMNS.items() for what in rights]
    with psycopg.connect(own.url) as conn:
        for table, what in limited:
            found = conn.execute(
                """
                SELECT attname FROM pg_attribute
                WHERE attrelid = %s::regclass AND attnum > 0
                    AND has_column_privilege(%s, attrelid, attnum, %s)
                """,
                [table, f"{own.prefix}_{kind}", what],
            ).fetchall()
            may = what in grants.TABLES[table][kind]
            said = set(grants.COLUMNS[table][what]) if may else set()
            assert {name for (name,) in found} == said, (table, what)


def _knows_maintain(conn: "psycopg.Connection[object]") -> bool:
    return conn.info.server_version >= 170_000


def test_no_role_rewrites_the_audit_log_and_triggers_stop_a_superuser(own: Roles) -> None:
    with psycopg.connect(own.url, autocommit=True) as superuser:
        superuser.execute(AUDIT_ROW, ["test"])
        for kind in grants.ROLES:
            with psycopg.connect(own.url_as(kind), autocommit=True) as conn:
                if kind not in (grants.METRICS, grants.READER):
                    conn.execute(AUDIT_ROW, [ACTORS.get(kind, "test")])
                else:
                    conn.execute("SET default_transaction_read_only = off")
                for rewrite in REWRITES:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="denied"):
                        conn.execute(rewrite)
        for mode in ("origin", "replica", "local"):
            superuser.execute(f"SET session_replication_role = {mode}")
            for rewrite in REWRITES:
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                    superuser.execute(rewrite)
        counted = superuser.execute("SELECT count(*) FROM admin_audit_log").fetchone()
    assert counted == (len(grants.ROLES) - 1,)


FORGED = (
    "(id, actor, action, resource_type) OVERRIDING SYSTEM VALUE VALUES (999, %(a)s, 'x', 'x')",
    "(at, actor, action, resource_type) VALUES ('infinity', %(a)s, 'x', 'x')",
    "(at, actor, action, resource_type) VALUES (now() - interval '1 year', %(a)s, 'x', 'x')",
    "(db_role, actor, action, resource_type) VALUES ('other', %(a)s, 'x', 'x')",
    "(transaction_id, actor, action, resource_type) VALUES ('5', %(a)s, 'x', 'x')",
)


@pytest.mark.parametrize("kind", [grants.ADMIN_API, grants.CRAWLER_WORKER, grants.SCHEDULER])
def test_the_server_says_who_added_an_audit_row_and_when(own: Roles, kind: str) -> None:
    actor = ACTORS.get(kind, "ops")
    with psycopg.connect(own.url_as(kind), autocommit=True) as conn:
        for forged in FORGED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"INSERT INTO admin_audit_log {forged}".encode(), {"a": actor})
        for other in ({*ACTORS.values()} | {"system:admin-api", "System:scheduler"}) - {actor}:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                conn.execute(AUDIT_ROW, [other])
        if kind != grants.ADMIN_API:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                conn.execute(AUDIT_ROW, ["ops"])
        for sequence in ("nextval", "currval"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"SELECT {sequence}('admin_audit_log_id_seq')".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT setval('admin_audit_log_id_seq', 1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute("LOCK TABLE admin_audit_log IN ROW EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("CREATE TEMPORARY TABLE admin_audit_log (id int)")
        conn.execute("BEGIN")
        transaction = conn.execute("SELECT pg_current_xact_id()::text").fetchone()
        conn.execute(AUDIT_ROW, [actor])
        conn.execute("COMMIT")
    with psycopg.connect(own.url, autocommit=True) as superuser:
        written = superuser.execute(
            """
            SELECT actor, db_role, transaction_id::text, clock_timestamp() - at < interval '1 min'
            FROM admin_audit_log ORDER BY id DESC LIMIT 1
            """
        ).fetchone()
        with pytest.raises(psycopg.errors.CheckViolation):
            superuser.execute(
                """
                INSERT INTO admin_audit_log (at, actor, action, resource_type)
                VALUES ('-infinity', 'a', 'x', 'x')
                """
            )
    assert transaction is not None
    assert written == (actor, f"{own.prefix}_{kind}", transaction[0], True)


def test_a_token_changes_in_its_use_and_its_revocation_alone(own: Roles) -> None:
    with psycopg.connect(own.url_as(grants.ADMIN_API), autocommit=True) as conn:
        conn.execute("SELECT 1 FROM api_tokens FOR UPDATE")
        conn.execute("UPDATE api_tokens SET last_used_at = now(), revoked_at = now()")
        for column in ("scopes", "name", "expires_at", "token_hash", "created_by", "id"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"UPDATE api_tokens SET {column} = {column}".encode())


def test_only_the_roles_connect_and_each_within_its_share(own: Roles) -> None:
    with psycopg.connect(own.url, autocommit=True) as superuser:
        row = superuser.execute(
            """
            SELECT array_agg(DISTINCT rolconnlimit > 0), has_database_privilege(
                'pg_monitor', current_database(), 'CONNECT')
            FROM pg_roles WHERE starts_with(rolname, %s) AND rolname <> %s
            """,
            [f"{own.prefix}_", f"{own.prefix}_owner"],
        ).fetchone()
    assert row == ([True], False)


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
            "REVOKE SELECT ON TABLE public.api_tokens FROM PUBLIC",
            given,
        ]
        assert roles.set_up(database, prefix=own.prefix, passwords={}, keeps=True) == []
        assert roles.set_up(database, prefix=own.prefix, passwords={}) == [
            f"REVOKE SELECT ON TABLE public.api_tokens FROM {worker}",
        ]
    finally:
        database.close()


@pytest.mark.parametrize("service", [grants.ADMIN_API, grants.CRAWLER_WORKER, grants.SCHEDULER])
def test_a_service_has_the_rights_for_every_statement_that_it_can_come_to(
    own: Roles, service: str
) -> None:
    """Rare statements are included. EXPLAIN checks the rights of a statement without running it."""
    found = dict(service_statements.statements(service))
    assert len(found) >= 12
    denied = []
    with psycopg.connect(own.url_as(service), autocommit=True) as conn:
        if conn.info.server_version < 160_000:
            needs.missing("EXPLAIN (GENERIC_PLAN), of PostgreSQL 16")
        for name, statement in found.items():
            explain = f"EXPLAIN (GENERIC_PLAN) {plans.compiled_for_prepare(statement)}"
            try:
                conn.execute(explain.encode())
            except psycopg.errors.InsufficientPrivilege as error:
                denied.append(f"{name}: {error.diag.message_primary}")
    assert denied == []
