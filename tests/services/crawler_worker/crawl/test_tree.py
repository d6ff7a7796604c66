"""A comment tree grows with each reply. Comments are kept, requested next or counted as missing."""

from dataclasses import replace
from typing import Any

import pytest

from crawler_worker.crawl import tree as trees
from crawler_worker.crawl import tree_growth
from crawler_worker.crawl.tree import Stub, Thread, Tree
from crawler_worker.crawl.tree_growth import SOUGHT_BELOW
from crawljobs import settings
from crawljobs.domain.reddit_items import Comment, Items, MoreComments
from support.crawled import comment

CHOSEN = replace(settings.read_crawl_settings({}), max_comments_per_post=10, max_comment_depth=3)
START = Tree("p")


def more(parent: str, *children: str, depth: int = 1, count: int | None = None) -> MoreComments:
    return MoreComments(parent, children, depth, len(children) if count is None else count)


def grown(items: Items, tree: Tree = START, **options: Any) -> tuple[tuple[Comment, ...], Tree]:
    return tree_growth.grow(tree, items, CHOSEN, **options)


def page(*stubs: MoreComments, comments: tuple[Comment, ...] = ()) -> Items:
    return Items(comments=comments, more=stubs)


@pytest.mark.parametrize(
    ("stub", "expected"),
    [
        # Stubs below the post, below a comment, without children, and without a count.
        (more("t3_p", "a", "b", depth=0), {"more": ("a", "b"), "stubs": (Stub(None, 0, 2),)}),
        (more("t1_x", "a", "b"), {"more": ("a", "b"), "stubs": (Stub("x", 0, 2),)}),
        (more("t1_x", "a", depth=2), {"more": ("a",), "stubs": (Stub("x", 1, 1),)}),
        (more("t1_x"), {"threads": (Thread("x", 0),)}),
        (more("t1_x", depth=2), {"threads": (Thread("x", 1),)}),
        (more("t3_p", count=4), {"cut": 4}),
        (more("t3_p", "a", depth=0, count=0), {"more": ("a",), "stubs": (Stub(None, 0, 1),)}),
        (more("t1_x", "a", "b", count=0), {"threads": (Thread("x", 0),), "unbrought": ("a", "b")}),
        # Stubs that are deeper than the limit.
        (more("t1_x", "a", "b", depth=3, count=5), {"cut": 5}),
        (more("t1_x", "a", "b", depth=3, count=1), {"cut": 2}),
        (more("t1_x", depth=3), {"cut": 1}),
        # A stub with more children than the tree may still get.
        (
            more("t3_p", *(f"c{n}" for n in range(12)), depth=0),
            {
                "more": tuple(f"c{n}" for n in range(10)),
                "stubs": (Stub(None, 0, 10),),
                "cut": 2,
            },
        ),
    ],
)
def test_a_stub_is_followed_as_far_as_the_settings_allow(
    stub: MoreComments, expected: dict[str, Any]
) -> None:
    _, tree = grown(page(stub))
    found = {name: getattr(tree, name) for name in ("more", "threads", "stubs", "cut", "unbrought")}
    empty = {"more": (), "threads": (), "stubs": (), "cut": 0, "unbrought": ()}
    assert found == {**empty, **expected}
    assert tree.missing == len(tree.unbrought) + tree.cut


def test_a_stub_whose_children_are_all_known_asks_for_nothing() -> None:
    _, tree = grown(page(more("t3_p", "a", depth=0)))
    _, again = grown(page(more("t3_p", "a", "b", depth=0), comments=(comment("n", depth=0),)), tree)
    assert again.more == ("a", "b")
    _, third = grown(page(more("t3_p", "a", "b"), comments=(comment("m", depth=0),)), again)
    assert (third.more, third.cut) == (("a", "b"), 0)


def test_there_is_room_for_a_thread_while_others_wait() -> None:
    waiting = replace(START, comments=7, threads=(Thread("a", 0), Thread("b", 0)))
    _, tree = grown(page(more("t1_c")), waiting)
    assert tree.threads == (*waiting.threads, Thread("c", 0))
    _, full = grown(page(more("t1_d"), comments=(comment("n", depth=0),)), tree)
    assert (full.threads, full.cut) == (tree.threads, 1)


def test_a_reply_that_brings_nothing_new_adds_nothing_to_ask_for() -> None:
    first = page(more("t3_p", "z", depth=0), comments=(comment("a", depth=0),))
    _, busy = grown(first)
    kept, after = grown(page(more("t3_p", "b", depth=0), comments=(comment("a", depth=0),)), busy)
    assert kept == ()
    assert after.more == ("z",)


def test_comments_are_kept_while_there_is_room_and_as_deep_as_allowed() -> None:
    comments = tuple(comment(f"c{n}", depth=n % 4) for n in range(8))
    kept, tree = grown(page(comments=comments))
    assert [one.id for one in kept] == ["c0", "c1", "c2", "c4", "c5", "c6"]
    assert (tree.comments, tree.cut, tree.is_first) == (6, 2, False)
    more_of_them = tuple(comment(f"d{n}", depth=0) for n in range(6))
    kept, tree = grown(page(comments=more_of_them), tree)
    assert [one.id for one in kept] == ["d0", "d1", "d2", "d3"]
    assert (tree.comments, tree.cut) == (10, 4)
    kept, tree = grown(page(comments=(comment("e", depth=0),)), replace(tree, comments=12))
    assert (kept, tree.cut) == ((), 5)
    assert tree.is_done
    assert tree.handled == ""


def test_what_was_named_and_not_shown_is_asked_for_below_its_parent() -> None:
    asked = replace(START, unbrought=("old", "seen"), more=("left",))
    parents = {"a": Thread("x", 1), "b": Thread("x", 1), "c": Thread("y", 0)}
    shown = (comment("seen", depth=0), comment("c", depth=0))
    _, tree = grown(page(comments=shown), asked, requested=("a", "b", "c", "d"), parents=parents)
    assert tree.unbrought == ("old", "a", "b", "d")
    assert tree.threads == (Thread("x", 1),)
    # The thread is requested only once.
    _, again = grown(page(), replace(tree, threads=()), requested=("a",), parents=parents)
    assert again.threads == ()


def test_comments_that_came_by_their_names_have_their_threads_asked_for() -> None:
    comments = tuple(
        comment(f"c{n}", parent_id="t1_x" if n else "t3_p", depth=None)
        for n in range(SOUGHT_BELOW + 2)
    )
    roomy = replace(CHOSEN, max_comments_per_post=100)
    _, tree = tree_growth.grow(START, page(comments=comments), roomy, without_replies=True)
    assert tree.threads == (
        Thread("c0", 0),
        *(Thread(f"c{n}", 1) for n in range(1, SOUGHT_BELOW)),
    )
    assert tree.cut == 2
    shallow = replace(roomy, max_comment_depth=2)
    _, tree = tree_growth.grow(START, page(comments=comments), shallow, without_replies=True)
    assert tree.threads == (Thread("c0", 0),)
    _, tree = tree_growth.grow(START, page(comments=comments), roomy)
    assert (tree.threads, tree.cut) == ((), 0)


MANY = Tree(
    "p",
    more=("a", "b", "c", "d", "e"),
    stubs=(Stub("x", 1, 2), Stub(None, 0, 1), Stub("y", 0, 2)),
)


@pytest.mark.parametrize(
    ("batch", "more_left", "stubs"),
    [
        ((), ("a", "b", "c", "d", "e"), MANY.stubs),
        (("a",), ("b", "c", "d", "e"), (Stub("x", 1, 1), *MANY.stubs[1:])),
        (("a", "b"), ("c", "d", "e"), MANY.stubs[1:]),
        (("a", "b", "c", "d"), ("e",), (Stub("y", 0, 1),)),
        (("a", "b", "c", "d", "e"), (), ()),
    ],
)
def test_ids_that_were_asked_for_leave_their_stubs(
    batch: tuple[str, ...], more_left: tuple[str, ...], stubs: tuple[Stub, ...]
) -> None:
    after = MANY.without_more(batch)
    assert (after.more, after.stubs) == (more_left, stubs)
    assert after == replace(MANY, more=more_left, stubs=stubs)


def test_the_parents_of_a_batch_are_known_unless_an_older_release_left_them_out() -> None:
    x, y = Thread("x", 1), Thread("y", 0)
    assert MANY.parents(("a", "b", "c", "d")) == {"a": x, "b": x, "d": y}
    assert MANY.parents(("a",)) == {"a": x}
    assert MANY.parents(MANY.more) == {"a": x, "b": x, "d": y, "e": y}
    assert replace(MANY, stubs=MANY.stubs[:2]).parents(("a",)) == {}


def test_a_part_that_was_given_up_leaves_its_ids_unbrought_and_is_not_looked_up() -> None:
    tree = replace(MANY, unbrought=("b", "z"))
    assert tree.lookup == ("b", "z")
    broken = tree.broken(lost=("a", "b"))
    assert broken.unbrought == ("b", "z", "a")
    assert (broken.more, broken.is_broken, broken.is_looked_up) == (("c", "d", "e"), True, True)
    assert broken.lookup == ()
    assert not tree.is_broken
    assert tree.broken().more == MANY.more


@pytest.mark.parametrize(
    ("tree", "is_done"),
    [
        (Tree("p"), True),
        (Tree("p", more=("a",)), False),
        (Tree("p", threads=(Thread("a", 0),)), False),
        (Tree("p", unbrought=("a",)), False),
        (Tree("p", unbrought=("a",), is_looked_up=True), True),
    ],
)
def test_a_tree_is_done_when_nothing_is_left_to_ask_for(tree: Tree, is_done: bool) -> None:
    assert tree.is_done is is_done


WHOLE = Tree("p", comments=5, reported=11, is_first=False)


@pytest.mark.parametrize(
    ("changes", "is_short"),
    [
        ({}, True),
        ({"reported": 10}, False),  # half of the comments are enough
        ({"reported": None}, False),
        ({"comments": 0, "reported": None}, False),
        ({"comments": 0, "reported": 1}, True),
        ({"unbrought": ("a",), "is_looked_up": True}, False),  # 6 of 11
        ({"unbrought": ("a",), "is_looked_up": True, "reported": 13}, True),
        # Not done yet.
        ({"more": ("a",)}, False),
        ({"threads": (Thread("a", 0),)}, False),
        ({"is_first": True}, False),
        # Other causes explain the missing comments.
        ({"is_broken": True}, False),
        ({"cut": 1}, False),
    ],
)
def test_a_tree_is_short_with_less_than_half_of_the_reported_comments(
    changes: dict[str, Any], is_short: bool
) -> None:
    assert replace(WHOLE, **changes).is_short is is_short


def test_a_saved_tree_is_read_with_what_an_older_release_left_out() -> None:
    saved = {"post": "p", "comments": 2, "more": ["a"], "threads": [{"parent": "b", "depth": 1}]}
    assert trees.read(saved) == Tree(
        "p", comments=2, more=("a",), threads=(Thread("b", 1),), is_first=False
    )
    assert trees.read(None) is None
    for damage in ({"handled": "!"}, {"reported": "x"}, {"cut": "x"}, {"stubs": [{}]}):
        with pytest.raises((TypeError, ValueError, KeyError)):
            trees.read({**saved, **damage})


def test_comments_of_a_reply_take_the_room_of_its_stubs() -> None:
    comments = tuple(comment(f"c{n}", depth=0) for n in range(4))
    _, tree = grown(page(more("t3_p", *(f"m{n}" for n in range(9)), depth=0), comments=comments))
    assert (len(tree.more), tree.comments, tree.cut) == (6, 4, 3)


def test_a_comment_of_unknown_depth_counts_as_one_below_the_post() -> None:
    flat = replace(CHOSEN, max_comment_depth=1)
    kept, _ = tree_growth.grow(START, page(comments=(comment("a", depth=None),)), flat)
    assert [one.id for one in kept] == ["a"]
