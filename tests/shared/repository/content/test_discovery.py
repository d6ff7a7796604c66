"""Discovery proposes public subreddits only, and never the name of a Reddit listing."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import discovery, discovery_candidates, stored_subreddits
from support import crawled, locks
from support.jobs import T0

HOME = "home"


def test_only_communities_that_anybody_may_read_are_led_to(conn: Connection) -> None:
    names = [f"is_{state}" for state in AccessState]
    ids = stored_subreddits.ensure(conn, names=[HOME, *names], discovered_from=None, depth=0)
    conn.execute(
        text(
            "UPDATE subreddits SET access = substr(name, 4), access_checked_at = now() "
            "WHERE name LIKE 'is_%'"
        )
    )
    conn.execute(
        text(
            "INSERT INTO discovery_evidence (found_in, name, mentions, crossposts) "
            "SELECT :home, lower(name), 99, 99 FROM subreddits WHERE name LIKE 'is_%'"
        ),
        {"home": ids[HOME]},
    )
    found = discovery_candidates.candidates(conn, subreddit_id=ids[HOME], at_most=100)
    assert set(found) == {"is_public", "is_restricted"}


def test_a_listing_of_reddits_own_is_never_led_to(conn: Connection) -> None:
    ids = stored_subreddits.ensure(conn, names=[HOME, "rust"], discovered_from=None, depth=0)
    conn.execute(
        text(
            "INSERT INTO discovery_evidence (found_in, name, mentions, crossposts) "
            "SELECT :home, name, 99, 99 "
            "FROM unnest(ARRAY['all', 'popular', 'random', 'mod', 'golang']) AS name"
        ),
        {"home": ids[HOME]},
    )
    assert discovery_candidates.unchecked(conn, subreddit_id=ids[HOME], at_most=100) == ["golang"]


def test_two_crawls_that_end_at_once_do_not_both_get_the_last_room(database: Database) -> None:
    found: list[int] = []

    def look() -> None:
        with database.begin() as conn:
            found.append(discovery.room(conn, at_most=1))

    other = threading.Thread(target=look)
    with database.begin() as conn:
        assert discovery.room(conn, at_most=1) == 1
        other.start()
        locks.wait_until_blocked(database)
        conn.execute(text("INSERT INTO subreddits (name) VALUES ('found')"))
        conn.execute(
            text("INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source) "
                 "SELECT id, 'queued', 1, 1, 'discovery' FROM subreddits")
        )  # fmt: skip
    other.join(10)
    assert found == [0]


def led_to(conn: Connection) -> list[str]:
    home = conn.execute(text("SELECT id FROM subreddits WHERE name = 'home'")).scalar_one()
    return discovery_candidates.unchecked(conn, subreddit_id=home, at_most=99)


def write(conn: Connection, author: str, *where: str, times: int = 1) -> None:
    account = crawled.Account(author)
    posts: list[Any] = [
        crawled.post(f"{author}{number}", author=account, subreddit=HOME) for number in range(times)
    ]
    crawled.store(
        conn,
        *posts,
        *(crawled.comment(f"{author}{name}"[:13], author=account, subreddit=name)
          for name in where),
    )  # fmt: skip


def test_the_most_active_authors_alone_are_followed(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(conn, "calm", "calmsub")
    write(conn, "busy", "busysub", times=3)
    assert led_to(conn) == ["busysub", "calmsub"]
    monkeypatch.setattr(discovery_candidates, "AUTHORS_MAX", 1)
    assert led_to(conn) == ["busysub"]


def test_the_strongest_evidence_alone_is_read(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored_subreddits.ensure(conn, names=[HOME], discovered_from=None, depth=0)
    conn.execute(
        text("INSERT INTO discovery_evidence (found_in, name, mentions, crossposts) VALUES "
             "(:home, 'third', 4, 2), (:home, 'fourth', 3, 2), (:home, 'first', 0, 9), "
             "(:home, 'second', 5, 2), (:home, 'fifth', 99, 0)"),
        {"home": ids[HOME]},
    )  # fmt: skip
    for most, names in (
        (1, {"first"}),
        (2, {"first", "second"}),
        (3, {"first", "second", "third"}),
        (5, {"first", "second", "third", "fourth", "fifth"}),
    ):
        monkeypatch.setattr(discovery_candidates, "EVIDENCE_MAX", most)
        assert set(led_to(conn)) == names


def test_evidence_that_has_not_grown_for_90_days_is_deleted(database: Database) -> None:
    """The oldest first. A row that another transaction has locked stays."""
    ages = {"aa": 91, "bb": 99, "cc": 95, "dd": 90, "ee": 0}

    def forget(**limits: int) -> list[str]:
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            discovery_candidates.forget_evidence(conn, now=T0, **{"at_most": 9, **limits})
            left = conn.execute(text("SELECT name FROM discovery_evidence ORDER BY name"))
            return list(left.scalars())

    with database.begin() as conn:
        ids = stored_subreddits.ensure(conn, names=[HOME], discovered_from=None, depth=0)
        for name, days in ages.items():
            conn.execute(
                text("INSERT INTO discovery_evidence (found_in, name, mentions, last_at) "
                     "VALUES (:home, :name, 1, :at)"),
                {"home": ids[HOME], "name": name, "at": T0 - timedelta(days=days)},
            )  # fmt: skip
    assert forget(at_most=1) == ["aa", "cc", "dd", "ee"]
    with database.begin() as holder:
        holder.execute(text("SELECT FROM discovery_evidence WHERE name = 'aa' FOR UPDATE"))
        assert forget() == ["aa", "dd", "ee"]
    assert forget() == ["dd", "ee"]
