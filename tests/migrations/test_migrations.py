"""The migrations make the tables and can be reversed. Two at the same time do no harm."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db import schema, tables
from crawljobs.db.database import Connection, Database
from support import schedule_rows

ROOT = Path(__file__).parents[2]
VERSIONS = ROOT / "migrations" / "versions"


def definitions(conn: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return the definition of each column, constraint and index in the catalogue."""
    queries = {
        "columns": """
            SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity,
                generation_expression
            FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2""",
        "constraints": """
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                AND contype <> 'n' ORDER BY 1, 2""",
        "indexes": """
            SELECT tablename, indexname, indexdef FROM pg_indexes
            WHERE schemaname = 'public' ORDER BY 1, 2""",
    }
    return {
        name: [
            tuple(row)
            for row in conn.exec_driver_sql(query)
            if not str(row[0]).startswith("alembic")
        ]
        for name, query in queries.items()
    }


def start_alembic(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start Alembic in the top folder of the project, as an operator does."""
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(ROOT / "shared")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def alembic(url: str, *arguments: str) -> None:
    process = start_alembic(url, *arguments)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said


def test_the_migrations_make_exactly_the_tables_of_the_code(
    database: Database, empty_database_url: str
) -> None:
    created = Database(empty_database_url)
    with created.begin() as conn:
        tables.metadata.create_all(conn)
        expected = definitions(conn)
    created.close()
    with database.begin() as conn:
        assert definitions(conn) == expected
        context = MigrationContext.configure(conn)
        assert compare_metadata(context, tables.metadata) == []


def test_storage_parameters_are_those_of_the_code(database: Database) -> None:
    with database.begin() as conn:
        stored = {
            row.relname: ", ".join(option.replace("=", " = ") for option in row.reloptions)
            for row in conn.execute(
                text("SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL")
            )
            if row.relname in tables.metadata.tables
        }
    assert stored == tables.STORAGE_PARAMETERS


def test_every_revision_goes_down_and_up_again(empty_database_url: str) -> None:
    alembic(empty_database_url, "upgrade", "head")
    alembic(empty_database_url, "downgrade", "base")
    opened = Database(empty_database_url)
    with opened.begin() as conn:
        left = list(definitions(conn)["columns"])
    opened.close()
    assert left == []
    alembic(empty_database_url, "upgrade", "head")


def test_a_downgrade_deletes_schedules_with_steps_alone(
    database: Database, database_url: str
) -> None:
    """Earlier code has no schedules without a subreddit."""
    with database.begin() as conn:
        schedule_rows.create(conn, "plain")
        schedule_rows.create_with_steps(conn, "map", steps=[("a",)])
    alembic(database_url, "downgrade", "0041")
    with database.begin() as conn:
        left = conn.execute(text("SELECT name, subreddit_id FROM scheduled_jobs")).all()
    assert left == [("plain", 1)]


def test_migrating_twice_at_once_is_harmless(empty_database_url: str) -> None:
    running = [start_alembic(empty_database_url, "upgrade", "head") for _ in range(3)]
    for process in running:
        complaint, _ = process.communicate(timeout=30)
        assert process.returncode == 0, complaint


def test_the_newest_revision_is_known_to_the_code(database: Database) -> None:
    newest = max(path.name.split("_")[0] for path in VERSIONS.glob("[0-9]*.py"))
    assert schema.KNOWN_REVISIONS[-1] == newest
    with database.begin() as conn:
        schema.check_schema(conn)


def pretend(conn: Connection, revision: str, comment: str | None) -> None:
    """Change the stored revision and its comment as the migrations of a later version would."""
    said = "NULL" if comment is None else f"'{comment}'"
    conn.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    conn.execute(text(f"COMMENT ON TABLE alembic_version IS {said}"))


@pytest.mark.parametrize(
    "comment", [None, "runs code from 9998", "runs code from everywhere", "no runs code from 0001"]
)
def test_an_unknown_schema_is_refused_by_name(database: Database, comment: str | None) -> None:
    with database.begin() as conn:
        pretend(conn, "9999", comment)
        with pytest.raises(errors.UnknownSchema, match="revision 9999, this code knows"):
            schema.check_schema(conn)


def test_a_later_schema_that_only_expands_ours_is_accepted(database: Database) -> None:
    ours = schema.KNOWN_REVISIONS[-1]
    with database.begin() as conn:
        pretend(conn, "9999", f"runs code from {ours}")
        schema.check_schema(conn)
        pretend(conn, "0000", "runs code from 0000")
        with pytest.raises(errors.UnknownSchema, match="revision 0000"):
            schema.check_schema(conn)


def test_the_database_says_which_code_runs_on_it(database: Database) -> None:
    newest = ScriptDirectory(str(VERSIONS.parent)).get_revision(schema.KNOWN_REVISIONS[-1]).module
    with database.begin() as conn:
        said = conn.execute(
            text("SELECT obj_description('alembic_version'::regclass, 'pg_class')")
        ).scalar_one()
    assert said == f"runs code from {getattr(newest, 'runs_code_from', newest.revision)}"


def test_a_database_without_schema_is_refused(empty_database_url: str) -> None:
    opened = Database(empty_database_url)
    with opened.begin() as conn, pytest.raises(errors.UnknownSchema, match="revision none"):
        schema.check_schema(conn)
    opened.close()


def test_revision_files_are_numbered_and_named_by_what_they_do() -> None:
    for path in VERSIONS.glob("*.py"):
        assert re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", path.name), path.name
        module = path.read_text()
        assert f'revision = "{path.name[:4]}"' in module


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE admin_audit_log SET actor = 'x'",
        "DELETE FROM admin_audit_log",
        "TRUNCATE admin_audit_log",
    ],
)
def test_the_audit_log_cannot_be_changed_even_by_a_superuser(
    database: Database, change: str
) -> None:
    with pytest.raises(Exception, match="append-only"), database.begin() as conn:
        conn.execute(text(change))


def test_the_history_is_one_line() -> None:
    assert len(ScriptDirectory(str(VERSIONS.parent)).get_heads()) == 1


def test_an_interrupted_build_of_indexes_continues(empty_database_url: str) -> None:
    """The upgrade keeps finished indexes, and builds an unfinished one again."""
    alembic(empty_database_url, "upgrade", "0044")
    opened = Database(empty_database_url)
    with opened.begin() as conn:
        conn.execute(text("CREATE INDEX posts_updated_at_id_idx ON posts (updated_at, id)"))
        conn.execute(text("CREATE INDEX comments_updated_at_id_idx ON comments (updated_at)"))
        conn.execute(
            text(
                "UPDATE pg_index SET indisvalid = false "
                "WHERE indexrelid = 'comments_updated_at_id_idx'::regclass"
            )
        )
        finished = conn.execute(text("SELECT 'posts_updated_at_id_idx'::regclass::oid")).scalar()
    alembic(empty_database_url, "upgrade", "0047")
    with opened.begin() as conn:
        (built,) = conn.execute(
            text("SELECT pg_get_indexdef('comments_updated_at_id_idx'::regclass)")
        ).scalars()
        kept = conn.execute(text("SELECT 'posts_updated_at_id_idx'::regclass::oid")).scalar()
    opened.close()
    assert built.endswith("(updated_at, id)")
    assert kept == finished
