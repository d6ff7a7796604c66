"""The role of analysts reads the crawled content, and no other table, and changes nothing."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from crawljobs.db import tables
from crawljobs.db.administration import grants, protection, role_settings
from crawljobs.db.database import Database
from onebox.postgres import binaries
from onebox.postgres.psql import VARIABLES
from support.databases import Databases
from support.roles import Roles, made

ROOT = Path(__file__).resolve().parents[4]
CONTENT = {
    "alembic_version",
    "author_subreddits",
    "authors",
    "comments",
    "crawl_gaps",
    "crawled_reddit",
    "discovery_evidence",
    "map_nodes",
    "missing_parts",
    "post_scores",
    "posts",
    "subreddit_counts",
    "subreddit_links",
    "subreddits",
}
DENIED = {*tables.metadata.tables, "alembic_version"} - CONTENT


@pytest.fixture(scope="module")
def own(databases: Databases) -> Iterator[Roles]:
    with made(databases) as roles_of_ours:
        yield roles_of_ours


@pytest.fixture
def reader(own: Roles) -> Iterator[psycopg.Connection]:
    with psycopg.connect(own.url_as(grants.READER), autocommit=True) as conn:
        yield conn


@pytest.mark.parametrize("table", sorted(CONTENT))
def test_it_reads_each_table_of_the_content(reader: psycopg.Connection, table: str) -> None:
    reader.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))


@pytest.mark.parametrize("table", sorted(DENIED))
def test_it_reads_no_column_of_another_table(reader: psycopg.Connection, table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    for column in tables.metadata.tables[table].columns:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(
                sql.SQL("SELECT {} FROM {}").format(
                    sql.Identifier(column.name), sql.Identifier(table)
                )
            )


def test_secrets_and_records_of_operators_are_among_the_other_tables() -> None:
    assert {"api_tokens", "reddit_tokens", "admin_audit_log", "idempotency_keys"} <= DENIED


def test_it_changes_nothing_also_in_a_transaction_that_may_write(
    reader: psycopg.Connection,
) -> None:
    for table in sorted(CONTENT | DENIED):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("CREATE TABLE mine (id int)")
    reader.execute("SET default_transaction_read_only = off")
    for table in sorted(CONTENT | DENIED):
        name = sql.Identifier(table)
        for statement in ("DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES", "TRUNCATE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(sql.SQL(statement).format(name))  # type: ignore[arg-type]
    for statement in (
        "UPDATE posts SET title = NULL",
        "SELECT 1 FROM posts FOR SHARE",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "SELECT nextval('subreddits_id_seq')",
        "SELECT end_frozen_sessions('1 second')",
        "COPY posts TO PROGRAM 'cat'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement)


def test_its_sessions_have_limits(reader: psycopg.Connection) -> None:
    limits = role_settings.of(grants.READER)
    assert limits["default_transaction_read_only"] == "on"
    shown = {
        name: reader.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
        for name in limits
    }
    assert shown == {
        "statement_timeout": ("5min",),
        "lock_timeout": ("5s",),
        "idle_in_transaction_session_timeout": ("1min",),
        "default_transaction_read_only": ("on",),
    }


@pytest.mark.parametrize(
    "call",
    [
        "count(pg_advisory_lock(i)) FROM generate_series(1, 20000) AS i",
        "pg_advisory_lock(hashtext('crawljobs migrations'))",
        "pg_advisory_lock_shared(1, 2)",
        "pg_advisory_xact_lock(hashtext('crawljobs token alice'))",
        "pg_advisory_xact_lock_shared(1)",
        "pg_try_advisory_lock(1)",
        "pg_try_advisory_lock_shared(1)",
        "pg_try_advisory_xact_lock(1, 2)",
        "pg_try_advisory_xact_lock_shared(1)",
        "pg_logical_emit_message(false, 'x', repeat('x', 1000))",
        "pg_logical_emit_message(false, 'x', 'x'::bytea)",
        "pg_export_snapshot()",
        "lo_creat(-1)",
        "lo_create(0)",
        "lo_from_bytea(0, 'x')",
        "lo_import('/etc/hostname')",
        "lo_put(1, 0, 'x')",
    ],
)
def test_it_calls_no_function_that_blocks_others_or_fills_the_disk(
    reader: psycopg.Connection, call: str
) -> None:
    for read_only in ("on", "off"):
        reader.execute(f"SET default_transaction_read_only = {read_only}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(f"SELECT {call}".encode())


@pytest.mark.parametrize("kind", [grants.OWNER, grants.ADMIN_API, grants.CRAWLER_WORKER])
def test_the_roles_that_need_advisory_locks_have_them(own: Roles, kind: str) -> None:
    with psycopg.connect(own.url_as(kind)) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(hashtext('x'))")
        conn.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('x', 0))")


def test_its_sort_files_have_a_limit_that_it_cannot_change(
    own: Roles, reader: psycopg.Connection
) -> None:
    assert reader.execute("SHOW temp_file_limit").fetchone() == ("1GB",)
    name = f"{own.prefix}_reader"
    reader.execute("SET default_transaction_read_only = off")
    for statement in ("SET temp_file_limit = -1", f"ALTER ROLE {name} SET temp_file_limit = -1"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())
    with psycopg.connect(own.url, autocommit=True) as conn:
        try:
            reader.execute(f"ALTER ROLE {name} RESET ALL".encode())
            kept = conn.execute(
                "SELECT setconfig FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole "
                "WHERE rolname = %s",
                [name],
            ).fetchone()
        finally:
            own.set_up()
    assert kept == (["temp_file_limit=1GB"],)


def test_a_database_of_an_older_version_without_the_role_is_no_fault(
    databases: Databases,
) -> None:
    with made(databases) as own:
        name = f"{own.prefix}_reader"
        with psycopg.connect(own.url, autocommit=True) as conn:
            conn.execute(f"DROP OWNED BY {name}".encode())
            conn.execute(f"DROP ROLE {name}".encode())
        database = Database(own.url, pool_size=1)
        try:
            assert protection.find(database, prefix=own.prefix).differences == []
            assert f"made the role {name}" in own.set_up()
        finally:
            database.close()


def test_the_page_lists_its_tables() -> None:
    text = (ROOT / "docs/operations/database-access.md").read_text()
    (row,) = re.findall(r"^\| reads \|(.*)$", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == CONTENT
    granted = {name for name, kinds in grants.TABLES.items() if kinds[grants.READER]}
    assert granted == CONTENT
    assert all(kinds[grants.READER] <= {"SELECT"} for kinds in grants.TABLES.values())


def test_the_reader_runs_each_query_on_the_crawled_data(reader: psycopg.Connection) -> None:
    text = (ROOT / "docs/operations/queries.md").read_text().partition("\n## Groups\n")[0]
    queries = [
        query
        for block in re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for query in block.split(";")
        if query.strip()
    ]
    assert queries
    for query in queries:
        reader.execute(query.encode())


PAGE = (ROOT / "docs/operations/database-access.md").read_text()
# A session that leaves its role and its limits has these rights.
ESCAPES = """
    RESET ROLE; SET ROLE NONE; SET default_transaction_read_only = off;
    SELECT session_user; SELECT count(*) FROM posts;
    SELECT count(*) FROM api_tokens; DELETE FROM posts;
"""


def psql_commands(way: str) -> list[list[str]]:
    """Return the words from `psql` on of each command in a section of the page."""
    (section,) = re.findall(rf"## {way}\n(.*?)\n## ", PAGE, re.DOTALL)
    joined = re.sub(r"\s*\\\n\s*", " ", "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)))
    return [shlex.split(found) for found in re.findall(r"\bpsql --.*", joined)]


@pytest.mark.parametrize("way", ["Compose", "Kubernetes"])
def test_a_command_on_the_page_logs_in_as_the_role_which_has_no_way_out(
    own: Roles, way: str
) -> None:
    first, *_ = psql_commands(way)
    assert first[1:] == ["--username=crawljobs_reader", "--dbname=crawljobs"]
    address = conninfo_to_dict(own.url_as(grants.READER))
    given = {VARIABLES[part]: str(value) for part, value in address.items() if part in VARIABLES}
    done = subprocess.run(
        [binaries.embedded_bindir() / "psql", "--no-psqlrc", "--tuples-only"],
        input=f"SHOW statement_timeout; {ESCAPES}",
        env={"PGDATABASE": str(address["dbname"]), **given},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.split()[0] == "5min", done.stderr
    assert f"{own.prefix}_reader" in done.stdout
    assert "permission denied for table api_tokens" in done.stderr
    assert "permission denied for table posts" in done.stderr


def test_a_command_for_a_superuser_sets_the_limits_and_is_called_weak() -> None:
    (options,) = re.findall(r'PGOPTIONS="(.*?)"', PAGE, re.DOTALL)
    given = dict(setting.split("=") for setting in re.findall(r"-c (\S+)", options))
    assert given == {"role": "crawljobs_reader", **role_settings.of(grants.READER)}
    _, _, after = PAGE.partition(options)
    assert "It protects against mistakes only: `SET ROLE NONE`" in after.partition("## ")[0]


def test_psql_of_the_demo_logs_in_as_the_role(own: Roles, tmp_path: Path) -> None:
    (tmp_path / "reader-url").write_text(own.url_as(grants.READER) + "\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "onebox.postgres.psql", "--data", tmp_path],
        input=ESCAPES,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/shared:{ROOT}/deploy"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert f"{own.prefix}_reader" in done.stdout, done.stderr
    assert "permission denied for table posts" in done.stderr
