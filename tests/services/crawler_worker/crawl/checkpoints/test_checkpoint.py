"""A checkpoint keeps the state of a crawl, drops what belongs to one phase, and refuses damage."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crawler_worker.crawl.checkpoints import checkpoint, saved_checkpoint
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.forecast import Forecast
from crawler_worker.crawl.checkpoints.saved_checkpoint import UnreadableCheckpoint
from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.crawl.tree import Stub, Thread, Tree
from crawljobs.domain.coverage import Gap, ListingName, Walk, WalkEnd
from crawljobs.domain.job import ErrorKind
from crawljobs.domain.missing_part import LISTED_MAX, MissingPart, PartKind, PartReason
from support.jobs import T0


def seen(*ids: str) -> str:
    made = Seen("")
    made.add(list(ids))
    return made.text


def part(item: str, kind: PartKind = PartKind.TREE, **values: Any) -> MissingPart:
    given = {"reason": PartReason.TROUBLE, "message": "x", "failures": 2, "next_look_at": T0}
    return MissingPart(kind, item, **{**given, **values})


FULL = Checkpoint(
    phase="trees",
    cursor="t3_a",
    cursor_at=T0.isoformat(),
    page=1,
    posts=2,
    comments=3,
    authors=4,
    requests=5,
    asked_at=T0.isoformat(),
    forecast=Forecast(total=6, pace=0.5),
    gap=True,
    unclear=7,
    whole=True,
    seen=seen("a", "b"),
    empty_pages=2,
    posts_walk=Walk("a", T0, WalkEnd.CAP),
    comments_walk=Walk("b", T0, None),
    gaps=(Gap(ListingName.POSTS, "a", "b", T0),),
    missing=(part("a"), part("b", seen_to="z")),
    given_up=3,
    older_in_a_row=4,
    anchors=("t3_b", "t1_c"),
    newest_post="c",
    newest_comment="d",
    busiest=(("e", 9),),
    tree=Tree(
        "f",
        comments=1,
        more=("g",),
        threads=(Thread("h", 2),),
        stubs=(Stub(None, 0, 1), Stub("i", 1, 2)),
        reported=9,
        handled=seen("j"),
        unbrought=("k",),
        cut=2,
        is_first=False,
        is_looked_up=True,
        is_broken=True,
    ),
    histories=("l",),
)


def test_what_is_saved_is_read_back() -> None:
    for one in (Checkpoint(), FULL, replace(FULL, histories=(), tree=Tree("f"))):
        assert saved_checkpoint.read(one.saved()) == one
    assert saved_checkpoint.read(None) == Checkpoint()


def test_what_most_crawls_never_need_is_left_out_of_what_is_saved() -> None:
    optional = {
        "whole",
        "seen",
        "empty_pages",
        "posts_walk",
        "comments_walk",
        "gaps",
        "missing",
        "given_up",
        "unclear",
    }
    assert FULL.saved().keys() - Checkpoint().saved().keys() == optional
    assert Checkpoint().saved()["v"] == 1


def test_a_crawl_begins_with_nothing_counted_and_the_usual_pace() -> None:
    assert Checkpoint().saved() == {
        "v": 1,
        "phase": "about",
        "cursor": None,
        "cursor_at": None,
        "page": 0,
        "posts": 0,
        "comments": 0,
        "authors": 0,
        "requests": 0,
        "asked_at": None,
        "forecast": {"total": 0, "pace": 0.62},
        "gap": False,
        "older_in_a_row": 0,
        "anchors": (),
        "newest_post": None,
        "newest_comment": None,
        "busiest": (),
        "tree": None,
        "histories": None,
    }
    start = Checkpoint()
    assert (start.unclear, start.empty_pages, start.given_up, start.whole) == (0, 0, 0, False)


def test_a_phase_begins_at_the_first_page_of_its_listing() -> None:
    restarted = {
        "cursor": None,
        "cursor_at": None,
        "anchors": (),
        "page": 0,
        "older_in_a_row": 0,
        "seen": "",
        "empty_pages": 0,
    }
    assert FULL.restarted() == replace(FULL, **restarted)
    assert FULL.enter("authors") == replace(FULL, **restarted, phase="authors", unclear=0)
    # The phase "trees" needs the ids of the comments that the listing has shown.
    kept = {**restarted, "seen": FULL.seen}
    assert FULL.enter("trees") == replace(FULL, **kept, phase="trees", unclear=0)


def test_a_part_is_named_once_and_the_first_ones_are_listed() -> None:
    at = Checkpoint()
    for number in range(LISTED_MAX + 1):
        at = at.without(part(f"i{number}"))
    assert at.given_up == LISTED_MAX + 1
    assert [one.item for one in at.missing] == [f"i{number}" for number in range(LISTED_MAX)]
    again = at.without(part("i0", failures=9))
    assert again.given_up == LISTED_MAX + 1
    assert (again.missing[-1].item, again.missing[-1].failures) == ("i0", 9)
    other = Checkpoint().without(part("a")).without(part("a", PartKind.HISTORY))
    assert (len(other.missing), other.given_up) == (2, 2)


@pytest.mark.parametrize(
    "damage",
    [
        {"v": 2},
        {"v": None},
        {"phase": "dreams"},
        {"page": "1"},
        {"page": None},
        {"requests": "x"},
        {"given_up": "x"},
        {"unclear": "x"},
        {"empty_pages": "x"},
        {"newest_post": "!"},
        {"newest_comment": "t1_a"},
        {"cursor_at": "2031-05-04T12:00:00"},
        {"asked_at": "2031-05-04T12:00:00"},
        {"cursor_at": "noon"},
        {"anchors": ["t5_a"]},
        {"anchors": ["t3_a", "x"]},
        {"busiest": [["a", "many"]]},
        {"busiest": [["a"]]},
        {"forecast": {"total": 1}},
        {"histories": 7},
        {"seen": 7},
        {"tree": {"post": "a"}},
        {"tree": {"post": "a", "comments": "x", "more": [], "threads": []}},
        {"posts_walk": {"oldest": "!", "oldest_at": None, "end": None}},
        {"posts_walk": {"oldest": "a", "oldest_at": "2031-05-04", "end": None}},
        {"comments_walk": {"oldest": "a", "oldest_at": None, "end": "tired"}},
        {"gaps": [{"listing": "x", "from_item": "a", "to_item": "b", "to_at": T0.isoformat()}]},
        {"missing": [{"kind": "tree", "item": "a"}]},
    ],
)
def test_a_damaged_checkpoint_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(UnreadableCheckpoint) as refused:
        saved_checkpoint.read({**FULL.saved(), **damage})
    assert refused.value.kind is ErrorKind.PERMANENT


def test_what_a_newer_release_added_is_left_out() -> None:
    newer = FULL.saved()
    unknown = {**newer["missing"][0], "kind": "dream"}
    odd = {**newer["missing"][0], "reason": "tired"}
    newer = {**newer, "color": "red", "missing": [unknown, odd, newer["missing"][1]]}
    assert saved_checkpoint.read(newer) == replace(FULL, missing=FULL.missing[1:])


@pytest.mark.parametrize(
    ("age", "gap", "stale"),
    [
        (timedelta(minutes=15), 0.0, False),
        (timedelta(minutes=15, microseconds=1), 0.0, True),
        (timedelta(minutes=16), 60.0, False),
        (timedelta(minutes=16, microseconds=1), 60.0, True),
    ],
)
def test_a_cursor_lives_for_a_quarter_of_an_hour_and_the_gap(
    age: timedelta, gap: float, stale: bool
) -> None:
    assert checkpoint.is_stale(T0.isoformat(), now=T0 + age, gap=gap) is stale
    assert checkpoint.is_stale(None, now=T0, gap=gap)
