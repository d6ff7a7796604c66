"""The start refuses a database whose encoding or locale changes names. The error gives a remedy."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from crawljobs import errors
from crawljobs.db import character_set
from crawljobs.db.database import Database
from crawljobs.runtime import startup
from onebox.demo_errors import PostgresError
from onebox.postgres import database_checks
from support import admin_api, commands, needs
from support.databases import Databases, database_url

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_SECONDS = 40
TURKISH = """
CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT replace(pg_catalog.lower(replace($1, 'I', '~')), '~', 'ı') $$
"""


@contextlib.contextmanager
def made(databases: Databases, options: str) -> Iterator[str]:
    """Create a database with these options and without a schema. Yield its address."""
    name = f"crawltest_{databases.run}_{databases.process}_made"
    with psycopg.connect(databases.server_url, autocommit=True) as conn:
        conn.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 " + options).format(sql.Identifier(name))  # type: ignore[arg-type]
        )
        try:
            yield database_url(databases.server_url, name)
        finally:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(params=["SQL_ASCII", "LATIN1", "lower", "tr-TR", "az"])
def unusable(databases: Databases, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Yield the address of an unusable database, and words that the error must contain.

    The case `lower` needs no Turkish locale on the server, because a function replaces `lower`.
    """
    kind = str(request.param)
    if kind in ("SQL_ASCII", "LATIN1"):
        with made(databases, f"ENCODING '{kind}' LOCALE 'C'") as url:
            yield url, f"the encoding {kind}"
        return
    if kind == "lower":
        with databases.empty() as url:
            with psycopg.connect(url, autocommit=True) as conn:
                name = sql.Identifier(conn.info.dbname)
                conn.execute(TURKISH)
                conn.execute(
                    sql.SQL("ALTER DATABASE {} SET search_path = public, pg_catalog").format(name)
                )
            yield url, "lower('I') is not 'i'"
        return
    with psycopg.connect(databases.server_url) as conn:
        row = conn.execute(
            "SELECT count(*) FROM pg_collation WHERE collname = 'tr-x-icu'"
        ).fetchone()
        if row is None or row[0] == 0 or conn.info.server_version < 150_000:
            needs.missing("a Postgres with ICU")
    icu = f"ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE '{kind}' LOCALE 'C'"
    with made(databases, icu) as url:
        yield url, "lower('I') is not 'i'"


def test_the_start_is_refused_everywhere_by_a_sentence_that_says_how_to_make_one(
    unusable: tuple[str, str], tmp_path: Path
) -> None:
    url, named = unusable
    advice = "make another with CREATE DATABASE"
    opened = Database(url, pool_size=1)
    with pytest.raises(errors.UnusableDatabase, match=advice) as caught:
        startup.wait_for_schema(opened, stop=threading.Event(), deadline_seconds=0)
    opened.close()
    assert named in str(caught.value)
    with pytest.raises(PostgresError, match=advice):
        database_checks.refuse_unusable(url, "DATABASE_URL")
    if url.endswith("_made") and "SQL_ASCII" not in named:
        return  # other encodings are refused in the same way, and processes start slowly
    for command in (["upgrade"], ["wait", "--deadline", "0"]):
        done = migrations(url, *command)
        assert done.returncode == 1
        assert named in done.stderr, done.stderr
        assert advice in done.stderr
        assert "Traceback" not in done.stderr
    served = subprocess.run(
        admin_api.gunicorn_command(),
        env=admin_api.gunicorn_environment(url),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert served.returncode != 0
    assert "Traceback" not in served.stderr
    assert "admin-api: DATABASE_URL: the database" in served.stderr
    assert named in served.stderr


def migrations(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        commands.command("crawljobs-migrate", *arguments),
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


def test_a_good_database_is_used_and_the_advice_makes_one(databases: Databases) -> None:
    with databases.empty() as url, psycopg.connect(url) as conn:
        character_set.check(conn)
    with made(databases, "ENCODING 'UTF8' LOCALE 'C'") as url, psycopg.connect(url) as conn:
        character_set.check(conn)
