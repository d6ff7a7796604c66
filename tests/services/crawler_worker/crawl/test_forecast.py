"""A running crawl reports how many requests it will make in total."""

from dataclasses import replace

import pytest

from crawler_worker.crawl.checkpoints import estimate
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.forecast import PHASES, SECONDS_PER_REQUEST
from crawler_worker.crawl.tree import Thread, Tree
from crawljobs.repository.content.crawl_history import Marks
from support.crawls import DEFAULTS, Crawler, Transport

FIRST, AGAIN = Marks(), Marks(post="a", comment="b")


def total(at: Checkpoint, marks: Marks = FIRST) -> int:
    found = estimate.forecast(at, marks=marks, settings=DEFAULTS, seconds=10, requests=5)
    return found.total


def test_every_phase_is_in_the_forecast() -> None:
    assert PHASES[0] == Checkpoint().phase
    assert total(Checkpoint()) == 1 + 10 + 10 + DEFAULTS.user_sub_fetch_limit
    assert total(Checkpoint(), AGAIN) == 3


@pytest.mark.parametrize(
    ("posts", "pages"), [(1, 1), (100, 1), (101, 2), (250, 3), (999, 10), (1000, 10), (5000, 10)]
)
def test_no_more_pages_are_expected_than_are_asked_for_or_than_reddit_shows(
    posts: int, pages: int
) -> None:
    settings = replace(DEFAULTS, max_posts_per_sub=posts, fetch_user_subreddits=False)
    found = estimate.forecast(
        Checkpoint(phase="posts"), marks=FIRST, settings=settings, seconds=1, requests=1
    )
    assert found.total == pages + 10  # the crawl also requests 10 pages of comments


def test_the_forecast_follows_what_is_found_on_the_way() -> None:
    at = Checkpoint(phase="trees", requests=6, busiest=(("p", 9),) * 10)
    assert total(replace(at, tree=Tree("q", more=("c",) * 150, threads=(Thread("x", 1),)))) == (
        6 + 13 + 3 + DEFAULTS.user_sub_fetch_limit
    )
    assert total(Checkpoint(phase="authors", requests=6, histories=("a", "b"))) == 8


def test_a_finished_crawl_took_what_it_took_and_none_takes_more_than_it_may() -> None:
    assert total(Checkpoint(phase="done", requests=17)) == 17
    assert total(Checkpoint(requests=DEFAULTS.max_requests_per_job - 2)) == (
        DEFAULTS.max_requests_per_job
    )


@pytest.mark.parametrize(("requests", "pace"), [(5, 2.0), (0, SECONDS_PER_REQUEST)])
def test_the_pace_is_measured_as_soon_as_there_is_something_to_measure(
    requests: int, pace: float
) -> None:
    found = estimate.forecast(
        Checkpoint(), marks=FIRST, settings=DEFAULTS, seconds=10, requests=requests
    )
    assert found.pace == pace


def test_a_walk_of_the_whole_listings_takes_their_pages() -> None:
    def total(at: Checkpoint) -> int:
        marks = Marks(post="zz", comment="zz")
        return estimate.forecast(at, marks=marks, settings=DEFAULTS, seconds=1, requests=1).total

    new, whole = Checkpoint(phase="posts"), Checkpoint(phase="posts", whole=True)
    assert (total(new), total(whole)) == (2, 20)


def test_a_real_crawl_never_tells_fewer_than_it_has_made_and_ends_with_the_truth(
    crawler: Crawler,
) -> None:
    shown: list[tuple[int, int]] = []

    def look(_number: int) -> None:
        rows = crawler.rows("SELECT checkpoint FROM crawl_jobs WHERE checkpoint IS NOT NULL")
        found = [row.checkpoint for row in rows]
        shown.extend((each["requests"], each["forecast"]["total"]) for each in found)

    transport = Transport(look)
    crawler.crawl("tiny_town", transport=transport)
    assert len(shown) >= 3
    assert all(done < total for done, total in shown)
    end = crawler.checkpoint()
    assert end["requests"] == end["forecast"]["total"] == len(transport.paths)
