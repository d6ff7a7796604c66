"""A listing that omits items it has shown before does not count as complete."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawljobs.db.database import Database
from crawljobs.domain import reddit_items
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.matrices import each_once
from support.scripted_reddit import Answer, Query, ScriptedReddit, always, listing
from support.scripted_reddit import comment as make_comment
from support.scripted_reddit import post as make_post

NEW, COMMENTS, INFO = "/r/python/new", "/r/python/comments", "/api/info"
REFUSED = {"message": "Bad Request", "error": 400}
PATHS = {"posts": NEW, "comments": COMMENTS}


def time_of(item_id: str) -> float:
    return scripted_reddit.CREATED + int(item_id, 36)


def post(item_id: str, **changes: Any) -> Any:
    return make_post(item_id, created_utc=time_of(item_id), **changes)


def posts(letter: str, many: int) -> list[Any]:
    """Return posts, newest first. Posts with a later letter are newer."""
    return [post(f"{letter}{999 - n:03}") for n in range(many)]


def comments(letter: str, many: int) -> list[Any]:
    ids = [f"{letter}{999 - n:03}" for n in range(many)]
    return [make_comment(each, "a999", created_utc=time_of(each)) for each in ids]


@pytest.fixture
def reddit() -> ScriptedReddit:
    reddit = ScriptedReddit(posts("a", 300), comments("a", 250))

    def shown(query: Query) -> tuple[int, Any]:
        names = set(query.get("id", "").split(","))
        found = [
            each
            for each in (*reddit.posts, *reddit.comments)
            if f"{each['kind']}_{each['data']['id']}" in names
        ]
        return 200, listing(*found)

    reddit.answers[INFO] = shown
    return reddit


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def row(crawler: Crawler) -> Any:
    (found,) = crawler.rows("SELECT * FROM subreddits")
    return found


def missing(crawler: Crawler) -> list[str]:
    return [part.kind for part in crawler.rows("SELECT kind FROM missing_parts ORDER BY kind")]


def gaps(crawler: Crawler) -> list[tuple[str, str, str]]:
    rows = crawler.rows("SELECT listing, from_item, to_item FROM crawl_gaps ORDER BY 1, 2")
    return [(gap.listing, gap.from_item, gap.to_item) for gap in rows]


def count(crawler: Crawler, kind: str) -> int:
    return int(crawler.value(f"SELECT count(*) FROM {kind}"))


def things_of(reddit: ScriptedReddit, kind: str) -> list[Any]:
    return reddit.posts if kind == "posts" else reddit.comments


def add_new(reddit: ScriptedReddit, kind: str, many: int = 300) -> list[Any]:
    things = things_of(reddit, kind)
    things[:0] = posts("b", many) if kind == "posts" else comments("b", many)
    return things


def cut_after(things: list[Any], shown: int) -> Answer:
    """Answer with the first `shown` items of the listing and no cursor for the rest."""
    return lambda query: (200, scripted_reddit.page(things[:shown], query))


def with_cursor(things: list[Any], shown: int, after: object) -> Answer:
    """Answer with the first `shown` items and an unusable cursor."""

    def answer(query: Query) -> tuple[int, Any]:
        found = scripted_reddit.page(things[:shown], query)
        if found["data"]["after"] is None:
            found["data"]["after"] = after
        return 200, found

    return answer


def a_month_later(crawler: Crawler) -> None:
    crawler.rows("UPDATE subreddits SET whole_walk_at = now() - interval '31 days' RETURNING id")


@pytest.mark.parametrize(("kind", "shown"), each_once(PATHS, [0, 50, 100, 299]))
def test_a_listing_that_ends_before_the_mark_is_asked_for_again(
    crawler: Crawler, reddit: ScriptedReddit, kind: str, shown: int
) -> None:
    crawler.crawl("python")
    before = count(crawler, kind)
    things = add_new(reddit, kind)
    reddit.answers[PATHS[kind]] = cut_after(things, shown)
    known = row(crawler)
    assert crawler.crawl("python") == "crawled"
    assert count(crawler, kind) == before + shown
    oldest = [(kind, "a999", things[shown - 1]["data"]["id"])] if shown else []
    assert (missing(crawler), gaps(crawler)) == ([kind], oldest)
    assert crawler.checkpoint()["gap"] is True
    found = row(crawler)
    assert (found.high_water_post, found.high_water_comment)[kind == "comments"] == "a999"
    assert found.gap_at == found.last_crawled_at
    if kind == "posts":
        assert found.whole_walk_at == known.whole_walk_at
    # The listing shows all items again, and the next crawl closes the gap.
    del reddit.answers[PATHS[kind]]
    assert crawler.crawl("python") == "crawled"
    assert (missing(crawler), gaps(crawler)) == ([], [])
    assert count(crawler, kind) == before + 300
    found = row(crawler)
    assert (found.high_water_post, found.high_water_comment)[kind == "comments"] == "b999"


@pytest.mark.parametrize(("kind", "shown"), each_once(PATHS, [0, 100, 150]))
def test_a_page_that_is_cut_short_once_is_asked_for_again_in_place(
    crawler: Crawler, reddit: ScriptedReddit, kind: str, shown: int
) -> None:
    crawler.crawl("python")
    before, path = count(crawler, kind), PATHS[kind]
    things = add_new(reddit, kind)

    def once(query: Query) -> tuple[int, Any]:
        if "after" in query or shown <= 100:
            del reddit.answers[path]
        return cut_after(things, shown)(query)

    reddit.answers[path] = once
    crawler.crawl("python")
    assert path not in reddit.answers
    assert count(crawler, kind) == before + 300
    assert (missing(crawler), gaps(crawler)) == ([], [])
    assert crawler.checkpoint()["gap"] is False
    assert reddit.count(INFO) == 0


@pytest.mark.parametrize(
    "answer",
    [None, always(500, {}), always(400, REFUSED), always(200, listing())],
    ids=["shown", "trouble", "refused", "nothing"],
)
def test_nothing_of_a_community_that_was_crawled_closes_no_gap(
    crawler: Crawler, reddit: ScriptedReddit, answer: Answer | None
) -> None:
    """The gap stays, whether or not Reddit still shows the stored posts."""
    crawler.settings = replace(crawler.settings, max_posts_per_sub=100)
    crawler.crawl("python")
    add_new(reddit, "posts", 200)
    crawler.crawl("python")
    left = gaps(crawler)
    assert left == [("posts", "a999", "b900")]
    known = row(crawler)
    reddit.answers[NEW] = always(200, listing())
    if answer is not None:
        reddit.answers[INFO] = answer
    crawler.crawl("python")
    found = row(crawler)
    assert (gaps(crawler), missing(crawler)) == (left, ["posts"])
    assert (found.posts_walk_end, found.whole_walk_at) == ("limit", known.whole_walk_at)
    assert found.high_water_post == "b999"


@pytest.mark.parametrize("removed", [3])
@pytest.mark.parametrize("shown_as", ["deleted", "removed"])
def test_a_listing_whose_older_posts_were_all_removed_is_complete(
    crawler: Crawler, reddit: ScriptedReddit, shown_as: str, removed: int
) -> None:
    """The crawl requests the removed posts by name only once, because it stores what it learns."""
    reddit.posts[:], reddit.comments[:] = posts("a", removed), []
    crawler.crawl("python")
    changes: dict[str, Any] = {"removed_by_category": "moderator"}
    if shown_as == "deleted":
        changes = {"author": "[deleted]", "selftext": "[deleted]", "removed_by_category": "deleted"}
    gone = [post(each["data"]["id"], **changes) for each in reddit.posts]
    reddit.posts[:] = posts("b", 1)
    reddit.answers[INFO] = always(200, listing(*gone))
    for looks in (1, 1):
        assert crawler.crawl("python") == "crawled"
        assert (missing(crawler), gaps(crawler)) == ([], [])
        assert (row(crawler).posts_walk_end, row(crawler).high_water_post) == ("first_item", "b999")
        assert reddit.count(INFO) == looks
    assert crawler.checkpoint()["gap"] is False


@pytest.mark.parametrize("many", [3, 24, 60])
def test_a_quiet_community_whose_mark_was_deleted_costs_no_request_more(
    crawler: Crawler, reddit: ScriptedReddit, many: int
) -> None:
    reddit.posts[:], reddit.comments[:] = posts("a", many + 1), comments("a", many + 1)
    crawler.crawl("python")
    reddit.asked.clear()
    # The listing has lost its newest post, its oldest post, or both, and may have a new post.
    for first, last, new in ((1, None, 0), (1, -1, 0), (1, None, 1), (1, -1, 1), (0, -1, 1)):
        reddit.answers[NEW] = cut_after((posts("b", new) + posts("a", many + 2))[first:last], 100)
        reddit.answers[COMMENTS] = cut_after(comments("a", many + 1)[first:last], 100)
        assert crawler.crawl("python") == "crawled"
        assert (missing(crawler), gaps(crawler)) == ([], [])
        assert crawler.checkpoint()["gap"] is False
    assert reddit.count("/r/python/") == 5 * 3


def circle(things: list[Any], shown: int) -> Answer:
    """Answer with pages that lead back to the first page after `shown` items."""

    def answer(query: Query) -> tuple[int, Any]:
        page = scripted_reddit.page(things[:shown], query)
        first = things[min(99, shown - 1)]
        page["data"]["after"] = page["data"]["after"] or f"{first['kind']}_{first['data']['id']}"
        return 200, page

    return answer


def lost(things: list[Any], shown: int) -> Answer:
    """Answer each cursor behind the first pages with an empty page."""

    def answer(query: Query) -> tuple[int, Any]:
        page = scripted_reddit.page(things, query)
        if "after" in query and query["after"] not in [
            f"{each['kind']}_{each['data']['id']}" for each in things[: shown - 100]
        ]:
            return 200, listing()
        return 200, page

    return answer


@pytest.mark.parametrize(("kind", "broken"), each_once(PATHS, [circle, lost]))
def test_a_first_walk_that_breaks_off_is_made_again(
    crawler: Crawler,
    reddit: ScriptedReddit,
    kind: str,
    broken: Callable[[list[Any], int], Answer],
) -> None:
    things = things_of(reddit, kind)
    all_of_them = len(things)
    reddit.answers[PATHS[kind]] = broken(things, 100)
    assert crawler.crawl("python") == "crawled"
    assert count(crawler, kind) == 100
    assert missing(crawler) == [kind]
    assert crawler.value("SELECT incomplete FROM crawl_jobs ORDER BY id LIMIT 1")
    found = row(crawler)
    assert (found.high_water_post, found.high_water_comment)[kind == "comments"] is None
    if kind == "posts":
        assert found.posts_walk_end is None
    del reddit.answers[PATHS[kind]]
    assert crawler.crawl("python") == "crawled"
    assert (count(crawler, kind), missing(crawler)) == (all_of_them, [])
    found = row(crawler)
    assert (found.high_water_post, found.high_water_comment)[kind == "comments"] == "a999"


@pytest.mark.parametrize("kind", ["posts", "comments"])
def test_a_listing_that_leads_back_for_ever_is_walked_ever_more_rarely(
    crawler: Crawler, reddit: ScriptedReddit, kind: str
) -> None:
    reddit.answers[PATHS[kind]] = circle(things_of(reddit, kind), 200)
    asked = []
    for _ in range(6):
        crawler.crawl("python")
        asked.append(reddit.count(PATHS[kind]))
    assert asked == [2, 4, 5, 6, 7, 8]
    assert missing(crawler) == [kind]
    assert crawler.value("SELECT failures FROM missing_parts") == 2


@pytest.mark.parametrize(("broken", "failures"), each_once([circle, lost, cut_after], [1, 2]))
def test_a_whole_walk_that_breaks_off_keeps_the_missing_page(
    crawler: Crawler,
    reddit: ScriptedReddit,
    broken: Callable[[list[Any], int], Answer],
    failures: int,
) -> None:
    """Page 2 of the new posts fails. A later walk of the whole listing breaks off there too."""
    crawler.crawl("python")
    things = add_new(reddit, "posts")
    reddit.answers[f"{NEW}?after"] = always(400, REFUSED)
    for _ in range(failures):
        crawler.crawl("python")
    del reddit.answers[f"{NEW}?after"]
    reddit.answers[NEW] = broken(things, 100)
    a_month_later(crawler)
    crawler.crawl("python")
    assert missing(crawler) == ["posts"]
    assert row(crawler).high_water_post == "a999"
    assert count(crawler, "posts") == 400
    # The missing page is due, and Reddit sends it again.
    del reddit.answers[NEW]
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    crawler.crawl("python")
    assert (count(crawler, "posts"), missing(crawler), gaps(crawler)) == (600, [], [])
    assert row(crawler).high_water_post == "b999"


@pytest.mark.parametrize("broken", [circle, lost, cut_after])
def test_a_whole_walk_that_breaks_off_below_the_mark_is_made_again_when_it_is_due(
    crawler: Crawler, reddit: ScriptedReddit, broken: Callable[[list[Any], int], Answer]
) -> None:
    crawler.crawl("python")
    a_month_later(crawler)
    known = row(crawler)
    reddit.answers[NEW] = broken(reddit.posts, 200)
    crawls = []
    for _ in range(4):
        asked = reddit.count(NEW)
        crawler.crawl("python")
        crawls.append(reddit.count(NEW) - asked > 1)
        assert (missing(crawler), gaps(crawler)) == (["posts"], [])
        assert row(crawler).whole_walk_at == known.whole_walk_at
    assert crawls == [True, True, False, False]
    del reddit.answers[NEW]
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    crawler.crawl("python")
    assert missing(crawler) == []
    assert row(crawler).whole_walk_at > known.whole_walk_at


def in_pages_of(things: list[Any], size: int) -> Answer:
    """Answer with pages of `size` items, as if Reddit had removed the others of each hundred."""
    return lambda query: (200, scripted_reddit.page(things, {**query, "limit": str(size)}))


@pytest.mark.parametrize(
    ("shown", "size", "end"),
    [
        (880, 88, "cap"),
        (700, 70, "cap"),
        (880, 100, "first_item"),
        (616, 88, "first_item"),
        (900, 100, "cap"),
        (899, 100, "first_item"),
    ],
)
def test_ten_pages_or_900_items_are_the_cap(
    crawler: Crawler, reddit: ScriptedReddit, shown: int, size: int, end: str
) -> None:
    reddit.posts[:] = posts("a", shown)
    reddit.answers[NEW] = in_pages_of(reddit.posts, size)
    crawler.crawl("python")
    assert row(crawler).posts_walk_end == end


@pytest.mark.parametrize(
    ("shown", "end", "pages"), [(880, "cap", 9), (500, "cap", 5), (499, None, 5 + 1)]
)
def test_a_listing_that_ends_above_stored_items_was_cut_at_the_cap_or_is_broken(
    crawler: Crawler, reddit: ScriptedReddit, shown: int, end: str | None, pages: int
) -> None:
    """A listing that moderators filter shows fewer than 1,000 posts. Older posts drop out of it.

    Only an end that the cap does not explain costs a second request.
    """
    crawler.crawl("python")
    crawler.rows("UPDATE subreddits SET posts_walk_end = NULL RETURNING id")
    things = add_new(reddit, "posts", 950)
    reddit.answers[NEW] = cut_after(things, shown)
    reddit.asked.clear()
    crawler.crawl("python")
    assert reddit.count(NEW) == pages
    assert row(crawler).posts_walk_end == end
    assert missing(crawler) == ([] if end else ["posts"])
    assert gaps(crawler) == [("posts", "a999", things[shown - 1]["data"]["id"])]
    assert row(crawler).high_water_post == ("b999" if end else "a999")


def test_a_pinned_post_at_the_top_is_not_the_oldest_that_a_walk_has_reached(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.settings = replace(crawler.settings, max_posts_per_sub=100)
    crawler.crawl("python")
    add_new(reddit, "posts", 200)
    reddit.posts.insert(0, post("a950", stickied=True))
    crawler.crawl("python")
    left = [("posts", "a999", "b901")]
    assert gaps(crawler) == left
    crawler.crawl("python")
    assert gaps(crawler) == left


def test_the_numbers_of_a_capped_listing_fit_together() -> None:
    cap, with_removed = reddit_items.LISTING_CAP, reddit_items.LISTING_CAP_WITH_REMOVED
    assert with_removed < cap < reddit_items.LISTING_PAGES * 100


@pytest.mark.parametrize(("kind", "after"), each_once(PATHS, [["x"], {}, 7, "", "x" * 101]))
def test_a_cursor_that_cannot_be_read_loses_the_rest_of_the_listing(
    crawler: Crawler, reddit: ScriptedReddit, kind: str, after: object
) -> None:
    """An unusable cursor proves no end. The items below it are a missing part for a later crawl."""
    reddit.answers[PATHS[kind]] = with_cursor(things_of(reddit, kind), 200, after)
    assert crawler.crawl("python") == "crawled"
    assert missing(crawler) == [kind]
    assert crawler.checkpoint()[f"{kind}_walk"]["end"] is None
    found = row(crawler)
    assert (found.high_water_post, found.high_water_comment)[kind == "comments"] is None
    del reddit.answers[PATHS[kind]]
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    assert crawler.crawl("python") == "crawled"
    assert missing(crawler) == []
    assert count(crawler, kind) == len(things_of(reddit, kind))
