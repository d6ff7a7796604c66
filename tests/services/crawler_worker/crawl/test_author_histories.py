"""The fifth phase of a crawl reads the histories of the most active authors, once a month."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.crawl import author_histories
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler, Transport
from support.scripted_reddit import Query, ScriptedReddit, always, listing, post

NAMES = ("ada", "bob", "cleo")


def in_the_phase(crawler: Crawler, *, histories: tuple[str, ...] | None = None) -> Transport:
    """Crawl tiny_town from the phase of author histories on.

    Return the transport with its requests.
    """
    crawler.enqueue("tiny_town")
    claim = crawler.claim()
    with crawler.database.begin() as conn:
        for place, name in enumerate(NAMES):
            conn.execute(text("INSERT INTO authors (name) VALUES (:name)"), {"name": name})
            conn.execute(
                text(
                    "INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, "
                    "last_at) SELECT id, :subreddit, :posts, now(), now() FROM authors "
                    "WHERE name = :name"
                ),
                {"name": name, "subreddit": claim.subreddit_id, "posts": 9 - place},
            )
            conn.execute(
                text(
                    "INSERT INTO posts (id, subreddit_id, author_id, created_at) "
                    "SELECT :id || n, :subreddit, author.id, now() "
                    "FROM authors AS author, generate_series(1, :posts) AS n WHERE name = :name"
                ),
                {"id": name, "name": name, "subreddit": claim.subreddit_id, "posts": 9 - place},
            )
    transport = Transport()
    at = Checkpoint(phase="authors", histories=histories).saved()
    crawler.run(claim._replace(checkpoint=at), transport=transport)
    return transport


def asked(transport: Transport) -> list[str]:
    """Return the requested authors in order, each once. Missing accounts are requested twice."""
    paths = [path for path in transport.paths if path.startswith("/user/")]
    return list(dict.fromkeys(path.split("/")[2] for path in paths))


def unread(crawler: Crawler) -> list[str]:
    rows = crawler.rows(
        "SELECT name FROM authors WHERE history_fetched_at IS NULL "
        "AND name IN ('ada', 'bob', 'cleo') ORDER BY name"
    )
    return [row.name for row in rows]


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_the_most_active_authors_are_read_first_and_as_many_as_allowed(
    crawler: Crawler, limit: int
) -> None:
    crawler.settings = replace(crawler.settings, user_sub_fetch_limit=limit, user_sub_enqueue_max=0)
    assert asked(in_the_phase(crawler)) == ["ada", "bob"][:limit]
    assert unread(crawler) == [*NAMES[limit:]]
    assert crawler.checkpoint()["authors"] == limit


def test_those_that_the_checkpoint_names_are_read_and_no_others(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, user_sub_enqueue_max=0)
    assert asked(in_the_phase(crawler, histories=("cleo",))) == ["cleo"]
    assert unread(crawler) == ["ada", "bob"]


def test_no_history_is_read_when_the_settings_say_so(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=False)
    assert asked(in_the_phase(crawler)) == []
    assert unread(crawler) == [*NAMES]


def test_a_history_is_read_again_after_thirty_days(crawler: Crawler) -> None:
    assert author_histories.HISTORY_EVERY.days == 30
    crawler.settings = replace(crawler.settings, user_sub_enqueue_max=0)
    in_the_phase(crawler)
    crawler.rows(
        "UPDATE authors SET history_fetched_at = now() - CASE name WHEN 'bob' "
        "THEN interval '30 days 1 hour' ELSE interval '29 days 23 hours' END RETURNING id"
    )
    crawler.rows("UPDATE crawl_jobs SET status = 'cancelled', finished_at = now(), "
                 "claim_token = NULL, claimed_by = NULL, claimed_at = NULL, "
                 "lease_expires_at = NULL RETURNING id")  # fmt: skip
    crawler.enqueue("tiny_town")
    transport = Transport()
    at = Checkpoint(phase="authors").saved()
    crawler.run(crawler.claim()._replace(checkpoint=at), transport=transport)
    assert asked(transport) == ["bob"]


@pytest.fixture
def reddit() -> ScriptedReddit:
    """Three authors. The first one has written most."""
    authors = ["ada"] * 3 + ["bob"] * 2 + ["cleo"]
    return ScriptedReddit([post(f"{900 - n}", author=name) for n, name in enumerate(authors)])


@pytest.fixture
def scripted(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, user_sub_enqueue_max=0))


def test_a_checkpoint_counts_the_histories(scripted: Crawler, reddit: ScriptedReddit) -> None:
    stop = threading.Event()

    def stopping(_query: Query) -> tuple[int, Any]:
        stop.set()
        return 200, listing()

    reddit.answers["/user/bob/overview"] = stopping
    scripted.enqueue("python")
    with pytest.raises(crawl_failures.Interrupted):
        scripted.run(scripted.claim(), stop=stop)
    at = scripted.checkpoint()
    assert (at["phase"], at["page"], at["authors"], at["histories"]) == ("authors", 2, 2, ["cleo"])


def test_an_author_whose_next_try_is_not_due_takes_no_place_of_others(
    scripted: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/user/ada/overview"] = always(400, {"message": "Bad Request", "error": 400})
    scripted.settings = replace(scripted.settings, user_sub_fetch_limit=1)
    for _ in range(2):
        scripted.crawl("python")
    reddit.asked.clear()
    scripted.rows("UPDATE authors SET first_seen_at = now() RETURNING id")
    scripted.settings = replace(scripted.settings, user_sub_fetch_limit=2)
    scripted.crawl("python")
    paths = [path for path in reddit.asked if path.startswith("/user/")]
    assert paths == ["/user/bob/overview", "/user/cleo/overview"]
