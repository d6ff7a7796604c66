"""A database keeps the content of one kind of Reddit: the real one, or another server."""

import threading

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.repository.reddit_api import reddit_mixing

REAL = "https://oauth.reddit.com"
SANDBOX = "http://sandbox:8090"


@pytest.mark.parametrize(
    ("api_url", "expected"),
    [
        (REAL, True),
        ("https://OAUTH.Reddit.com:443/", True),
        ("https://reddit.com.", True),
        (SANDBOX, False),
        ("https://oauth.reddit.com.example.org", False),
        ("https://notreddit.com", False),
    ],
)
def test_only_the_hosts_of_reddit_are_the_real_reddit(api_url: str, expected: bool) -> None:
    assert reddit_mixing.is_real(api_url) is expected


@pytest.mark.parametrize(("first", "second"), [(SANDBOX, REAL), (REAL, SANDBOX)])
def test_the_second_kind_is_refused_and_changes_nothing(
    conn: Connection, first: str, second: str
) -> None:
    reddit_mixing.refuse(conn, api_url=first)
    with pytest.raises(errors.SettingsError, match=r"REDDIT_API_URL=.*use another database"):
        reddit_mixing.refuse(conn, api_url=second)
    reddit_mixing.refuse(conn, api_url=first)
    assert conn.execute(text("SELECT api_url FROM crawled_reddit")).scalar_one() == first


def test_the_remedy_of_the_message_lets_a_mixed_database_crawl_on(conn: Connection) -> None:
    reddit_mixing.refuse(conn, api_url=SANDBOX)
    with pytest.raises(errors.SettingsError, match="mixed both kinds") as refused:
        reddit_mixing.refuse(conn, api_url=REAL)
    conn.execute(text(str(refused.value).split("`")[1]))
    reddit_mixing.refuse(conn, api_url=REAL)


def test_two_sandboxes_are_of_one_kind(conn: Connection) -> None:
    reddit_mixing.refuse(conn, api_url="http://127.0.0.1:40001")
    reddit_mixing.refuse(conn, api_url="http://127.0.0.1:40002")


def test_a_long_address_is_stored_in_part(conn: Connection) -> None:
    reddit_mixing.refuse(conn, api_url=f"http://sandbox/{'a' * 10_000}")


def test_of_two_workers_that_start_at_the_same_time_one_is_refused(database: Database) -> None:
    together = threading.Barrier(2)
    refused: list[str] = []

    def start(api_url: str) -> None:
        try:
            with database.begin() as conn:
                together.wait(10)
                reddit_mixing.refuse(conn, api_url=api_url)
        except errors.SettingsError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=start, args=(url,)) for url in (REAL, SANDBOX)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(refused) == 1
