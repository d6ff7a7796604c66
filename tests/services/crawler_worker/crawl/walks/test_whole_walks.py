"""When a crawl reads the whole listings instead of stopping at the marks of the last crawl."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.missing.known_parts import KnownParts
from crawler_worker.crawl.walks import whole_walks
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.runtime import jitter
from support.jobs import T0

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def broken(kind: PartKind, *, is_due: bool) -> MissingPart:
    next_look_at = T0 if is_due else T0 + SECOND
    return MissingPart(kind, "", PartReason.TROUBLE, "x", 2, next_look_at)


def chosen(**values: Any) -> list[bool]:
    """Return `whole` of each checkpoint that the decision makes for a crawl that is due."""
    moves: list[bool] = []
    given = {
        "every": 30 * DAY,
        "checkpoint": Checkpoint(phase="posts"),
        "marks": Marks(post="a"),
        "last_crawled_at": T0 - DAY,
        "whole_walk_at": T0 - 30 * DAY,
        "parts": (),
        **values,
    }
    context: Any = SimpleNamespace(
        **given | {"parts": KnownParts(given["parts"])},
        settings=SimpleNamespace(walk_whole_every=given["every"]),
        now=lambda: T0,
        move_to=lambda at: moves.append(at.whole),
    )
    whole_walks.choose(context)
    return moves


@pytest.mark.parametrize(
    ("values", "moves"),
    [
        ({}, [True]),
        ({"whole_walk_at": T0 - 30 * DAY + SECOND}, []),
        ({"every": None}, []),
        # A first crawl reads the whole listings in any case.
        ({"marks": Marks(comment="a")}, []),
        ({"last_crawled_at": None}, []),
        # The decision falls once, at the first page.
        ({"checkpoint": Checkpoint(phase="posts", page=1)}, []),
        ({"checkpoint": Checkpoint(phase="posts", whole=True)}, []),
        # A walk would fail at a page of posts that is not due.
        ({"parts": [broken(PartKind.POSTS, is_due=False)]}, []),
        ({"parts": [broken(PartKind.POSTS, is_due=True)]}, [True]),
        ({"parts": [broken(PartKind.COMMENTS, is_due=False)]}, [True]),
    ],
)
def test_a_whole_walk_is_due_after_its_interval(values: dict[str, Any], moves: list[bool]) -> None:
    assert chosen(**values) == moves


@pytest.mark.parametrize(
    ("days_ago", "draw", "moves"),
    [(15, 0.49, [True]), (15, 0.5, []), (15, 0.51, []), (3, 0.09, [True]), (3, 0.11, [])],
)
def test_without_a_recorded_walk_the_share_of_the_interval_is_the_probability(
    monkeypatch: pytest.MonkeyPatch, days_ago: int, draw: float, moves: list[bool]
) -> None:
    monkeypatch.setattr(jitter, "uniform", lambda least, most: least + draw * (most - least))
    assert chosen(whole_walk_at=None, last_crawled_at=T0 - days_ago * DAY) == moves
