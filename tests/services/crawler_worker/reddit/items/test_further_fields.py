"""Flairs, galleries, polls, crossposts and marks of an item are read, bounded and cleaned."""

import json
from typing import Any

import pytest

from crawler_worker.reddit.items import extra_parsing, item_parsing
from crawljobs.domain.reddit_items import Account, Comment, Post

PLACE = {"subreddit": "python", "author": "ada", "created_utc": 1594424685.0, "score": 1}
POST = {**PLACE, "id": "abc", "title": "A title", "selftext": "A body"}
COMMENT = {**PLACE, "id": "def", "link_id": "t3_abc", "parent_id": "t3_abc", "body": "Text"}
GALLERY = {
    "is_gallery": True,
    "gallery_data": {"items": [{"media_id": "m1", "id": 1, "caption": "one"}]},
    "media_metadata": {
        "m1": {
            "status": "valid", "e": "Image", "m": "image/jpg", "id": "m1",
            "p": [{"u": "https://preview.redd.it/small"}] * 6,
            "s": {"u": "https://preview.redd.it/m1", "x": 4, "y": 3},
        }
    },
}  # fmt: skip
POLL = {"options": [{"text": "Yes", "vote_count": 2, "id": "1"}], "user_selection": None}


def read(kind: str, data: dict[str, Any], **changes: Any) -> Any:
    items = item_parsing.read_all([{"kind": kind, "data": {**data, **changes}}])
    (item,) = items.posts + items.comments
    return item


def post(**changes: Any) -> Post:
    found: Post = read("t3", POST, **changes)
    return found


def comment(**changes: Any) -> Comment:
    found: Comment = read("t1", COMMENT, **changes)
    return found


def test_a_gallery_keeps_its_images_without_their_previews() -> None:
    read_post = post(**GALLERY, gilded=2, poll_data=POLL)
    assert read_post.is_gallery
    assert read_post.extra is not None
    medium = GALLERY["media_metadata"]["m1"]  # type: ignore[index]
    assert read_post.extra["media_metadata"] == {
        "m1": {key: value for key, value in medium.items() if key != "p"}
    }
    assert read_post.extra["gallery_data"] == GALLERY["gallery_data"]
    assert read_post.extra["poll_data"] == {"options": POLL["options"]}
    assert read_post.extra["gilded"] == 2


def test_an_ordinary_item_has_no_extra_object() -> None:
    assert post(gilded=0, pinned=False, suggested_sort=None, media_metadata={}).extra is None
    assert comment(gilded=0, media_metadata=None).extra is None


GONE = {"author": "[deleted]"}


@pytest.mark.parametrize(
    "taken",
    [
        {**GONE, "selftext": "[deleted]"},
        {"selftext": "[removed]"},
        {"removed_by_category": "moderator"},
        {"title": "[ Removed by Reddit ]", "selftext": "[ Removed by Reddit ]"},
    ],
)
def test_a_deleted_or_removed_post_loses_gallery_poll_and_flairs(taken: dict[str, Any]) -> None:
    original = {"author": "eve", "subreddit": "golang"}
    flairs = {"author_flair_text": "Ada, 42, of Turin", "link_flair_text": "Help"}
    full = {**GALLERY, **flairs, "poll_data": POLL, "link_flair_template_id": "5"}
    left = post(**full, crosspost_parent_list=[original], **taken)
    assert left.extra is None
    if left.deleted:
        assert (left.flair, left.flair_template_id, left.author_flair) == (None,) * 3
        assert (left.crosspost_author, left.crosspost_subreddit) == (None, None)


@pytest.mark.parametrize("body", ["[deleted]", "[removed]", "Text of a gone account"])
def test_a_comment_without_an_author_has_no_author_flair(body: str) -> None:
    media = {"media_metadata": GALLERY["media_metadata"], "author_flair_text": "Ada, 42"}
    left = comment(**media, author="[deleted]", body=body)
    assert left.author_flair is None
    assert (left.extra is None) is (left.body is None)


def test_a_crosspost_has_the_author_and_the_subreddit_of_its_original() -> None:
    crossed = post(crosspost_parent_list=[{"author": "eve", "subreddit": "Golang"}])
    assert (crossed.crosspost_author, crossed.crosspost_subreddit) == (Account("eve"), "Golang")


def test_the_profile_of_an_author_is_no_subreddit_of_a_crosspost() -> None:
    crossed = post(crosspost_parent_list=[{"author": "[deleted]", "subreddit": "u_eve"}])
    assert (crossed.crosspost_author, crossed.crosspost_subreddit) == (None, None)


@pytest.mark.parametrize(
    ("changes", "depth"),
    [({}, 0), ({"parent_id": "t1_abd"}, None), ({"parent_id": "t1_abd", "depth": 3}, 3)],
)
def test_only_a_comment_below_its_post_has_a_depth_in_a_listing(
    changes: dict[str, Any], depth: int | None
) -> None:
    assert comment(**changes).depth == depth


def nested(levels: int) -> Any:
    value: Any = "the bottom"
    for _ in range(levels):
        value = {"oembed": [value]}
    return value


HOSTILE: list[Any] = [
    None, True, 7, -(10**400), float("inf"), 1e308, "", "\x00\ud800" * 5_000, "x" * 1_000_000, [],
    ["x"] * 100_000, {}, {"\x00\udfff": {"\x00": "\ud800"}}, {"k" * 10_000: 1}, nested(500),
    {str(number): {"s": {"u": "y" * 500}} for number in range(10_000)},
    [[["\x00"] * 50] * 50] * 50,
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(HOSTILE)))
def test_a_hostile_value_in_any_further_field_is_bounded_and_storable(place: int) -> None:
    names = (
        *extra_parsing.POST_FIELDS, *extra_parsing.COMMENT_FIELDS, "author_flair_text",
        "link_flair_template_id", "distinguished", "post_hint", "num_crossposts", "is_video",
        "total_awards_received", "collapsed_reason_code", "controversiality", "depth", "locked",
        "crosspost_parent_list", "is_gallery", "archived", "hide_score", "score_hidden",
    )  # fmt: skip
    changes = dict.fromkeys(names, HOSTILE[place])
    assert comment(**changes).controversiality in (0, 1, None)
    for item in (post(**changes), comment(**changes)):
        for each in (item.author_flair, item.distinguished):
            assert each is None or len(each) <= 300
        stored = json.dumps(item.extra, ensure_ascii=False, allow_nan=False)
        assert len(stored.encode()) <= extra_parsing.EXTRA_MAX + 500  # its keys, and OMITTED
        assert "\x00" not in stored
        assert "\\u0000" not in stored


def test_a_field_that_does_not_fit_is_named() -> None:
    small = {"suggested_sort": "new", "gallery_data": {"items": ["i" * 1_000] * 30}}
    assert post(**small).extra == {"suggested_sort": "new", "omitted": ["gallery_data"]}
