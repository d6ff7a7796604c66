"""The revision that separates two Reddits knows the databases that crawled the sandbox before."""

import psycopg
import pytest

from onebox import migrate

BEFORE = "0034"
REVISION = "0035"


@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        (["sandbox"], [(False, "the sandbox")]),
        (["real"], []),
        (["sandbox", "real"], []),
        (["a", "sandbox"], []),
        ([], []),
    ],
)
def test_a_database_of_the_sandbox_is_marked_and_others_are_not(
    empty_database_url: str, clients: list[str], expected: list[tuple[bool, str]]
) -> None:
    migrate.upgrade(empty_database_url, revision=BEFORE)
    with psycopg.connect(empty_database_url) as connection:
        for client in clients:
            connection.execute("INSERT INTO reddit_budgets (client_id) VALUES (%s)", [client])
    migrate.upgrade(empty_database_url, revision=REVISION)
    with psycopg.connect(empty_database_url) as connection:
        found = connection.execute("SELECT is_real, api_url FROM crawled_reddit").fetchall()
    assert found == expected
