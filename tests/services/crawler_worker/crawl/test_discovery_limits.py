"""When a crawl discovers subreddits, how many names it checks, and how deep they lie."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.crawl import name_checks
from crawler_worker.crawl.missing.known_parts import KnownParts
from crawljobs.db.database import Database
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.jobs import T0
from support.scripted_reddit import ABOUT, Query, ScriptedReddit, always, listing, post

NAMES_ARE_DUE = [MissingPart(PartKind.NAMES, "", PartReason.TROUBLE, "x", 1, T0)]
RUST = {"kind": "t5", "data": {"display_name": "Rust", "subreddit_type": "public", "name": "t5_2"}}


def is_wanted(*, met_new: bool = True, depth: int = 2, parts: Any = (), **settings: Any) -> bool:
    limits = {"user_sub_enqueue_max": 1, "discovery_max_live_jobs": 1, "discovery_max_depth": 3}
    context: Any = SimpleNamespace(
        settings=replace(DEFAULTS, **{**limits, "fetch_user_subreddits": True, **settings}),
        claim=SimpleNamespace(depth=depth),
        parts=KnownParts(parts),
        met_new=lambda: met_new,
        now=lambda: T0,
    )
    return name_checks.is_wanted(context)


def test_a_crawl_discovers_subreddits_while_every_limit_allows_one() -> None:
    assert is_wanted()
    assert not is_wanted(user_sub_enqueue_max=0)
    assert not is_wanted(discovery_max_live_jobs=0)
    assert not is_wanted(fetch_user_subreddits=False)
    assert not is_wanted(depth=3)
    assert not is_wanted(depth=4)


def test_a_crawl_without_news_discovers_only_what_the_last_one_could_not_check() -> None:
    assert not is_wanted(met_new=False)
    assert is_wanted(met_new=False, parts=NAMES_ARE_DUE)
    assert is_wanted(parts=NAMES_ARE_DUE)
    assert not is_wanted(met_new=False, parts=NAMES_ARE_DUE, user_sub_enqueue_max=0)
    assert not is_wanted(met_new=False, parts=NAMES_ARE_DUE, depth=3)


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit(
        [post(f"{900 - n}", selftext="r/rust, r/golang", author=f"a{n}") for n in range(9)]
    )


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, user_sub_fetch_limit=0))


def test_one_request_checks_99_names_and_the_crawled_subreddit(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    names: list[list[str]] = []

    def note(query: Query) -> tuple[int, Any]:
        names.append(query["sr_name"].split(","))
        return 200, listing(ABOUT)

    reddit.answers["/api/info"] = note
    crawler.enqueue("python")
    claim = crawler.claim()
    with crawler.database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO discovery_evidence (found_in, name, mentions) "
                "SELECT :home, 'name' || n, 9 FROM generate_series(1, 150) AS n"
            ),
            {"home": claim.subreddit_id},
        )
    crawler.run(claim)
    (asked,) = names
    assert (len(asked), len(set(asked)), asked[-1]) == (100, 100, "python")


@pytest.mark.parametrize(("depth", "below"), [(0, 1), (1, 2), (999, 1_000), (1_000, 1_000)])
def test_items_of_another_subreddit_lie_one_discovery_deeper(
    crawler: Crawler, reddit: ScriptedReddit, depth: int, below: int
) -> None:
    crawler.settings = replace(crawler.settings, user_sub_fetch_limit=9)
    reddit.posts = [post("p1")]
    reddit.answers["/user/ada/overview"] = always(200, listing(post("h1", subreddit="elsewhere")))
    crawler.crawl("python", depth=depth)
    assert crawler.value("SELECT depth FROM subreddits WHERE name = 'elsewhere'") == below


def test_checked_names_lie_one_discovery_deeper(crawler: Crawler, reddit: ScriptedReddit) -> None:
    reddit.answers["/api/info"] = always(200, listing(ABOUT, RUST))
    crawler.crawl("python", depth=1)
    rows = crawler.rows("SELECT lower(name) AS name, depth, access FROM subreddits ORDER BY 1")
    assert [tuple(row) for row in rows] == [
        ("golang", 2, "not_found"),
        ("python", 1, "public"),
        ("rust", 2, "public"),
    ]
