"""Reddit's JSON objects become items. A hostile object is dropped and affects no other item."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler_worker.reddit import crawl_failures, parsing
from crawler_worker.reddit.items import about_parsing, item_parsing
from crawljobs.domain.reddit_items import Account
from crawljobs.domain.subreddit import AccessState

POST: dict[str, Any] = {
    "id": "abc",
    "subreddit": "python",
    "author": "ada",
    "author_fullname": "t2_1",
    "title": "A title",
    "selftext": "A body",
    "url": "https://example.org/",
    "permalink": "/r/python/comments/abc/a_title/",
    "score": 1,
    "num_comments": 2,
    "created_utc": 1594424685.0,
    "edited": False,
    "removed_by_category": None,
}
COMMENT: dict[str, Any] = {
    "id": "def",
    "link_id": "t3_abc",
    "parent_id": "t3_abc",
    "subreddit": "python",
    "author": "bob",
    "body": "A comment",
    "score": 1,
    "created_utc": 1594424685.0,
    "edited": 1594424700.0,
    "replies": "",
}


def thing(kind: str, data: Any, **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "data": {**data, **changes} if isinstance(data, dict) else data}


def listing(*children: Any, after: Any = None) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": list(children), "after": after}}


def one_post(**changes: Any) -> Any:
    (post,) = item_parsing.read_all([thing("t3", POST, **changes)]).posts
    return post


def one_comment(**changes: Any) -> Any:
    (comment,) = item_parsing.read_all([thing("t1", COMMENT, **changes)]).comments
    return comment


def test_a_post_that_its_author_deleted_loses_author_and_content() -> None:
    post = one_post(author="[deleted]", selftext="[deleted]")
    assert post.deleted
    assert (post.author, post.title, post.body, post.url, post.permalink) == (None,) * 5
    link = one_post(author="[deleted]", selftext="", removed_by_category="deleted")
    assert (link.deleted, link.title) == (True, None)


def test_a_post_whose_account_is_gone_keeps_its_content() -> None:
    post = one_post(author="[deleted]")
    assert (post.deleted, post.author, post.title, post.body) == (False, None, "A title", "A body")


def test_a_post_removed_by_a_moderator_keeps_its_title_but_has_no_body() -> None:
    post = one_post(selftext="[removed]", removed_by_category="moderator")
    assert (post.deleted, post.title, post.body) == (False, "A title", None)
    assert post.removed_by_category == "moderator"
    assert one_post(selftext="[removed]").removed_by_category == "unknown"


def test_somebody_who_writes_the_word_deleted_has_not_deleted_anything() -> None:
    assert one_comment(body="[deleted]").body == "[deleted]"


def test_a_comment_that_is_deleted_or_removed_has_no_body() -> None:
    deleted = one_comment(author="[deleted]", body="[deleted]")
    assert (deleted.deleted, deleted.author, deleted.body) == (True, None, None)
    removed = one_comment(author="[deleted]", body="[removed]")
    assert (removed.deleted, removed.body, removed.removed_by_category) == (False, None, "unknown")


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "x" * 10_000_000},
        {"title": None, "selftext": ["no", "text"]},
        {"title": "NUL \x00 and \ud800"},
        {"score": 10**30, "num_comments": -(10**30)},
        {"score": "17", "upvote_ratio": "NaN"},
        {"edited": True, "url": 7, "author_fullname": {"x": 1}},
        {"author": "a name/with ?slashes"},
        {"link_flair_text": "x" * 5_000, "crosspost_parent": "t3_' OR 1=1"},
    ],
)
def test_a_hostile_value_is_made_harmless_and_its_post_is_kept(changes: dict[str, Any]) -> None:
    post = one_post(**changes)
    assert post.id == "abc"
    for value in (post.title, post.body, post.flair, post.url):
        assert value is None or (len(value) <= about_parsing.BODY_MAX and "\x00" not in value)
    assert post.crosspost_parent is None


@pytest.mark.parametrize(
    "hostile", [None, 7, "t3", [], {}, {"kind": "t3"}, {"kind": 3, "data": {}}]
)
def test_a_child_that_is_no_thing_spoils_no_other(hostile: Any) -> None:
    items = item_parsing.read_all([hostile, thing("t3", POST)])
    assert (len(items.posts), items.unknown) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [{"id": "../../x"}, {"id": None}, {"subreddit": "a b"}, {"created_utc": "soon"}],
)
def test_a_post_without_a_sound_place_is_dropped_and_counted(changes: dict[str, Any]) -> None:
    items = item_parsing.read_all([thing("t3", POST, **changes), thing("t3", POST)])
    assert (len(items.posts), items.dropped) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../x"},
        {"link_id": "t1_abc"},
        {"parent_id": "t5_abc"},
        {"subreddit": "a b"},
        {"created_utc": "soon"},
    ],
)
def test_a_comment_without_a_valid_place_is_dropped_and_counted(changes: dict[str, Any]) -> None:
    items = item_parsing.read_all([thing("t1", COMMENT, **changes), thing("t1", COMMENT)])
    assert (len(items.comments), items.dropped) == (1, 1)


@pytest.mark.parametrize(
    ("reported", "depth"), [(0, 0), (5, 5), (10_000, 10_000), (10_001, 10_000), ("5", None)]
)
def test_a_depth_is_that_of_the_item_and_grows_with_each_reply(
    reported: object, depth: int | None
) -> None:
    reply = thing("t1", COMMENT, id="b", parent_id="t1_a")
    top = thing("t1", COMMENT, id="a", parent_id="t1_z", depth=reported, replies=listing(reply))
    first, second = item_parsing.read_all([top]).comments
    assert (first.depth, second.depth) == (depth, None if depth is None else depth + 1)


def test_an_unknown_kind_is_counted() -> None:
    items = item_parsing.read_all([thing("t9", {}), thing("t1", COMMENT)])
    assert (len(items.comments), items.unknown, items.dropped) == (1, 1, 0)


def test_replies_follow_their_comment_and_know_their_depth() -> None:
    more = thing("more", {"id": "x", "parent_id": "t1_b", "children": ["c", "bad id", "d"]})
    inner = thing("t1", COMMENT, id="b", parent_id="t1_a", replies=listing(more))
    tree = [
        listing(thing("t3", POST)),
        listing(thing("t1", COMMENT, id="a", replies=listing(inner))),
    ]
    items = parsing.tree(tree)
    assert [(comment.id, comment.depth) for comment in items.comments] == [("a", 0), ("b", 1)]
    assert [(cut.parent_id, cut.children, cut.depth) for cut in items.more] == [
        ("t1_b", ("c", "d"), 2)
    ]
    assert len(items.posts) == 1


def test_a_tree_of_thousands_of_levels_is_read_without_recursion() -> None:
    replies: Any = ""
    for n in range(5_000):
        replies = listing(thing("t1", COMMENT, id=f"{n}", replies=replies))
    items = parsing.tree([listing(thing("t3", POST)), replies])
    assert len(items.comments) == 5_000


def test_a_long_list_of_children_is_not_copied() -> None:
    children: list[Any] = [{}] * 1_000_000  # 8 MB, which the parser must not copy
    tracemalloc.start()
    try:
        assert item_parsing.read_all(children).unknown == item_parsing.ITEMS_MAX
        (more,) = item_parsing.read_all(
            [thing("more", {"parent_id": "t1_a", "children": ["c"] * 1_000_000})]
        ).more
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(more.children) == item_parsing.ITEMS_MAX
    assert peak < 10 << 20


def test_a_thread_that_goes_on_elsewhere_has_a_parent_and_no_children() -> None:
    cut = thing("more", {"id": "_", "parent_id": "t1_a", "count": 0, "children": [], "depth": 10})
    (more,) = item_parsing.read_all([cut]).more
    assert (more.parent_id, more.children, more.depth) == ("t1_a", (), 10)


@pytest.mark.parametrize(
    ("kind", "access"),
    [
        ("public", AccessState.PUBLIC),
        ("user", AccessState.PUBLIC),
        ("restricted", AccessState.RESTRICTED),
        ("archived", AccessState.RESTRICTED),
        ("private", AccessState.PRIVATE),
        (None, AccessState.RESTRICTED),
        ({"x": 1}, AccessState.RESTRICTED),
    ],
)
def test_the_type_of_a_subreddit_says_who_may_write(kind: Any, access: AccessState) -> None:
    about = parsing.about(thing("t5", {"display_name": "python", "subreddit_type": kind}))
    assert about.access is access


def test_a_suspended_account_has_a_name_and_nothing_else() -> None:
    account = parsing.account(thing("t2", {"name": "eve", "is_suspended": True}))
    assert account == Account("eve", None, suspended=True)


@pytest.mark.parametrize(
    "read", [parsing.listing, parsing.tree, parsing.more_children, parsing.about, parsing.account]
)
@pytest.mark.parametrize(
    "reply",
    [None, [], {}, 7, "text", {"kind": "Listing"}, {"kind": "Listing", "data": {"children": {}}},
     [None, None], {"json": []}, {"kind": "t5", "data": {"display_name": "a b"}},
     {"kind": "t2", "data": []}],
)  # fmt: skip
def test_a_reply_of_another_shape_is_upstream_trouble(read: Any, reply: Any) -> None:
    with pytest.raises(crawl_failures.UpstreamTrouble):
        read(reply)


def test_a_morechildren_reply_with_errors_only_brings_nothing() -> None:
    reply = {"json": {"errors": [["TOO_OLD", "that's a piece of history now", "parent"]]}}
    assert parsing.more_children(reply).comments == ()


@pytest.mark.parametrize(
    ("key", "field", "kept"),
    [
        ("title", "title", 1_000),
        ("selftext", "body", 50_000),
        ("url", "url", 4_000),
        ("permalink", "permalink", 4_000),
        ("domain", "domain", 300),
        ("link_flair_text", "flair", 300),
        ("removed_by_category", "removed_by_category", 300),
    ],
)
def test_a_text_of_a_post_is_cut_at_its_limit(key: str, field: str, kept: int) -> None:
    for length in (kept, kept + 1):
        assert getattr(one_post(**{key: "x" * length}), field) == "x" * kept


def test_a_comments_and_a_subreddits_texts_are_cut_at_their_limits() -> None:
    long = "x" * 50_001
    comment = one_comment(body=long, removed_by_category=long)
    assert (len(comment.body), len(comment.removed_by_category)) == (50_000, 300)
    about = about_parsing.subreddit(
        {"display_name": "python", "title": long, "public_description": long}
    )
    assert about is not None
    assert (len(about.title or ""), len(about.description or "")) == (1_000, 50_000)


@pytest.mark.parametrize("flag", [True, False])
def test_every_flag_and_number_of_a_post_and_a_comment_is_kept(flag: bool) -> None:
    flags = ("over_18", "spoiler", "stickied", "locked", "is_self")
    post = one_post(**dict.fromkeys(flags, flag), score=-7, num_comments=9, upvote_ratio=0.25)
    assert {getattr(post, name) for name in flags} == {flag}
    assert (post.score, post.num_comments, post.upvote_ratio) == (-7, 9, 0.25)
    comment = one_comment(stickied=flag, is_submitter=flag, score=-3)
    assert (comment.stickied, comment.is_submitter, comment.score) == (flag, flag, -3)


@pytest.mark.parametrize(
    ("original", "found"),
    [
        ({"subreddit": "Rust"}, "rust"),
        ({"subreddit": "Python"}, None),  # a crosspost within the same subreddit
        ({"subreddit": "u_ada"}, None),
        ({"subreddit": "not a name"}, None),
        ({"subreddit": "x" * 22}, None),
        ({"subreddit": 7}, None),
        ({}, None),
        ("rust", None),
    ],
)
def test_a_crosspost_leads_to_the_subreddit_of_its_original(
    original: Any, found: str | None
) -> None:
    assert one_post(crosspost_parent_list=[original]).crossposted_from == found
    assert one_post(crosspost_parent_list=[{"subreddit": "go_lang"}, original]).crossposted_from
    deleted = one_post(
        author="[deleted]", selftext="[deleted]", crosspost_parent_list=[{"subreddit": "rust"}]
    )
    assert deleted.crossposted_from is None


@pytest.mark.parametrize("originals", [None, [], {}, "rust"])
def test_a_post_that_is_no_crosspost_leads_nowhere(originals: Any) -> None:
    assert one_post(crosspost_parent_list=originals).crossposted_from is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
FIELDS = sorted({*POST, *COMMENT, "children", "depth", "display_name", "name", "subreddit_type"})


@given(
    st.sampled_from(["t1", "t2", "t3", "t5", "more"]),
    st.dictionaries(st.sampled_from(FIELDS), JSON),
)
def test_no_thing_raises_whatever_its_fields_are(kind: str, changes: dict[str, Any]) -> None:
    base = POST if kind == "t3" else COMMENT
    item_parsing.read_all([thing(kind, {**base, **changes})])


@pytest.mark.parametrize(
    "text",
    [
        "[ Removed by Reddit ]",
        "[removed by reddit]",
        " [ Removed by Reddit ]\n",
        "[ Removed by Reddit on account of violating the [content policy](/help/contentpolicy). ]",
        "[ Removed by Reddit in response to a copyright notice. ]",
    ],
)
def test_what_reddit_removed_is_no_content(text: str) -> None:
    comment = one_comment(author="[deleted]", body=text)
    assert (comment.body, comment.removed_by_category) == (None, "reddit")
    assert comment.mentions == ()
    post = one_post(selftext=text)
    assert (post.title, post.body, post.removed_by_category) == ("A title", None, "reddit")
    titled = one_post(title=text, selftext="")
    assert (titled.title, titled.removed_by_category) == (None, "reddit")
    told = one_post(title=text, selftext=text, removed_by_category="content_takedown")
    assert (told.title, told.body, told.removed_by_category) == (None, None, "content_takedown")


@pytest.mark.parametrize(
    "text",
    [
        "Why was it [ Removed by Reddit ]?",
        "[ Removed by Reddit ] and [ Removed by Reddit ]",
        "[ Removed by Redditors ]",
        "Removed by Reddit",
        "[ Removed by Reddit " + "x" * 500 + "]",
        "[removed by reddit" + "[" * 300,
    ],
)
def test_what_somebody_writes_about_removals_is_content(text: str) -> None:
    assert one_comment(body=text).body == text
    assert one_comment(body=text).removed_by_category is None


@pytest.mark.parametrize(
    ("edited", "is_edited", "has_time"),
    [
        (False, False, False),
        (None, False, False),
        (True, True, False),
        (1594424700.0, True, True),
        (1594424700, True, True),
        ("yesterday", False, False),
        (-1, False, False),
    ],
)
def test_an_item_is_edited_also_when_reddit_does_not_tell_when(
    edited: Any, is_edited: bool, has_time: bool
) -> None:
    for item in (one_post(edited=edited), one_comment(edited=edited)):
        assert (item.edited, item.edited_at is not None) == (is_edited, has_time)


@pytest.mark.parametrize(("hidden", "score"), [(True, None), (False, 1), (None, 1), ("true", 1)])
def test_a_hidden_score_of_a_comment_is_no_score(hidden: Any, score: int | None) -> None:
    assert one_comment(score_hidden=hidden).score == score


def test_a_post_shows_its_score_although_its_community_hides_it() -> None:
    assert one_post(hide_score=True, score=7).score == 7


def test_a_stub_tells_how_many_comments_are_behind_it() -> None:
    for count, expected in ((3, 3), (0, 0), (None, 0), (-5, 0), ("7", 0)):
        data = {"id": "x", "parent_id": "t1_b", "children": ["c"], "count": count}
        (stub,) = item_parsing.read_all([thing("more", data)]).more
        assert stub.count == expected
