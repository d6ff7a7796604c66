"""A driver's error is described without any text that may contain a password."""

import threading

import psycopg
import pytest
from psycopg import conninfo
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crawljobs import errors, settings
from crawljobs.db import failures
from crawljobs.db.database import Database
from crawljobs.runtime import exception_text, startup
from crawljobs.settings.database import checked_database_url

CANARY = "canary"
ODD_PASSWORDS = [
    f"%zz{CANARY}",
    f"%00{CANARY}",
    f"100%{CANARY}",
    f"{CANARY} {CANARY}",
    f"{CANARY}@{CANARY}",
    f"{CANARY}#{CANARY}",
    f"{CANARY}?{CANARY}",
    f"{CANARY}/{CANARY}",
    f"5432/{CANARY}",
    f"5432?{CANARY}={CANARY}",
    f"{CANARY}\u00fc\u4e2d",
    f'"{CANARY}',
    f"{CANARY}\n{CANARY}",
    f"\x1b[31m{CANARY}",
    f"[{CANARY}",
    f"{CANARY}\\{CANARY}",
    f"{CANARY} host=elsewhere",
]
READABLE_PASSWORDS = [f"{CANARY}:{CANARY}", f"'{CANARY}", f"%40{CANARY}%2F", CANARY * 600, ""]
OTHER_ADDRESSES = [
    f"host=127.0.0.1 port=1 user=u password={CANARY}",
    f"host=127.0.0.1 port=1 password='{CANARY}",
    f"{CANARY}",
    f"u:{CANARY}@127.0.0.1/d",
    f"http://u:{CANARY}@127.0.0.1/d",
    f"postgresql://u:{CANARY}@127.0.0.1:99999/d",
    f"postgresql://u:{CANARY}@127.0.0.1:0/d",
    f"postgresql://u:p@127.0.0.1:{CANARY}/d",
    f"postgresql://u:p@127.0.0.1/d?{CANARY}={CANARY}",
    f"postgresql://u:p@127.0.0.1/d?{CANARY}",
    f"postgresql://u:p@[{CANARY}/d",
]


def with_password(password: str) -> str:
    return f"postgresql://u:{password}@127.0.0.1:1/d"


WRONG = [*map(with_password, ODD_PASSWORDS), *OTHER_ADDRESSES]


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_DIRECT_URL"])
@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_could_be_misread_is_refused_by_name(name: str, url: str) -> None:
    given = {"DATABASE_URL": "postgresql://h/d", name: url}
    with pytest.raises(errors.SettingsError) as refused:
        settings.read_database_settings(given)
    said = str(refused.value)
    assert said.startswith(f"{name}: expected an address such as postgresql://user:password@host")
    assert "percent-encoded: @ is %40" in said
    assert CANARY not in said
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("password", READABLE_PASSWORDS)
def test_an_address_that_the_driver_reads_in_one_way_is_taken(password: str) -> None:
    url = with_password(password)
    found = settings.read_database_settings({"DATABASE_URL": url})
    assert found.url == url
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql:///d",
        "postgres://h/d",
        "postgresql://u@[::1]:5432/d",
        "postgresql://u:p@h1:1,h2:2/d?target_session_attrs=read-write",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/d",
        "postgresql:///d?host=/var/run/postgresql&port=5433",
        "postgresql://u:p@h/d?options=-c%20statement_timeout%3D1s&sslmode=verify-full",
    ],
)
def test_every_form_of_an_address_is_taken(url: str) -> None:
    assert checked_database_url("X", url) == url


@pytest.mark.parametrize("url", [*WRONG, *map(with_password, READABLE_PASSWORDS)])
def test_a_message_of_the_driver_never_repeats_the_address(url: str) -> None:
    """A second protection behind the start check. Each address goes directly to the driver."""
    with pytest.raises((psycopg.Error, ValueError, OSError)) as failed:
        psycopg.connect(url, connect_timeout=2)
    assert CANARY not in failures.describe(failed.value)
    assert CANARY not in exception_text.text_of(failed.value)
    info = (type(failed.value), failed.value, failed.value.__traceback__)
    assert CANARY not in exception_text.as_lines(info)
    assert CANARY not in str(exception_text.as_dicts(info))


def test_a_failed_connection_is_described_by_its_place_and_reason() -> None:
    with pytest.raises(psycopg.OperationalError) as failed:
        psycopg.connect(with_password(CANARY), connect_timeout=2)
    assert failures.describe(failed.value) == "connection to 127.0.0.1, port 1: Connection refused"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST(:it AS int)",
        "SELECT CAST(:it AS jsonb)",
        "SELECT CAST(:it AS timestamptz)",
        f"SELECT '{CANARY}' FRM x",
    ],
)
def test_a_server_error_is_described_without_values(database: Database, statement: str) -> None:
    with pytest.raises(DBAPIError) as failed:
        given = {"it": CANARY} if ":it" in statement else {}
        database.run(lambda conn: conn.execute(text(statement), given))
    said = exception_text.text_of(failed.value)
    assert "SQLSTATE" in said
    assert CANARY not in said


def test_a_constraint_is_described_without_the_row(database: Database) -> None:
    insert = text("INSERT INTO alembic_version VALUES (:it), (:it)")
    with pytest.raises(DBAPIError) as failed:
        database.run(lambda conn: conn.execute(insert, {"it": CANARY}))
    said = exception_text.text_of(failed.value)
    assert said.startswith("duplicate key value violates unique constraint")
    assert CANARY not in said


def test_an_address_that_the_server_refuses_is_described_without_the_driver(
    database_url: str,
) -> None:
    wrong = conninfo.make_conninfo(database_url, dbname=f"no_{CANARY}")
    database = Database(wrong, pool_size=1)
    with pytest.raises(errors.SettingsError) as refused:
        startup.wait_for_schema(database, stop=threading.Event())
    database.close()
    assert CANARY not in str(refused.value)
    assert "does not exist" in str(refused.value)
