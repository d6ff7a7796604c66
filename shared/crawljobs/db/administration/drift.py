"""Compare a database's schema with the tables, functions, triggers and policies in the code."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, text

from crawljobs.db import tables
from crawljobs.db.database import Database
from crawljobs.db.tables import programs

# Each query returns one text for each object of a schema. The texts do not contain the schema's
# name, so that the texts of two schemas can be compared.
_CATALOGUE = {
    "column": """
        SELECT format('%s.%s %s%s%s', class.relname, attname, format_type(atttypid, atttypmod),
            CASE WHEN attnotnull THEN ' not null' ELSE '' END,
            CASE attgenerated::text WHEN 's' THEN ' generated ' ELSE CASE attidentity::text
                WHEN '' THEN ' default ' ELSE ' identity ' || attidentity::text END END
                || coalesce(pg_get_expr(adbin, adrelid), ''))
        FROM pg_attribute
        JOIN pg_class AS class ON class.oid = attrelid AND relkind = 'r'
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = to_regnamespace(:schema) AND attnum > 0 AND NOT attisdropped""",
    # This query leaves out NOT NULL constraints ('n'), because the query "column" returns them.
    # Only PostgreSQL 18 and later list NOT NULL constraints in pg_constraint.
    "constraint": """
        SELECT format('%s on %s: %s', conname, relname, pg_get_constraintdef(pg_constraint.oid))
        FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
        WHERE connamespace = to_regnamespace(:schema) AND contype <> 'n'""",
    "index": """
        SELECT replace(indexdef, format(' ON %I.', schemaname), ' ON ')
            || CASE WHEN indisvalid THEN '' ELSE ' (invalid)' END
        FROM pg_indexes
        JOIN pg_index ON indexrelid = to_regclass(format('%I.%I', schemaname, indexname))
        WHERE schemaname = :schema""",
    "storage": """
        SELECT format('%s: %s', relname, array_to_string(reloptions, ', '))
        FROM pg_class
        WHERE relnamespace = to_regnamespace(:schema) AND reloptions IS NOT NULL""",
    # The text contains the function's body. It contains no owner and no rights, because `rights.py`
    # compares owners and rights.
    "function": """
        SELECT replace(pg_get_functiondef(pg_proc.oid), format('%I.', nspname), '')
        FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
        WHERE nspname = :schema AND prokind IN ('f', 'p')""",
    # The value of tgenabled shows when the trigger fires. O: except in replica sessions; R: only in
    # replica sessions; A: always; D: never.
    "trigger": """
        SELECT format('%s (fires: %s)', pg_get_triggerdef(pg_trigger.oid, true), tgenabled)
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = to_regnamespace(:schema) AND NOT tgisinternal""",
    "row security": """
        SELECT format('of %s: %s', relname, CASE WHEN relforcerowsecurity THEN 'for the owner too'
            ELSE 'on' END)
        FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relrowsecurity""",
    # This query leaves out restrictive policies, because they contain the role names of an
    # installation. `audit_policies.py` compares the restrictive policies.
    "policy": """
        SELECT format('%s on %s for %s%s: %s, %s', polname, relname, polcmd,
            CASE WHEN polpermissive THEN '' ELSE ' restrictive' END,
            pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
        FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
        WHERE relnamespace = to_regnamespace(:schema) AND polpermissive""",
    "rule": """
        SELECT pg_get_ruledef(pg_rewrite.oid)
        FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class
        WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p')""",
}
ALEMBICS_OWN = "alembic_version"


def find(database: Database) -> list[str]:
    """Return one line for each difference between the schema `public` and the code.

    Creates the tables of the code in a temporary schema, then rolls the transaction back. The check
    does not change the database, and locks no table of the services.
    """
    scratch = f"crawljobs_check_{secrets.token_hex(4)}"
    with database.begin() as conn:
        have = describe(conn, "public")
        conn.execute(text(f"CREATE SCHEMA {scratch}"))
        conn.execute(text(f"SET LOCAL search_path = {scratch}"))
        tables.metadata.create_all(conn, checkfirst=False)
        for name, options in tables.STORAGE_PARAMETERS.items():
            conn.execute(text(f"ALTER TABLE {name} SET ({options})"))
        for statement in programs.STATEMENTS:
            conn.exec_driver_sql(statement.replace("%", "%%"))
        want = describe(conn, scratch)
        if have != want:
            as_made = _restored(conn, scratch, want)
            have = {as_made.get(line, line) for line in have}
        conn.rollback()
    missing = [f"missing {line}" for line in sorted(want - have)]
    return missing + [f"not in the code: {line}" for line in sorted(have - want)]


# Selects a statement for each CHECK. The statement drops the CHECK, and creates it again from the
# text that Postgres prints, as the restore of a dump does.
_RESTORE = """
    SELECT format('ALTER TABLE %I DROP CONSTRAINT %I, ADD CONSTRAINT %I %s',
        relname, conname, conname, pg_get_constraintdef(pg_constraint.oid))
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE connamespace = to_regnamespace(:schema) AND contype = 'c'"""


def _restored(conn: Connection, scratch: str, made: set[str]) -> dict[str, str]:
    """Map the texts of restored CHECK constraints to the texts of the original constraints.

    PostgreSQL prints a CHECK with fewer parentheses after the restore of a dump. Without this map,
    each restored CHECK would be reported as a difference.
    """
    for (statement,) in conn.execute(text(_RESTORE), {"schema": scratch}).all():
        conn.exec_driver_sql(statement.replace("%", "%%"))
    by_name = {line.partition(": ")[0]: line for line in made}
    again = describe(conn, scratch) - made
    return {line: by_name[line.partition(": ")[0]] for line in again}


def describe(conn: Connection, schema: str) -> set[str]:
    """Return one text for each object of the schema. The text of a function has several lines."""
    conn.execute(text(f"SET LOCAL search_path = {schema}"))
    return {
        f"{kind} {line}"
        for kind, query in _CATALOGUE.items()
        for (line,) in conn.execute(text(query), {"schema": schema})
        if ALEMBICS_OWN not in line
    }
