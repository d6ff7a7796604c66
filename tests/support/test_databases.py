import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from support.databases import Databases, database_url


def names(databases: Databases) -> set[str]:
    with psycopg.connect(databases.server_url) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_a_clone_has_the_schema_and_is_gone_afterwards(databases: Databases) -> None:
    with databases.clone() as url, psycopg.connect(url) as connection:
        name = connection.info.dbname
        assert connection.execute("SELECT count(*) FROM crawl_jobs").fetchone() == (0,)
        assert name in names(databases)
    assert name not in names(databases)


def test_a_lent_one_is_gone_once_another_is_lent(databases: Databases) -> None:
    with databases.lend() as url, psycopg.connect(url) as connection:
        name = connection.info.dbname
        assert connection.execute("SELECT count(*) FROM crawl_jobs").fetchone() == (0,)
    with databases.lend():
        assert name not in names(databases)


def test_an_empty_one_has_no_schema(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(query).fetchone() == (0,)


def test_a_run_drops_its_own_databases_only(databases: Databases) -> None:
    run = f"{databases.run}{databases.process}other"
    other = Databases(databases.server_url, run, "main", databases.clone_strategy)
    with other.empty() as dropped, databases.empty() as kept:
        both = {str(conninfo_to_dict(url)["dbname"]) for url in (dropped, kept)}
        assert both <= names(databases)
        other.drop_all()
        assert both & names(databases) == {conninfo_to_dict(kept)["dbname"]}


@pytest.mark.parametrize(
    "server",
    [
        "postgresql://me:p%40ss@db.example:5433/postgres?sslmode=require",
        "host=db.example port=5433 user=me password=p@ss dbname=postgres sslmode=require",
        "host=/run/postgresql user=me",
        "postgresql://me@one.example:1,two.example:2/postgres",
        "postgresql://me@[::1]:5433/postgres",
    ],
)
def test_the_address_of_another_database_differs_in_its_name_alone(server: str) -> None:
    parts = {**conninfo_to_dict(server), "dbname": "fresh"}
    url = database_url(server, "fresh")
    assert url.startswith("postgresql://")
    assert {key: str(value) for key, value in conninfo_to_dict(url).items()} == {
        key: str(value) for key, value in parts.items()
    }
