"""The exact faults that the check of roles and rights names, and what it leaves to others.

Each test changes the database in a transaction that it rolls back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from crawljobs.db.administration import granting, grants, protection, rights, roles
from crawljobs.db.database import Database
from support.databases import Databases
from support.roles import Roles, made


class OpenTransaction:
    """Stands for a Database: all work runs in one transaction, which the test rolls back."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        yield self.conn

    def run(self, work: Callable[[Connection], list[str]]) -> list[str]:
        return work(self.conn)


@pytest.fixture(scope="module")
def own(databases: Databases) -> Iterator[Roles]:
    with made(databases) as roles_of_ours:
        yield roles_of_ours


@pytest.fixture
def changed(own: Roles) -> Iterator[Connection]:
    """A transaction of a superuser, which is rolled back."""
    database = Database(own.url, pool_size=1)
    with database.begin() as conn:
        yield conn
        conn.rollback()
    database.close()


def names(own: Roles) -> dict[str, str]:
    return {kind: f"{own.prefix}_{kind}" for kind in grants.ROLES}


def execute(conn: Connection, own: Roles, *statements: str) -> None:
    place = rights.database_name(conn).removeprefix("DATABASE ")
    for statement in statements:
        conn.exec_driver_sql(statement.format(p=own.prefix, database=place))


def faults(conn: Connection, own: Roles) -> list[str]:
    found = protection.find(OpenTransaction(conn), prefix=own.prefix)  # type: ignore[arg-type]
    return [line.replace(own.prefix, "p") for line in found.differences]


def test_each_dangerous_right_of_a_role_is_a_fault(changed: Connection, own: Roles) -> None:
    execute(
        changed,
        own,
        "ALTER ROLE {p}_admin_api CREATEROLE",
        "ALTER ROLE {p}_crawler_worker CREATEDB",
        "ALTER ROLE {p}_metrics REPLICATION",
        "GRANT pg_read_all_stats TO {p}_crawler_worker",
        "GRANT SET ON PARAMETER session_replication_role TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "CREATE SCHEMA elsewhere AUTHORIZATION {p}_metrics",
        "ALTER DATABASE {database} OWNER TO {p}_metrics",
    )
    kept = (" may ", " is a member ", " owns ")
    assert [line for line in faults(changed, own) if any(word in line for word in kept)] == [
        "PUBLIC may make things in the schema public",
        "PUBLIC may set the setting session_replication_role",
        "p_admin_api may make roles",
        "p_crawler_worker is a member of pg_read_all_stats",
        "p_crawler_worker may make databases",
        "p_metrics may replicate",
        "p_metrics owns the database",
        "p_metrics owns the schema elsewhere",
    ]
    execute(changed, own, "ALTER ROLE {p}_scheduler SUPERUSER")
    assert "p_scheduler may do everything, as a superuser" in faults(changed, own)


def test_settings_of_roles_are_faults_in_the_order_of_their_names(
    changed: Connection, own: Roles
) -> None:
    execute(
        changed,
        own,
        "ALTER ROLE {p}_scheduler SET jit = on",
        "ALTER ROLE {p}_admin_api SET work_mem = '1MB'",
        "ALTER ROLE {p}_admin_api SET enable_sort = off",
        "ALTER ROLE {p}_admin_api SET app.mode = 'x'",  # no setting that the server knows
        "ALTER ROLE {p}_admin_api IN DATABASE {database} SET application_name = 'x'",
        "ALTER ROLE {p}_admin_api IN DATABASE {database} SET lock_timeout = '1h'",
        # A role cannot set these for itself, or they apply to another database.
        "ALTER ROLE {p}_metrics SET log_min_duration_statement = 0",
        "ALTER ROLE {p}_metrics IN DATABASE template1 SET work_mem = '1MB'",
    )
    found = [line for line in faults(changed, own) if "has the setting" in line]
    here = "IN DATABASE " + rights.database_name(changed).removeprefix("DATABASE ")
    assert found == [
        "p_admin_api has the setting app.mode",
        "p_admin_api has the setting enable_sort",
        "p_admin_api has the setting work_mem",
        f"p_admin_api has the setting application_name {here}",
        f"p_admin_api has the setting lock_timeout {here}",
        "p_scheduler has the setting jit",
    ]


def test_settings_for_another_database_make_no_change(changed: Connection, own: Roles) -> None:
    execute(changed, own, "ALTER ROLE {p}_scheduler IN DATABASE template1 SET work_mem = '1MB'")
    again = roles.set_up(OpenTransaction(changed), prefix=own.prefix, passwords={})  # type: ignore[arg-type]
    assert again == []


@pytest.mark.parametrize(
    "right", ["SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS", "NOLOGIN"]
)
def test_a_role_with_any_dangerous_right_is_not_taken_over(
    changed: Connection, own: Roles, right: str
) -> None:
    execute(changed, own, f"ALTER ROLE {{p}}_scheduler {right}")
    with pytest.raises(roles.RolesFailed, match=r"_scheduler exists and may do more"):
        roles.set_up(OpenTransaction(changed), prefix=own.prefix, passwords={})  # type: ignore[arg-type]


def test_a_small_share_of_connections_is_rounded_up_to_five(
    changed: Connection, own: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "CONNECTION_SHARES", {grants.METRICS: 0.001})
    done = roles.set_up(OpenTransaction(changed), prefix=own.prefix, passwords={})  # type: ignore[arg-type]
    assert done == [f"limited {own.prefix}_metrics to 5 connections"]


def test_objects_and_roles_of_other_programs_stay_as_they_are(
    changed: Connection, own: Roles
) -> None:
    execute(
        changed,
        own,
        "CREATE ROLE {p}_guest",
        "GRANT SELECT ON crawl_jobs TO {p}_guest",
        "GRANT UPDATE (title) ON posts TO {p}_guest",
        "CREATE TABLE public.other (id int)",
        "CREATE SEQUENCE public.others",
        "CREATE SCHEMA elsewhere",
        "CREATE TABLE elsewhere.posts (id int)",
        "GRANT ALL ON elsewhere.posts TO {p}_scheduler",
    )
    assert faults(changed, own) == []
    assert [*granting.equalize(changed, names(own), revoke=True)] == []


def test_rights_on_single_columns_are_named_and_revoked(changed: Connection, own: Roles) -> None:
    execute(
        changed,
        own,
        "GRANT SELECT (id) ON posts TO {p}_scheduler",
        "GRANT INSERT (at) ON admin_audit_log TO PUBLIC",
    )
    tail = "on TABLE public.admin_audit_log, by a membership or as PUBLIC"
    writers = ("admin_api", "crawler_worker", "metrics", "reader", "scheduler")
    assert faults(changed, own) == [
        *(f"p_{kind} has INSERT (at) {tail}" for kind in writers),
        "p_scheduler has SELECT (id) on TABLE public.posts, by a membership or as PUBLIC",
    ]
    assert [*granting.equalize(changed, names(own), revoke=True)] == [
        "REVOKE INSERT (at) ON TABLE public.admin_audit_log FROM PUBLIC",
        f"REVOKE SELECT (id) ON TABLE public.posts FROM {own.prefix}_scheduler",
    ]
    assert faults(changed, own) == []
