"""The forecast estimates the requests of a crawl, phase by phase."""

from dataclasses import replace
from typing import Any

import pytest

from crawler_worker.crawl.checkpoints import estimate
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.forecast import Forecast
from crawler_worker.crawl.tree import Thread, Tree
from crawljobs import settings
from crawljobs.repository.content.crawl_history import Marks

CHOSEN = replace(
    settings.read_crawl_settings({}),
    max_posts_per_sub=250,
    user_sub_fetch_limit=7,
    max_requests_per_job=100,
)
NEW, KNOWN = Marks(), Marks(post="a", comment="b")


def forecast(at: Checkpoint, marks: Marks = NEW, **chosen: Any) -> Forecast:
    return estimate.forecast(
        at, marks=marks, settings=replace(CHOSEN, **chosen), seconds=10, requests=4
    )


@pytest.mark.parametrize(
    ("at", "marks", "chosen", "total"),
    [
        # The requests: one for the description, 3 pages of posts, 10 of comments, and 7 histories.
        ({}, NEW, {}, 1 + 3 + 10 + 7),
        ({}, KNOWN, {}, 1 + 1 + 1),
        ({}, NEW, {"fetch_user_subreddits": False}, 1 + 3 + 10),
        ({"phase": "posts"}, NEW, {}, 3 + 10 + 7),
        ({"phase": "posts", "page": 2}, NEW, {}, 1 + 10 + 7),
        ({"phase": "posts", "page": 9}, NEW, {}, 1 + 10 + 7),
        ({"phase": "posts", "page": 2, "requests": 5}, NEW, {}, 5 + 1 + 10 + 7),
        ({"phase": "posts"}, NEW, {"max_posts_per_sub": 5_000}, 10 + 10 + 7),
        ({"phase": "posts"}, NEW, {"max_posts_per_sub": 200}, 2 + 10 + 7),
        ({"phase": "posts"}, NEW, {"max_posts_per_sub": 201}, 3 + 10 + 7),
        ({"phase": "posts"}, KNOWN, {"posts_sort": "top"}, 3 + 1),
        ({"phase": "posts", "whole": True}, KNOWN, {}, 3 + 10),
        ({"phase": "posts"}, Marks(post="a"), {}, 1 + 10),
        ({"phase": "posts"}, Marks(comment="b"), {}, 3 + 1 + 7),
        ({"phase": "comments"}, NEW, {}, 10 + 7),
        ({"phase": "comments", "page": 4}, NEW, {}, 6 + 7),
        ({"phase": "comments", "page": 4}, KNOWN, {}, 1),
        ({"phase": "trees", "busiest": (("a", 1),) * 10}, KNOWN, {}, 13),
        ({"phase": "trees", "busiest": (("a", 1),) * 18}, KNOWN, {}, 23),  # 23.4
        ({"phase": "trees", "tree": Tree("a", more=("c",) * 101)}, KNOWN, {}, 2),
        ({"phase": "trees", "tree": Tree("a", threads=(Thread("c", 1),) * 3)}, KNOWN, {}, 3),
        ({"phase": "trees", "tree": Tree("a", unbrought=("c", "d"), more=("e",))}, KNOWN, {}, 2),
        ({"phase": "authors"}, NEW, {}, 7),
        ({"phase": "authors"}, KNOWN, {}, 1),
        ({"phase": "authors", "histories": ("a", "b", "c")}, KNOWN, {}, 3),
        ({"phase": "authors", "histories": ()}, NEW, {}, 1),
        ({"phase": "discovery", "requests": 8}, NEW, {}, 9),
        ({"phase": "done", "requests": 8}, NEW, {}, 8),
        # The forecast never exceeds the limit of a crawl, and is never below the requests made so
        # far.
        ({"requests": 95}, NEW, {}, 100),
        ({"requests": 120}, NEW, {}, 120),
    ],
)
def test_each_phase_that_is_left_takes_its_requests(
    at: dict[str, Any], marks: Marks, chosen: dict[str, Any], total: int
) -> None:
    assert forecast(Checkpoint(**at), marks, **chosen).total == total


def test_the_pace_is_that_of_the_last_requests_or_the_one_before() -> None:
    at = Checkpoint(forecast=Forecast(total=3, pace=1.5))
    assert forecast(at).pace == 2.5

    def pace(seconds: float, requests: int) -> float:
        return estimate.forecast(
            at, marks=NEW, settings=CHOSEN, seconds=seconds, requests=requests
        ).pace

    assert pace(10, 0) == 1.5
    assert pace(10, 1) == 10
    assert pace(1, 3) == 0.333
