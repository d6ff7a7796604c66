"""If a cache sends the reply to another request, the wrong reply changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.matrices import each_once
from support.scripted_reddit import (
    Answer,
    Query,
    ScriptedReddit,
    always,
    comment,
    listing,
    more,
    post,
)

PRIVATE_CATS = {
    "kind": "t5",
    "data": {"display_name": "cats", "subreddit_type": "private", "title": "Cats", "name": "t5_9"},
}
PRIVATE_PYTHON = {
    "kind": "t5",
    "data": {"display_name": "python", "subreddit_type": "private", "title": "X", "name": "t5_1"},
}
CATS_POSTS = listing(*(post(f"z{n}", subreddit="cats") for n in range(9, 0, -1)))
CATS_COMMENTS = listing(*(comment(f"zz{n}", "z1", subreddit="cats") for n in range(9, 0, -1)))
CATS_TREE = [listing(post("z1", subreddit="cats")), listing(comment("zz1", "z1", subreddit="cats"))]
CATS_TREE_WITH_STUB = [CATS_TREE[0], listing(more("zz2", "zz3", parent="t3_z1"))]


@pytest.fixture
def reddit() -> ScriptedReddit:
    comments = [comment(f"c{n}") for n in range(5, 0, -1)]
    return ScriptedReddit([post("p1", num_comments=8)], comments)


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def once(wrong: Any, right: Any) -> Answer:
    left = [wrong]
    return lambda _query: (200, left.pop() if left else right)


def state(crawler: Crawler) -> Any:
    (row,) = crawler.rows(
        "SELECT access, access_unconfirmed, title, high_water_post, high_water_comment "
        "FROM subreddits WHERE name = 'python'"
    )
    return row


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/r/python/about", PRIVATE_CATS),
        ("/r/python/new", CATS_POSTS),
        ("/r/python/new", CATS_COMMENTS),  # the wrong community and the wrong kind of item
        ("/r/python/new", listing(*(comment(f"c{n}") for n in range(3)))),
        ("/r/python/new", listing(PRIVATE_PYTHON)),
    ],
)
def test_a_required_page_of_another_subject_defers_the_job_and_changes_nothing(
    crawler: Crawler, reddit: ScriptedReddit, path: str, wrong: Any
) -> None:
    assert crawler.crawl("python") == "crawled"
    before = state(crawler)
    posts = crawler.value("SELECT count(*) FROM posts")
    reddit.answers[path] = always(200, wrong)
    crawler.enqueue("python")
    claim = crawler.claim()
    with pytest.raises(crawl_failures.NothingClear):
        crawler.run(claim)
    assert state(crawler) == before
    assert crawler.value("SELECT count(*) FROM posts") == posts
    crawler.release(claim)
    del reddit.answers[path]
    assert crawler.run(crawler.claim()) == "crawled"


def test_a_required_page_of_another_subject_once_is_requested_again(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/r/python/about"] = once(PRIVATE_CATS, scripted_reddit.ABOUT)
    reddit.answers["/r/python/new"] = once(CATS_POSTS, listing(*reddit.posts))
    assert crawler.crawl("python") == "crawled"
    assert state(crawler).high_water_post == "p1"
    assert state(crawler).access == "public"


def test_posts_below_a_page_of_another_community_are_not_lost(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """The other community's newest item is newer than all posts of the crawled one."""
    crawler.crawl("python")
    reddit.answers["/r/python/comments"] = always(200, CATS_COMMENTS)
    assert crawler.crawl("python") == "crawled"
    assert state(crawler).high_water_comment == "c5"
    assert crawler.value("SELECT missing_parts FROM subreddits WHERE name = 'python'") == 1
    del reddit.answers["/r/python/comments"]
    reddit.comments[:0] = [comment(f"d{n}") for n in range(250, 100, -1)]
    with crawler.database.begin() as conn:
        conn.exec_driver_sql("UPDATE missing_parts SET next_look_at = now()")
    assert crawler.crawl("python") == "crawled"
    assert crawler.value("SELECT count(*) FROM comments WHERE post_id = 'p1'") == 155


def test_items_of_other_subjects_on_a_page_are_left_out(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    mixed = listing(PRIVATE_PYTHON, post("z1", subreddit="cats"), *reddit.posts)
    reddit.answers["/r/python/new"] = always(200, mixed)
    assert crawler.crawl("python") == "crawled"
    assert state(crawler).high_water_post == "p1"
    assert state(crawler).access == "public"
    assert crawler.value("SELECT count(*) FROM posts") == 1


TREE = [
    listing(post("p1", num_comments=8)),
    listing(*(comment(f"c{n}") for n in range(1, 6)), more("d1", "d2", "d3")),
]


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"/comments/p1": always(200, CATS_TREE)}, "tree"),
        ({"/comments/p1": always(200, CATS_TREE_WITH_STUB)}, "tree"),
        (
            {
                "/comments/p1": always(200, TREE),
                "/api/morechildren": always(
                    200,
                    {"json": {"errors": [], "data": {"things": [comment("zz1", "z1")]}}},
                ),
            },
            "more_children",
        ),
    ],
)
def test_a_tree_of_another_post_is_a_missing_part(
    crawler: Crawler, reddit: ScriptedReddit, answers: dict[str, Answer], kind: str
) -> None:
    reddit.answers |= answers
    assert crawler.crawl("python") == "crawled"
    assert [row.kind for row in crawler.rows("SELECT kind FROM missing_parts")] == [kind]
    assert crawler.value("SELECT count(*) FROM comments WHERE post_id <> 'p1'") == 0
    reddit.answers.clear()
    reddit.trees["p1"] = [comment(f"d{n}") for n in range(1, 4)]
    with crawler.database.begin() as conn:
        conn.exec_driver_sql("UPDATE missing_parts SET next_look_at = now()")
    assert crawler.crawl("python") == "crawled"
    assert crawler.value("SELECT count(*) FROM comments") == 8
    assert crawler.value("SELECT missing_parts FROM subreddits") == 0


@pytest.mark.parametrize(
    "items",
    [
        lambda: [post("z1", subreddit="cats", author="bob")],
        lambda: [PRIVATE_PYTHON],
        lambda: [comment("zz1", "z1", subreddit="cats", author="bob")],
    ],
)
def test_a_history_of_another_author_is_a_missing_part(
    crawler: Crawler, reddit: ScriptedReddit, items: Callable[[], list[Any]]
) -> None:
    crawler.settings = DEFAULTS
    reddit.answers["/user/ada"] = always(200, listing(*items()))
    assert crawler.crawl("python") == "crawled"
    found = crawler.rows("SELECT kind, item FROM missing_parts")
    assert [(row.kind, row.item) for row in found] == [("history", "ada")]
    assert state(crawler).access == "public"


def test_a_history_may_hide_the_author_of_an_item(crawler: Crawler, reddit: ScriptedReddit) -> None:
    crawler.settings = DEFAULTS
    reddit.answers["/user/ada"] = always(
        200, listing(post("p1", author="ADA"), comment("c1", author="[deleted]"))
    )
    assert crawler.crawl("python") == "crawled"
    assert crawler.rows("SELECT * FROM missing_parts") == []


def test_another_account_that_is_suspended_ends_no_profile(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    gone = {"message": "Not Found", "error": 404}
    suspended = {"kind": "t2", "data": {"name": "bob", "is_suspended": True}}

    def profile(_query: Query) -> tuple[int, Any]:
        return 404, gone

    reddit.answers |= {"/r/u_ada/": profile, "/user/ada/about": always(200, suspended)}
    assert crawler.crawl("u_ada") == "not_found"


def unreadable(kind: str) -> dict[str, Any]:
    return {"kind": kind, "data": {"id": "p2"}}


UNREADABLE = listing(unreadable("t3"), unreadable("t9"), None)


@pytest.mark.parametrize("is_crawled", [True, False])
def test_a_page_of_posts_that_cannot_be_read_defers_the_job_and_proves_nothing(
    crawler: Crawler, reddit: ScriptedReddit, is_crawled: bool
) -> None:
    if is_crawled:
        crawler.crawl("python")
    crawler.enqueue("python")
    claim = crawler.claim()
    before = state(crawler)
    reddit.answers["/r/python/new"] = always(200, UNREADABLE)
    with pytest.raises(crawl_failures.NothingClear):
        crawler.run(claim)
    assert state(crawler) == before
    crawler.release(claim)
    del reddit.answers["/r/python/new"]
    assert crawler.run(crawler.claim()) == "crawled"


@pytest.mark.parametrize("kind", [None, ["private"], 7])
def test_a_description_without_a_type_changes_no_access(
    crawler: Crawler, reddit: ScriptedReddit, kind: Any
) -> None:
    for known in ("public", "restricted"):
        about = {"display_name": "python", "subreddit_type": known, "name": "t5_1"}
        reddit.answers["/r/python/about"] = always(200, {"kind": "t5", "data": about})
        crawler.crawl("python")
        reddit.answers["/r/python/about"] = always(
            200, {"kind": "t5", "data": {**about, "subreddit_type": kind}}
        )
        assert crawler.crawl("python") == "crawled"
        assert state(crawler).access == known


KNOWN = {
    "display_name": "python",
    "subreddit_type": "public",
    "name": "t5_1",
    "title": "Python",
    "public_description": "About Python",
    "subscribers": 100,
    "over18": True,
    "created_utc": 1_200_000_000.0,
}
DESCRIPTION = (
    "SELECT title, description, subscribers, over_18, reddit_id, created_at_reddit, access "
    "FROM subreddits WHERE name = 'python'"
)


def described(reddit: ScriptedReddit, about: dict[str, Any]) -> None:
    reddit.answers["/r/python/about"] = always(200, {"kind": "t5", "data": about})


@pytest.mark.parametrize(
    ("field", "wrong"),
    each_once([each for each in KNOWN if each != "display_name"], [None, ["x"], {}, float("nan")]),
)
def test_a_description_without_a_field_keeps_its_known_value(
    crawler: Crawler, reddit: ScriptedReddit, field: str, wrong: Any
) -> None:
    described(reddit, KNOWN)
    crawler.crawl("python")
    before = crawler.rows(DESCRIPTION)
    absent = {name: value for name, value in KNOWN.items() if name != field}
    for about in (absent, {**KNOWN, field: wrong}):
        described(reddit, about)
        assert crawler.crawl("python") == "crawled"
        assert crawler.rows(DESCRIPTION) == before


def test_a_description_changes_the_values_that_it_reports(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    described(reddit, KNOWN)
    crawler.crawl("python")
    described(
        reddit, {**KNOWN, "title": "", "public_description": "", "subscribers": 0, "over18": False}
    )
    crawler.crawl("python")
    (row,) = crawler.rows(DESCRIPTION)
    assert tuple(row[:4]) == ("", "", 0, False)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/r/python/comments", UNREADABLE, "comments"),
        ("/comments/p1", [UNREADABLE, UNREADABLE], "tree"),
        ("/user/ada", UNREADABLE, "history"),
    ],
)
def test_a_part_that_cannot_be_read_is_missing(
    crawler: Crawler, reddit: ScriptedReddit, path: str, body: Any, kind: str
) -> None:
    crawler.settings = DEFAULTS
    reddit.answers[path] = always(200, body)
    assert crawler.crawl("python") == "crawled"
    assert [row.kind for row in crawler.rows("SELECT kind FROM missing_parts")] == [kind]
