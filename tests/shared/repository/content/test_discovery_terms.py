"""The conditions by which discovery proposes a subreddit or leaves it out, each tested alone."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain import discovery_rules as rules
from crawljobs.repository.content import discovery, discovery_candidates
from support.jobs import T0

SECOND = timedelta(seconds=1)


def subreddit(conn: Connection, name: str, **values: Any) -> int:
    given = {"name": name, **values}
    columns = ", ".join(given)
    marks = ", ".join(f":{column}" for column in given)
    made = conn.execute(
        text(f"INSERT INTO subreddits ({columns}) VALUES ({marks}) RETURNING id"), given
    )
    return int(made.scalar_one())


def evidence(conn: Connection, found_in: int, name: str, **values: int) -> None:
    given = {"found_in": found_in, "name": name, "mentions": 0, "crossposts": 0, **values}
    conn.execute(
        text("INSERT INTO discovery_evidence (found_in, name, mentions, crossposts) "
             "VALUES (:found_in, :name, :mentions, :crossposts)"),
        given,
    )  # fmt: skip


def author(conn: Connection, name: str, here: int, **elsewhere: int) -> None:
    """Store an author who wrote in `here`, and in each named subreddit this many comments."""
    author_id = conn.execute(
        text("INSERT INTO authors (name) VALUES (:name) RETURNING id"), {"name": name}
    ).scalar_one()
    conn.execute(
        text("INSERT INTO posts (id, subreddit_id, author_id, created_at) "
             "VALUES (:id, :here, :author, :now)"),
        {"id": name.lower(), "here": here, "author": author_id, "now": T0},
    )  # fmt: skip
    ids = {row.name: row.id for row in conn.execute(text("SELECT id, name FROM subreddits"))}
    for where, comments in [(here, 0), *((ids[key], value) for key, value in elsewhere.items())]:
        conn.execute(
            text("INSERT INTO author_subreddits VALUES (:author, :where, 1, :comments, :t, :t)"),
            {"author": author_id, "where": where, "comments": comments, "t": T0},
        )


@pytest.fixture
def here(conn: Connection) -> int:
    return subreddit(conn, "here")


def unchecked(conn: Connection, here: int, at_most: int = 99) -> list[str]:
    return discovery_candidates.unchecked(conn, subreddit_id=here, at_most=at_most)


def candidates(conn: Connection, here: int) -> list[str]:
    return discovery_candidates.candidates(conn, subreddit_id=here, at_most=99)


def test_enough_of_one_kind_of_evidence_leads_to_a_name(conn: Connection, here: int) -> None:
    elsewhere = subreddit(conn, "elsewhere")
    evidence(conn, here, "posted", crossposts=rules.CROSSPOSTS_ENOUGH)
    evidence(conn, here, "posted_once", crossposts=rules.CROSSPOSTS_ENOUGH - 1)
    evidence(conn, here, "named", mentions=rules.MENTIONS_ENOUGH)
    evidence(conn, here, "named_twice", mentions=rules.MENTIONS_ENOUGH - 1)
    evidence(conn, here, "both", mentions=2, crossposts=1)
    evidence(conn, elsewhere, "of_another", mentions=9, crossposts=9)
    assert sorted(unchecked(conn, here)) == ["named", "posted"]
    assert candidates(conn, here) == []


def test_an_author_leads_to_where_else_he_writes(conn: Connection, here: int) -> None:
    other = subreddit(conn, "other")
    subreddit(conn, "stranger")
    author(conn, "ada", here, other=0)
    author(conn, "bob", other, stranger=0)  # bob has not written in `here`
    author(conn, "AutoModerator", here, stranger=5)
    assert unchecked(conn, here) == ["other"]


@pytest.mark.parametrize(
    ("name", "leads"),
    [("good_1", True), ("x" * 21, True), ("u_someone", False), ("popular", False), ("ab", True)],
)
def test_a_name_must_be_one_that_can_be_enqueued(
    conn: Connection, here: int, name: str, leads: bool
) -> None:
    evidence(conn, here, name, mentions=9)
    assert unchecked(conn, here) == ([name] if leads else [])


@pytest.mark.parametrize(
    ("values", "is_unchecked", "is_candidate"),
    [
        ({}, True, False),
        ({"access_checked_at": T0}, False, False),
        ({"access": "public", "access_checked_at": T0}, False, True),
        ({"access": "restricted"}, False, True),
        ({"access": "private"}, False, False),
        ({"access": "not_found"}, False, False),
        ({"access": "public", "last_crawled_at": T0}, False, False),
        ({"last_crawled_at": T0}, False, False),
    ],
)
def test_a_known_subreddit_is_proposed_by_how_reddit_shows_it(
    conn: Connection, here: int, values: dict[str, Any], is_unchecked: bool, is_candidate: bool
) -> None:
    subreddit(conn, "Known", **values)
    evidence(conn, here, "known", mentions=9)
    assert (unchecked(conn, here), candidates(conn, here)) == (
        ["Known"] * is_unchecked,
        ["Known"] * is_candidate,
    )


@pytest.mark.parametrize(
    ("status", "is_candidate"),
    [("waiting", False), ("queued", False), ("failed", True), ("cancelled", True)],
)
def test_a_subreddit_that_has_a_live_job_is_not_proposed(
    conn: Connection, here: int, status: str, is_candidate: bool
) -> None:
    known = subreddit(conn, "known", access="public")
    evidence(conn, here, "known", mentions=9)
    job(conn, known, status=status)
    assert candidates(conn, here) == ["known"] * is_candidate


def job(conn: Connection, subreddit_id: int, *, status: str, source: str = "user") -> None:
    conn.execute(
        text(
            "INSERT INTO crawl_jobs (subreddit_id, status, wait_reason, priority, base_priority, "
            "source, finished_at) VALUES (:id, :status, "
            "CASE WHEN :status = 'waiting' THEN 'later' END, 1, 1, :source, "
            "CASE WHEN :status IN ('failed', 'cancelled', 'succeeded') THEN now() END)"
        ),
        {"id": subreddit_id, "status": status, "source": source},
    )


def test_the_strongest_come_first(conn: Connection, here: int) -> None:
    for name in ("one", "two", "busy", "calm"):
        subreddit(conn, name)
    author(conn, "ada", here, one=0, two=0, busy=7, calm=0)
    author(conn, "bob", here, two=0)
    evidence(conn, here, "named", mentions=rules.MENTIONS_ENOUGH)
    evidence(conn, here, "posted", crossposts=rules.CROSSPOSTS_ENOUGH)
    weights = {
        "two": 2 * rules.AUTHOR_WEIGHT,
        "busy": rules.AUTHOR_WEIGHT,
        "calm": rules.AUTHOR_WEIGHT,
        "one": rules.AUTHOR_WEIGHT,
        "named": rules.MENTIONS_ENOUGH * rules.MENTION_WEIGHT,
        "posted": rules.CROSSPOSTS_ENOUGH * rules.CROSSPOST_WEIGHT,
    }
    activity = {"two": 2, "busy": 8, "calm": 1, "one": 1}
    expected = sorted(weights, key=lambda one: (-weights[one], -activity.get(one, 0), one))
    assert unchecked(conn, here) == expected
    assert unchecked(conn, here, at_most=2) == expected[:2]


def test_live_jobs_of_discovery_take_up_room(conn: Connection) -> None:
    statuses = ("waiting", "queued", "failed", "cancelled", "succeeded")
    for status in statuses:
        job(conn, subreddit(conn, f"d_{status}"), status=status, source="discovery")
    job(conn, subreddit(conn, "of_a_user"), status="queued")
    assert discovery.live_jobs(conn) == 2
    assert [discovery.room(conn, at_most=most) for most in (1, 2, 4)] == [0, 0, 2]


def test_what_a_root_has_spent_counts_for_its_period(conn: Connection, here: int) -> None:
    other = subreddit(conn, "other")
    assert discovery.spent(conn, root=here, now=T0) == 0
    assert discovery.spend(conn, root=here, requests=5, now=T0) == 5
    discovery.spend(conn, root=other, requests=100, now=T0)
    end = T0 + rules.ROOT_PERIOD
    assert discovery.spend(conn, root=here, requests=2, now=end - SECOND) == 7
    assert discovery.spent(conn, root=here, now=end - SECOND) == 7
    assert discovery.spent(conn, root=here, now=end) == 0
    assert discovery.spend(conn, root=here, requests=1, now=end) == 1
    assert discovery.spent(conn, root=here, now=end + rules.ROOT_PERIOD - SECOND) == 1


def test_the_root_lies_as_many_steps_back_as_the_crawl_is_deep(conn: Connection) -> None:
    root = subreddit(conn, "root")
    first = subreddit(conn, "first", discovered_from=root)
    second = subreddit(conn, "second", discovered_from=first)
    found = [discovery.root_of(conn, subreddit_id=second, depth=depth) for depth in range(4)]
    assert found == [second, first, root, root]


def test_a_name_that_reddit_does_not_know_is_remembered(conn: Connection, here: int) -> None:
    subreddit(conn, "Unknown")
    subreddit(conn, "seen", access="public")
    discovery.record_missing(
        conn, names=["new", "unknown", "seen"], discovered_from=here, depth=2, now=T0
    )
    rows = conn.execute(
        text("SELECT name, access, access_checked_at, discovered_from, depth FROM subreddits "
             "WHERE id <> :here ORDER BY lower(name)"),
        {"here": here},
    ).all()  # fmt: skip
    assert [tuple(row) for row in rows] == [
        ("new", "not_found", T0, here, 2),
        ("seen", "public", None, None, 0),
        ("Unknown", "not_found", T0, None, 0),
    ]
