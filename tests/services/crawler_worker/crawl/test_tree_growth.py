"""The requests that a reply adds to a comment tree stay within the limits of the settings."""

from dataclasses import replace

from crawler_worker.crawl import tree_growth
from crawler_worker.crawl.tree import Stub, Thread, Tree
from crawljobs import settings
from crawljobs.domain.reddit_items import Items, MoreComments
from support.crawled import comment

CHOSEN = replace(settings.read_crawl_settings({}), max_comments_per_post=10, max_comment_depth=3)


def test_comments_that_still_come_take_the_room_of_new_stubs() -> None:
    waiting = Tree("p", comments=2, more=("a", "b", "c", "d"), unbrought=("u", "v"), is_first=False)
    stub = MoreComments("t3_p", ("x", "y", "z"), 0, count=3)
    reply = Items(comments=(comment("n", depth=0),), more=(stub,))
    _, tree = tree_growth.grow(waiting, reply, CHOSEN)
    assert tree.comments == 3
    assert tree.more == ("a", "b", "c", "d", "x")
    assert tree.cut == 2


def test_each_thread_that_waits_keeps_room_for_a_comment() -> None:
    waiting = Tree("p", comments=8, threads=(Thread("a", 0), Thread("b", 0)))
    stub = MoreComments("t1_c", (), 1)
    _, tree = tree_growth.grow(waiting, Items(more=(stub,)), CHOSEN)
    assert (tree.threads, tree.cut) == (waiting.threads, 1)
    _, tree = tree_growth.grow(replace(waiting, comments=7), Items(more=(stub,)), CHOSEN)
    assert (tree.threads, tree.cut) == ((*waiting.threads, Thread("c", 0)), 0)


def test_children_of_two_equal_stubs_are_requested_once() -> None:
    stub = MoreComments("t3_p", ("x", "y"), 0, count=2)
    _, tree = tree_growth.grow(Tree("p"), Items(more=(stub, stub)), CHOSEN)
    assert (tree.more, tree.stubs) == (("x", "y"), (Stub(None, 0, 2),))
