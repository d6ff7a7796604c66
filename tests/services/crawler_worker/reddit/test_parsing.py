"""A reply of an unexpected shape is a failure of Reddit, and never a crash or an empty page."""

from collections.abc import Callable
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, parsing
from support.scripted_reddit import comment, listing, post


def a_listing(*children: Any, **data: Any) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": list(children), "after": None, **data}}


@pytest.mark.parametrize(
    ("after", "cursor"),
    [
        ("t3_a", "t3_a"),
        (None, None),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_page_has_its_items_and_the_cursor_of_the_next(after: object, cursor: object) -> None:
    page = parsing.listing(a_listing(post("p1"), comment("c1"), after=after))
    assert ([one.id for one in page.items.posts], [one.id for one in page.items.comments]) == (
        ["p1"],
        ["c1"],
    )
    assert page.after == cursor


# Only null ends a listing. Other values without a usable cursor prove no end. Otherwise the crawl
# would record that it has read the whole listing.
@pytest.mark.parametrize(
    "after", ["", 0, 7, False, True, ["t3_a"], [], {"t3": "a"}, "x" * 101, "t3_\ud800", "t3_\0"]
)
def test_a_cursor_that_cannot_be_read_proves_no_end(after: object) -> None:
    page = a_listing(post("p1"), after=after)
    with pytest.raises(crawl_failures.UpstreamTrouble, match="cursor"):
        parsing.listing(page)
    # A reply that is not a page of a listing needs no cursor.
    assert [one.id for one in parsing.items(page).posts] == ["p1"]


def test_a_listing_without_a_cursor_field_proves_no_end() -> None:
    page = a_listing(post("p1"))
    del page["data"]["after"]
    with pytest.raises(crawl_failures.UpstreamTrouble, match="cursor"):
        parsing.listing(page)


def test_a_tree_has_its_post_and_its_comments_at_their_depths() -> None:
    reply = [listing(post("p1")), listing(comment("c1", replies=listing(comment("c2"))))]
    for depth in (0, 3):
        items = parsing.tree(reply, depth=depth)
        assert [one.id for one in items.posts] == ["p1"]
        assert {one.id: one.depth for one in items.comments} == {"c1": depth, "c2": depth + 1}
    assert [one.depth for one in parsing.tree(reply).comments] == [0, 1]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"json": {"data": {"things": [comment("c1")]}}}, ["c1"]),
        ({"json": {"errors": [["X"]]}}, []),
        ({"json": {"data": {"things": {}}}}, []),
        ({"json": {"data": []}}, []),
    ],
)
def test_more_children_are_those_that_came(body: Any, found: list[str]) -> None:
    assert [one.id for one in parsing.more_children(body).comments] == found


OTHERS = (None, [], {}, "x", {"kind": "Listing"}, {"kind": "Listing", "data": []})
SHAPES: dict[str, tuple[Callable[[object], object], tuple[object, ...]]] = {
    "listing": (
        parsing.listing,
        (*OTHERS, {"kind": "t3", "data": {"children": []}}, a_listing() | {"data": {}},
         {"kind": "Listing", "data": {"children": {}}}),
    ),
    "tree": (
        parsing.tree,
        (*OTHERS, [listing()], [listing()] * 3, [listing(), {}], [{}, listing()],
         [listing(), {"kind": "Listing", "data": {"children": {}}}]),
    ),
    "more_children": (parsing.more_children, (None, [], {}, {"json": []})),
    "about": (parsing.about, (*OTHERS, {"kind": "t5", "data": {}})),
    "account": (parsing.account, (*OTHERS, {"kind": "t2", "data": {}})),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_reply_of_another_shape_is_trouble(shape: str) -> None:
    read, others = SHAPES[shape]
    for other in others:
        with pytest.raises(crawl_failures.UpstreamTrouble, match="expected a"):
            read(other)


def test_a_subreddit_and_an_account_are_read_by_their_kind() -> None:
    about = {"kind": "t5", "data": {"display_name": "python", "name": "t5_1"}}
    assert parsing.about(about).name == "python"
    assert parsing.account({"kind": "t2", "data": {"name": "ada", "id": "1"}}).name == "ada"
    with pytest.raises(crawl_failures.UpstreamTrouble):
        parsing.about({**about, "kind": "t2"})
