"""Only the items of the requested subject are kept, and all others count as dropped."""

from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, reply_subjects
from crawljobs.domain.reddit_items import Items
from support.scripted_reddit import ABOUT, comment, listing, more, post

OWN = [post("p1"), post("p2", subreddit="Python")]
ACCOUNT = {"kind": "t2", "data": {"name": "ada"}}
UNREADABLE = {"kind": "t3", "data": {"id": "?"}}
UNKNOWN = {"kind": "t9", "data": {}}


def ids(items: Items) -> list[str]:
    return [each.id for each in (*items.posts, *items.comments)]


def posts(*things: Any) -> Items:
    return reply_subjects.posts(listing(*things), name="python").items


def comments(*things: Any) -> Items:
    return reply_subjects.comments(listing(*things), name="python").items


def history(*things: Any) -> Items:
    return reply_subjects.history(listing(*things), name="ada").items


def tree(*things: Any) -> Items:
    return reply_subjects.tree([listing(post("p1")), listing(*things)], post_id="p1")


def more_children(*things: Any) -> Items:
    return reply_subjects.more_children({"json": {"data": {"things": [*things]}}}, post_id="p1")


def named(*things: Any) -> Items:
    return reply_subjects.named(listing(*things), names={"t3_p1", "t1_c1"})


FOREIGN = post("p9", subreddit="rust")
FOREIGN_COMMENT = comment("c9", "p9", subreddit="rust", author="eve")


@pytest.mark.parametrize(
    ("read", "things", "kept", "dropped"),
    [
        (posts, OWN, ["p1", "p2"], 0),
        (posts, [*OWN, FOREIGN, comment("c1")], ["p1", "p2"], 2),
        (posts, [*OWN, ABOUT, ACCOUNT, ACCOUNT, UNREADABLE], ["p1", "p2"], 4),
        (comments, [comment("c1"), post("p1"), FOREIGN_COMMENT], ["c1"], 2),
        (history, [post("p1"), comment("c1", author="Ada")], ["p1", "c1"], 0),
        (history, [FOREIGN, comment("c1", author="[deleted]")], ["p9", "c1"], 0),
        (history, [post("p1"), post("p2", author="eve"), FOREIGN_COMMENT], ["p1"], 2),
        (tree, [comment("c1"), comment("c2"), FOREIGN_COMMENT], ["p1", "c1", "c2"], 1),
        (tree, [post("p2")], ["p1"], 1),
        (more_children, [comment("c1"), FOREIGN_COMMENT, comment("c8", "p8")], ["c1"], 2),
        (named, [post("p1"), comment("c1"), post("c1"), comment("p1")], ["p1", "c1"], 2),
    ],
)
def test_items_of_other_subjects_are_dropped(
    read: Any, things: list[Any], kept: list[str], dropped: int
) -> None:
    items = read(*things)
    assert ids(items) == kept
    assert (items.dropped, items.subreddits, items.accounts) == (dropped, (), ())


@pytest.mark.parametrize("read", [posts, comments, history, more_children, named])
@pytest.mark.parametrize(
    "others",
    [[comment("c9", "p9", subreddit="rust", author="eve")], [ABOUT], [ACCOUNT], [UNREADABLE]],
    ids=["another comment", "a subreddit", "an account", "unreadable"],
)
def test_a_reply_with_only_other_items_is_not_about_the_subject(
    read: Any, others: list[Any]
) -> None:
    with pytest.raises(crawl_failures.UpstreamTrouble, match="the reply is not about"):
        read(*others)
    with pytest.raises(crawl_failures.UpstreamTrouble, match="the reply is not about"):
        read(*others, UNKNOWN)


def test_a_reply_without_items_is_empty_and_stubs_may_come_alone() -> None:
    for read in (posts, comments, history, more_children, named):
        assert ids(read()) == []
    with pytest.raises(crawl_failures.UpstreamTrouble):
        more_children(UNKNOWN)
    items = more_children(more("c1"), UNKNOWN, UNREADABLE)
    assert (ids(items), len(items.more), items.dropped, items.unknown) == ([], 1, 1, 1)
    with pytest.raises(crawl_failures.UpstreamTrouble):
        more_children(more("c1"), FOREIGN_COMMENT)


def test_the_topmost_comments_of_a_tree_have_the_depth_of_its_thread() -> None:
    reply = [listing(post("p1")), listing(comment("c1", replies=listing(comment("c2"))))]
    for options, depths in (({}, [0, 1]), ({"depth": 3}, [3, 4])):
        items = reply_subjects.tree(reply, post_id="p1", **options)
        assert [each.depth for each in items.comments] == depths


def test_a_description_must_be_of_the_requested_name() -> None:
    assert reply_subjects.about(ABOUT, name="Python").name == "python"
    assert reply_subjects.account(ACCOUNT, name="ADA").name == "ada"
    with pytest.raises(crawl_failures.UpstreamTrouble, match="not about r/rust"):
        reply_subjects.about(ABOUT, name="rust")
    with pytest.raises(crawl_failures.UpstreamTrouble, match="not about the requested account"):
        reply_subjects.account(ACCOUNT, name="eve")


def test_a_history_needs_no_cursor_and_a_page_does() -> None:
    unusable = listing(post("p1"), after="")
    assert ids(reply_subjects.history(unusable, name="ada").items) == ["p1"]
    with pytest.raises(crawl_failures.UpstreamTrouble, match="cursor"):
        reply_subjects.posts(unusable, name="python")
