"""The sizes of the largest tables as Prometheus reads them."""

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from crawljobs.db import tables
from crawljobs.db.database import Database
from crawljobs.repository import table_sizes
from crawljobs.runtime.probes import table_size_gauges
from crawljobs.runtime.probes.table_size_gauges import TableSizes


def sizes_of(database: Database) -> TableSizes:
    return TableSizes(database, is_database_up=lambda: True)


def shown(collector: TableSizes) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(collector)
    return {
        sample.labels["table"]: sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_the_largest_tables_are_shown_with_their_indexes(
    database: Database, database_url: str
) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("CREATE TABLE foreign_table AS SELECT generate_series(1, 100000) AS n")
        other.execute("CREATE SCHEMA other")
        other.execute("CREATE TABLE other.posts AS SELECT generate_series(1, 100000) AS n")
        other.execute("INSERT INTO subreddits (name) SELECT 's' || generate_series(1, 3000)")
        other.commit()
        (expected,) = other.execute("SELECT pg_total_relation_size('subreddits')").fetchone() or ()
    found = shown(sizes_of(database))
    assert len(found) == table_sizes.SHOWN
    assert next(iter(found.items())) == ("subreddits", expected)
    assert found.keys() <= tables.metadata.tables.keys()


def test_many_scrapes_ask_the_database_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    read = table_sizes.largest_tables
    monkeypatch.setattr(
        table_sizes, "largest_tables", lambda conn: (asked.append(1), read(conn))[1]
    )
    collector = sizes_of(database)
    assert shown(collector) == shown(collector)
    assert asked == [1]


def test_a_locked_table_costs_the_sizes_and_no_long_wait(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_size_gauges, "KEPT_SECONDS", 0.0)
    collector = sizes_of(database)
    with psycopg.connect(database_url) as migration:
        migration.execute("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
        assert shown(collector) == {}
    assert "posts" in shown(collector) or len(shown(collector)) == table_sizes.SHOWN


def test_without_the_database_there_are_no_sizes() -> None:
    assert shown(sizes_of(Database("postgresql://127.0.0.1:1/none"))) == {}


def test_a_database_that_did_not_answer_the_gauges_is_not_queried(database: Database) -> None:
    up = False
    collector = TableSizes(database, is_database_up=lambda: up)
    assert shown(collector) == {}
    up = True
    assert len(shown(collector)) == table_sizes.SHOWN
