"""`migrations check` names each change that weakens the rights of the services' roles."""

from collections.abc import Iterator

import psycopg
import pytest

from crawljobs.db.administration import protection, roles
from crawljobs.db.database import Database
from support.databases import Databases
from support.roles import Roles, made


@pytest.fixture(scope="module")
def own(databases: Databases) -> Iterator[Roles]:
    """Yield roles that all tests share. Each test must undo its changes."""
    with made(databases) as roles_of_ours:
        yield roles_of_ours


def found(own: Roles) -> list[str]:
    database = Database(own.url, pool_size=1)
    try:
        checked = protection.find(database, prefix=own.prefix)
        assert checked.notes == []
        return checked.differences
    finally:
        database.close()


def test_roles_as_they_are_made_have_no_fault(own: Roles) -> None:
    assert found(own) == []


def test_without_roles_the_check_says_that_actors_are_not_restricted(database: Database) -> None:
    checked = protection.find(database, prefix="crawltest_none")
    assert (checked.differences, checked.notes) == ([], [protection.OFF])


@pytest.mark.parametrize(
    ("change", "undo", "named"),
    [
        (
            "GRANT INSERT ON admin_audit_log TO {p}_scheduler",
            None,
            "{p}_scheduler has INSERT on TABLE public.admin_audit_log",
        ),
        (
            "GRANT INSERT (at) ON admin_audit_log TO {p}_admin_api",
            None,
            "{p}_admin_api has INSERT (at) on TABLE public.admin_audit_log",
        ),
        (
            "GRANT UPDATE ON SEQUENCE admin_audit_log_id_seq TO {p}_scheduler",
            None,
            "{p}_scheduler has UPDATE on SEQUENCE public.admin_audit_log_id_seq",
        ),
        (
            "GRANT UPDATE (scopes) ON api_tokens TO {p}_admin_api",
            None,
            "{p}_admin_api has UPDATE (scopes) on TABLE public.api_tokens",
        ),
        (
            "REVOKE INSERT (actor) ON admin_audit_log FROM {p}_scheduler",
            None,
            "{p}_scheduler lacks INSERT (actor) on TABLE public.admin_audit_log",
        ),
        (
            "DROP POLICY {p}_scheduler_audit ON admin_audit_log",
            None,
            "{p}_scheduler may write audit rows of other actors",
        ),
        (
            "ALTER POLICY {p}_scheduler_audit ON admin_audit_log WITH CHECK (true)",
            None,
            "{p}_scheduler may write audit rows of other actors",
        ),
        (
            "ALTER POLICY {p}_scheduler_audit ON admin_audit_log TO {p}_metrics",
            None,
            "{p}_scheduler may write audit rows of other actors",
        ),
        (
            "CREATE POLICY blind ON admin_audit_log AS RESTRICTIVE FOR SELECT USING (false)",
            "DROP POLICY blind ON admin_audit_log",
            "not in the code: policy blind on admin_audit_log",
        ),
        (
            "GRANT EXECUTE ON FUNCTION end_frozen_sessions(interval) TO PUBLIC",
            None,
            "{p}_metrics has EXECUTE on FUNCTION public.end_frozen_sessions(interval)",
        ),
        (
            "GRANT CONNECT ON DATABASE {database} TO PUBLIC",
            None,
            "PUBLIC has CONNECT on DATABASE",
        ),
        (
            "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC",
            None,
            "PUBLIC has TEMPORARY on DATABASE",
        ),
        (
            "ALTER TABLE admin_audit_log OWNER TO CURRENT_USER",
            None,
            "TABLE public.admin_audit_log belongs to ",
        ),
        (
            "ALTER FUNCTION refuse_audit_change() OWNER TO CURRENT_USER",
            None,
            "FUNCTION public.refuse_audit_change() belongs to ",
        ),
        (
            "GRANT SET ON PARAMETER session_replication_role TO {p}_crawler_worker",
            "REVOKE SET ON PARAMETER session_replication_role FROM {p}_crawler_worker",
            "{p}_crawler_worker may set the setting session_replication_role",
        ),
        (
            "GRANT pg_write_all_data TO {p}_crawler_worker",
            "REVOKE pg_write_all_data FROM {p}_crawler_worker",
            "{p}_crawler_worker is a member of pg_write_all_data",
        ),
        (
            "ALTER ROLE {p}_scheduler BYPASSRLS",
            "ALTER ROLE {p}_scheduler NOBYPASSRLS",
            "{p}_scheduler may pass by row policies",
        ),
        (
            "ALTER ROLE {p}_scheduler SET default_transaction_read_only = on",
            None,
            "{p}_scheduler has the setting default_transaction_read_only",
        ),
        (
            "ALTER ROLE {p}_scheduler IN DATABASE {database} SET search_path = evil",
            None,
            "{p}_scheduler has the setting search_path IN DATABASE",
        ),
        (
            "ALTER ROLE {p}_reader SET statement_timeout = 0",
            None,
            "{p}_reader lacks the setting statement_timeout=300s",
        ),
        (
            "ALTER ROLE {p}_reader SET default_transaction_read_only = off",
            None,
            "{p}_reader lacks the setting default_transaction_read_only=on",
        ),
        (
            "ALTER ROLE {p}_reader RESET idle_in_transaction_session_timeout",
            None,
            "{p}_reader lacks the setting idle_in_transaction_session_timeout=60s",
        ),
        (
            "ALTER ROLE {p}_scheduler RESET ALL",
            None,
            "{p}_scheduler lacks the setting lock_timeout=5s",
        ),
        (
            "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO {p}_reader",
            None,
            "{p}_reader has EXECUTE on FUNCTION pg_catalog.pg_advisory_lock(bigint)",
        ),
        (
            "REVOKE EXECUTE ON FUNCTION pg_advisory_xact_lock(bigint) FROM {p}_admin_api",
            None,
            "{p}_admin_api lacks EXECUTE on FUNCTION pg_catalog.pg_advisory_xact_lock(bigint)",
        ),
        (
            "GRANT CREATE ON SCHEMA public TO {p}_scheduler",
            "REVOKE CREATE ON SCHEMA public FROM {p}_scheduler",
            "{p}_scheduler may make things in the schema public",
        ),
    ],
)
def test_what_was_changed_by_hand_is_named_and_roles_mends_it(
    own: Roles, change: str, undo: str | None, named: str
) -> None:
    with psycopg.connect(own.url, autocommit=True) as conn:
        names = {"p": own.prefix, "database": f'"{conn.info.dbname}"'}
        conn.execute(change.format(**names).encode())
        try:
            faults = found(own)
        finally:
            if undo is not None:
                conn.execute(undo.format(**names).encode())
    assert any(named.format(**names) in fault for fault in faults), faults
    database = Database(own.url, pool_size=1)
    roles.set_up(database, prefix=own.prefix, passwords={})
    database.close()
    assert found(own) == []


def test_a_schema_of_another_program_is_no_fault(own: Roles) -> None:
    """The services search no tables in this schema, because their search path is `public`."""
    with psycopg.connect(own.url, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA reports")
        conn.execute("GRANT CREATE ON SCHEMA reports TO PUBLIC")
        assert found(own) == []


def test_a_database_that_an_older_version_set_up_has_notes_and_no_fault(own: Roles) -> None:
    """An older version left the functions to PUBLIC, and set no limit of the temporary files."""
    database = Database(own.url, pool_size=1)
    with psycopg.connect(own.url, autocommit=True) as conn:
        conn.execute("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), lo_create(oid) TO PUBLIC")
        conn.execute(f"ALTER ROLE {own.prefix}_reader RESET temp_file_limit".encode())
    checked = protection.find(database, prefix=own.prefix)
    assert checked.differences == []
    functions, sort_files = checked.notes
    assert "may call 2 functions that block other sessions or write to the disk" in functions
    assert "run `crawljobs-migrate roles` as a superuser" in functions
    assert sort_files.startswith(f"note: {own.prefix}_reader lacks the setting temp_file_limit=1GB")
    roles.set_up(database, prefix=own.prefix, passwords={})
    database.close()
    assert found(own) == []
