"""Discovery checks the names that a crawl has found, and enqueues a bounded number of crawls."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Connection
from crawljobs.domain.job import JobSource
from crawljobs.domain.subreddit import LISTINGS
from crawljobs.repository.content import discovery, discovery_candidates, stored_subreddits
from crawljobs.repository.content.page_storage import crawled_items
from support import crawled, enqueueing, jobs
from support.crawls import Crawler, Transport

EXISTING = ("knitalong", "trailmaps", "pastryfailures")


@pytest.fixture
def lean(crawler: Crawler) -> Crawler:
    """Return a crawler that reads no histories, so that it discovers only what the test gives."""
    crawler.settings = replace(
        crawler.settings, user_sub_fetch_limit=0, max_comments_per_post=0, user_sub_enqueue_max=4
    )
    return crawler


def give_evidence(crawler: Crawler, home: str, /, **mentions: int) -> None:
    with crawler.database.begin() as conn:
        ids = stored_subreddits.ensure(conn, names=[home], discovered_from=None, depth=0)
        for name, count in mentions.items():
            conn.execute(
                text(
                    "INSERT INTO discovery_evidence (found_in, name, mentions) "
                    "VALUES (:home, :name, :count)"
                ),
                {"home": ids[home], "name": name, "count": count},
            )


def enqueued(crawler: Crawler) -> list[str]:
    rows = crawler.rows(
        "SELECT lower(subreddit.name) AS name FROM crawl_jobs AS job JOIN subreddits AS subreddit "
        "ON subreddit.id = job.subreddit_id WHERE source = 'discovery' ORDER BY 1"
    )
    return [row.name for row in rows]


def test_names_are_checked_a_hundred_in_one_request_and_only_what_exists_is_crawled(
    lean: Crawler,
) -> None:
    missing = [f"missing_{n}" for n in range(60)]
    barred = ["private_club", "banned_club", "u_somebody"]
    give_evidence(lean, "tiny_town", **dict.fromkeys([*EXISTING, *missing, *barred], 5))
    transport = Transport()
    lean.crawl("tiny_town", transport=transport)
    assert transport.paths.count("/api/info") == 1
    assert set(enqueued(lean)) == set(EXISTING)
    states = Counter(
        row.access
        for row in lean.rows(
            "SELECT access FROM subreddits WHERE lower(name) = ANY (:names)",
            names=[*missing, *barred],
        )
    )
    assert states == {"not_found": 61, "private": 1}


def test_what_does_not_exist_is_asked_for_once(lean: Crawler) -> None:
    give_evidence(lean, "tiny_town", missing_one=9)
    lean.crawl("tiny_town")
    lean.rows("UPDATE subreddits SET high_water_post = NULL RETURNING id")
    transport = Transport()
    lean.crawl("tiny_town", transport=transport)
    assert "/api/info" not in transport.paths


def test_reddits_own_listings_are_neither_asked_for_nor_crawled(lean: Crawler) -> None:
    names = sorted(LISTINGS)
    give_evidence(lean, "tiny_town", **dict.fromkeys([*names, "trailmaps"], 50))
    # An older release stored the names of listings.
    with lean.database.begin() as conn:
        known = [{"name": name} for name in names[:5]]
        conn.execute(text("INSERT INTO subreddits (name, access) VALUES (:name, 'public')"), known)
    assert lean.crawl("tiny_town") == "crawled"
    assert enqueued(lean) == ["trailmaps"]
    stored = "SELECT count(*) FROM subreddits WHERE name = ANY (:names)"
    assert lean.value(stored, names=names) == 5
    assert lean.value("SELECT count(*) FROM missing_parts") == 0


def test_a_listing_that_an_older_release_enqueued_fails_without_a_request(lean: Crawler) -> None:
    lean.enqueue("tiny_town")
    lean.rows("UPDATE subreddits SET name = 'all' RETURNING id")
    transport = Transport()
    with pytest.raises(crawl_failures.BadRequest, match="listing of Reddit's own"):
        lean.run(lean.claim(), transport=transport)
    assert transport.paths == []


def test_a_name_that_few_mention_leads_nowhere(lean: Crawler) -> None:
    give_evidence(lean, "tiny_town", knitalong=2, trailmaps=3)
    lean.crawl("tiny_town")
    assert enqueued(lean) == ["trailmaps"]


def test_the_strongest_come_first_and_no_more_than_there_is_room_for(lean: Crawler) -> None:
    lean.settings = replace(lean.settings, discovery_max_live_jobs=2)
    give_evidence(lean, "tiny_town", knitalong=3, trailmaps=30, pastryfailures=20)
    lean.crawl("tiny_town")
    assert enqueued(lean) == ["pastryfailures", "trailmaps"]


def test_crawls_that_end_at_once_do_not_both_take_the_last_place(lean: Crawler) -> None:
    names = [f"rival{n}" for n in range(5)]
    with lean.database.begin() as conn:
        ids = stored_subreddits.ensure(conn, names=names, discovered_from=None, depth=0)
    barrier = threading.Barrier(len(names))

    def promote(name: str) -> None:
        barrier.wait(10)

        def work(conn: Connection) -> None:
            if discovery.room(conn, at_most=1):
                enqueueing.enqueue(
                    conn, subreddit=name, priority=0, source=JobSource.DISCOVERY,
                    discovered_from=ids[name],
                )  # fmt: skip

        lean.database.run(work)

    threads = [threading.Thread(target=promote, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(enqueued(lean)) == 1


def crawl_all(crawler: Crawler) -> None:
    while crawler.rows("SELECT id FROM crawl_jobs WHERE status = 'queued'"):
        claim = crawler.claim()
        outcome = crawler.run(claim)
        with crawler.database.begin() as conn:
            jobs.complete(conn, claim=claim, outcome=outcome)


def test_discovery_from_one_root_ends_with_its_budget(crawler: Crawler) -> None:
    """The budget pays for some crawls. The other jobs end with the outcome no_budget."""
    crawler.settings = replace(crawler.settings, discovery_max_requests=9, user_sub_enqueue_max=3)
    crawler.crawl("tiny_town")
    crawl_all(crawler)
    jobs_found = crawler.rows(
        "SELECT coalesce(checkpoint->>'requests', '0')::int AS requests, outcome, last_crawled_at "
        "FROM crawl_jobs AS job JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id "
        "WHERE source = 'discovery'"
    )
    assert len(jobs_found) >= 3
    assert crawler.value("SELECT requests FROM discovery_roots") == 9
    assert sum(job.requests for job in jobs_found) == 9
    for job in jobs_found:
        assert (job.outcome, job.last_crawled_at is None) == (
            ("no_budget", True) if job.requests == 0 else ("crawled", False)
        )
    assert "no_budget" in {job.outcome for job in jobs_found}


def test_a_root_that_has_spent_its_budget_leads_nowhere(lean: Crawler) -> None:
    give_evidence(lean, "tiny_town", trailmaps=9)
    home = lean.value("SELECT id FROM subreddits")
    with lean.database.begin() as conn:
        discovery.spend(conn, root=home, requests=lean.settings.discovery_max_requests)
    lean.crawl("tiny_town")
    assert enqueued(lean) == []


class Told(threading.Event):
    """Reports a stop as soon as a crawl waits for it, and records the length of the wait."""

    waits: float = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits = timeout or 0.0
        return True


@pytest.mark.parametrize(
    ("source", "priority", "takes"),
    [
        ("discovery", 0, False),
        ("stale", 40, False),
        ("discovery", 50, True),
        ("schedule", 10, True),
    ],
)
def test_what_nobody_asked_for_takes_no_turn_where_others_queue(
    lean: Crawler, source: str, priority: int, takes: bool
) -> None:
    lean.crawl("empty_hall")
    queue = "UPDATE reddit_budgets SET next_slot_at = now() + interval '10 seconds' RETURNING "
    before = lean.value(queue + "next_slot_at")
    lean.enqueue("empty_yard", source=JobSource(source), priority=priority)
    stop = Told()
    with pytest.raises(crawl_failures.Interrupted):
        lean.run(lean.claim(), stop=stop)
    assert (lean.value("SELECT next_slot_at FROM reddit_budgets") > before) == takes
    assert (stop.waits > 2) == takes


def test_the_root_is_what_somebody_asked_for_however_it_was_met_before(conn: Connection) -> None:
    ids: dict[str, int] = {}
    for name, parent in (("elsewhere", None), ("asked", "elsewhere"), ("first", "asked")):
        ids |= stored_subreddits.ensure(
            conn, names=[name], discovered_from=ids.get(parent or ""), depth=len(ids)
        )
    assert discovery.root_of(conn, subreddit_id=ids["first"], depth=1) == ids["asked"]
    assert discovery.root_of(conn, subreddit_id=ids["first"], depth=2) == ids["elsewhere"]
    assert discovery.root_of(conn, subreddit_id=ids["first"], depth=9) == ids["elsewhere"]


def test_what_a_root_spent_is_forgotten_after_its_period(conn: Connection) -> None:
    (root,) = stored_subreddits.ensure(
        conn, names=["a_root"], discovered_from=None, depth=0
    ).values()
    assert discovery.spend(conn, root=root, requests=5, now=jobs.T0) == 5
    assert discovery.spend(conn, root=root, requests=2, now=jobs.T0) == 7
    later = jobs.T0 + discovery.rules.ROOT_PERIOD
    assert discovery.spent(conn, root=root, now=later) == 0
    assert discovery.spend(conn, root=root, requests=1, now=later) == 1


STORE: dict[str, Callable[..., Any]] = {"posts": crawled.post, "comments": crawled.comment}


@pytest.mark.parametrize("kind", ["posts", "comments"])
def test_an_item_is_evidence_once_and_an_author_once_a_page(conn: Connection, kind: str) -> None:
    make = STORE[kind]
    items = [make(f"a{n}", mentions=("rust", "go")) for n in range(3)]
    items.append(make("b", author=crawled.Account("eve"), mentions=("rust",)))
    for _ in range(2):
        crawled.store(conn, *items)
    rows = conn.execute(text("SELECT name, mentions FROM discovery_evidence ORDER BY name"))
    assert [tuple(row) for row in rows] == [("go", 1), ("rust", 2)]


def test_crossposts_are_evidence_of_their_own(conn: Connection) -> None:
    crawled.store(conn, crawled.post("a", crossposted_from="rust"))
    crawled.store(conn, crawled.post("b", crossposted_from="rust"))
    rows = conn.execute(text("SELECT name, mentions, crossposts FROM discovery_evidence"))
    assert [tuple(row) for row in rows] == [("rust", 0, 2)]


def test_old_evidence_is_forgotten(conn: Connection) -> None:
    crawled_items.store(
        conn,
        items=crawled.Items(posts=(crawled.post("a", mentions=("rust",)),)),
        known_subreddits={},
    )
    assert discovery_candidates.forget_evidence(conn, at_most=10) == 0
    conn.execute(text("UPDATE discovery_evidence SET last_at = now() - interval '91 days'"))
    assert discovery_candidates.forget_evidence(conn, at_most=10) == 1
