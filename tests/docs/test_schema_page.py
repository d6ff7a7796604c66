"""docs/reference/schema.md describes each column of the catalogue, with its type and values."""

import re

from crawljobs.db import tables
from crawljobs.db.database import Connection
from support import schema_page

TEXT = schema_page.PAGE.read_text()


def test_each_column_is_described_with_its_type(conn: Connection) -> None:
    catalogue = schema_page.of_catalogue(conn)
    assert set(catalogue) == set(tables.metadata.tables)
    found = {
        table: {column: kind for column, (kind, _) in columns.items()}
        for table, columns in schema_page.documented(TEXT).items()
    }
    assert found == catalogue


def test_each_column_has_a_meaning_and_its_allowed_values() -> None:
    documented = schema_page.documented(TEXT)
    assert all(
        meaning.strip() for columns in documented.values() for _, meaning in columns.values()
    )
    allowed = schema_page.listed_values()
    assert len(allowed) >= 8
    missing = {
        f"{table}.{column}: {value}"
        for (table, column), values in allowed.items()
        for value in values
        if f"`{value}`" not in documented[table][column][1]
        # A column whose meaning refers to another column has the values of that column.
        and "as in `" not in documented[table][column][1]
        and value not in documented[table][column][1]
    }
    assert missing == set()


def test_the_list_of_tables_leads_to_each_section() -> None:
    listed = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \|", TEXT, re.MULTILINE)
    assert [name for name, _ in listed] == list(schema_page.documented(TEXT))
    assert all(name == anchor for name, anchor in listed)


def test_a_wrong_type_and_a_missing_value_would_be_found(conn: Connection) -> None:
    wrong = TEXT.replace("| `at` | timestamptz |", "| `at` | text |").replace("`released`, ", "")
    documented = schema_page.documented(wrong)
    kind, _ = documented["admin_audit_log"]["at"]
    assert kind != schema_page.of_catalogue(conn)["admin_audit_log"]["at"]
    values = schema_page.listed_values()["crawl_job_attempts", "outcome"]
    _, meaning = documented["crawl_job_attempts"]["outcome"]
    assert [value for value in values if value not in meaning] == ["released"]
