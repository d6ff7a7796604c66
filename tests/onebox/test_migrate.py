"""The messages of the demo when a database cannot be migrated."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from onebox import migrate
from onebox.demo_errors import PostgresError


@pytest.fixture
def guest_url(empty_database_url: str) -> Iterator[str]:
    """Yield the address of a role that may connect but, since PostgreSQL 15, create no tables."""
    role, password = f"crawltest_{secrets.token_hex(6)}", secrets.token_hex(16)
    name = sql.Identifier(role)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password))
        )
        parts = conninfo_to_dict(empty_database_url)
        place = f"{parts['host']}:{parts['port']}/{parts['dbname']}"
        yield f"postgresql://{role}:{password}@{place}"
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_a_role_that_may_not_create_is_told_what_it_needs(guest_url: str) -> None:
    with pytest.raises(PostgresError) as refused:
        migrate.upgrade(guest_url)
    assert str(refused.value) == (
        "The database cannot be migrated: permission denied for schema public: "
        "grant the role CREATE on the schema public, or use the role that owns the tables"
    )


def test_tables_of_somebody_else_are_told(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE crawl_jobs (id int)")
    with pytest.raises(PostgresError, match='"crawl_jobs" already exists: another program has'):
        migrate.upgrade(empty_database_url)


@pytest.mark.parametrize(
    ("hold", "told"),
    [
        ("SELECT pg_advisory_xact_lock(hashtext('crawljobs migrations'))", "another migration"),
        ("LOCK TABLE alembic_version", "end the session that holds a lock on a table"),
    ],
)
def test_a_database_that_others_hold_is_told(
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hold: str,
    told: str,
) -> None:
    migrate.upgrade(empty_database_url, revision="0001")
    monkeypatch.setattr(migrate, "DEADLINE_SECONDS", 0.5)
    with psycopg.connect(empty_database_url) as holder:
        holder.execute(hold.encode())
        with pytest.raises(PostgresError, match=told):
            migrate.upgrade(empty_database_url)
    said = capsys.readouterr().out.count("migrations.waiting_for_another")
    assert said == (1 if "advisory" in hold else 0)


def test_a_server_that_is_gone_is_told(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "DEADLINE_SECONDS", 0.5)
    gone = make_conninfo(empty_database_url, host="127.0.0.1", port=1)
    with pytest.raises(PostgresError) as refused:
        migrate.upgrade(gone)
    assert "gave up after 0.5 s: connection" in str(refused.value)
