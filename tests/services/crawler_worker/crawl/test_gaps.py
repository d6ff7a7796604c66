"""A crawl records a gap when a listing ends too early or all its cursors are lost."""

import contextlib
from dataclasses import replace

import pytest

from crawljobs.domain import reddit_items
from crawljobs.domain.claim import Claim
from support.crawls import Crawler, Transport
from support.reddit_sandbox import RunningSandbox

PAGE = 100


@pytest.fixture(autouse=True)
def _listings_only(crawler: Crawler) -> None:
    crawler.settings = replace(
        crawler.settings, fetch_user_subreddits=False, max_comments_per_post=0
    )


@pytest.fixture(scope="module")
def big_town(sandbox: RunningSandbox) -> list[str]:
    """Return the ids that the listing shows, newest first."""
    return [post["id"] for page in sandbox.pages("/r/big_town/new") for post in page]


def begin(crawler: Crawler, name: str, mark: str | None = None) -> Claim:
    """Claim a crawl whose last crawl has seen everything up to this post, and all comments."""
    crawler.enqueue(name)
    claim = crawler.claim()
    crawler.rows(
        "UPDATE subreddits SET high_water_post = :mark, high_water_comment = 'zzzzzzzzzzzz' "
        "RETURNING id",
        mark=mark,
    )
    return claim


def crawl_from(
    crawler: Crawler, name: str, mark: str | None = None, transport: Transport | None = None
) -> None:
    assert crawler.run(begin(crawler, name, mark), transport=transport) == "crawled"


def test_1500_new_items_since_the_mark_are_more_than_a_listing_shows(crawler: Crawler) -> None:
    crawl_from(crawler, "big_town", "1")
    assert crawler.value("SELECT count(*) FROM posts") == 1_000
    assert crawler.checkpoint()["gap"] is True
    (row,) = crawler.rows("SELECT * FROM subreddits WHERE name = 'big_town'")
    assert row.gap_at == row.last_crawled_at
    newest = crawler.value("SELECT id FROM posts ORDER BY created_at DESC LIMIT 1")
    assert row.high_water_post == newest


def test_a_first_crawl_has_nothing_to_miss(crawler: Crawler) -> None:
    crawl_from(crawler, "big_town")
    assert crawler.checkpoint()["gap"] is False
    assert crawler.value("SELECT gap_at FROM subreddits WHERE name = 'big_town'") is None


def test_a_listing_that_shows_all_there_is_has_no_gap(crawler: Crawler) -> None:
    """The listing ends because the post of the high-water mark and all older posts were deleted."""
    crawl_from(crawler, "python", "1")
    assert crawler.checkpoint()["gap"] is False


def test_a_mark_that_is_reached_on_the_last_page_leaves_no_gap(
    crawler: Crawler, big_town: list[str]
) -> None:
    crawl_from(crawler, "big_town", big_town[989])
    assert crawler.checkpoint()["gap"] is False


def test_fewer_posts_than_are_new_by_our_own_setting_are_a_gap_too(
    crawler: Crawler, big_town: list[str]
) -> None:
    crawler.settings = replace(crawler.settings, max_posts_per_sub=150)
    crawl_from(crawler, "big_town", big_town[300])
    assert crawler.checkpoint()["gap"] is True


def deleting(sandbox: RunningSandbox, *names: str) -> Transport:
    """Delete these items before the request for the second page of posts."""

    def before(number: int) -> None:
        if number == 3:  # the requests 1 and 2 are for the description and the first page
            for name in names:
                reply = sandbox.http.post("/sandbox/delete", json={"name": name})
                assert reply.status_code == 200

    return Transport(before)


def test_a_cursor_that_is_deleted_meanwhile_is_replaced_by_the_item_before(
    crawler: Crawler, sandbox: RunningSandbox
) -> None:
    listed = [post["name"] for page in sandbox.pages("/r/big_brook/new") for post in page]
    transport = deleting(sandbox, listed[PAGE - 1])
    crawl_from(crawler, "big_brook", transport=transport)
    assert crawler.value("SELECT count(*) FROM posts") >= len(listed) - 1
    checkpoint = crawler.checkpoint()
    assert checkpoint["gap"] is False
    # Ten pages with items, and the empty page of the deleted cursor.
    assert transport.paths.count("/r/big_brook/new") == 11


def test_a_walk_that_has_lost_every_cursor_tells_the_gap(
    crawler: Crawler, sandbox: RunningSandbox
) -> None:
    listed = [post["name"] for page in sandbox.pages("/r/big_lake/new") for post in page]
    transport = deleting(sandbox, *listed[PAGE - 3 : PAGE])
    crawl_from(crawler, "big_lake", "1", transport)
    assert crawler.checkpoint()["gap"] is True
    assert crawler.value("SELECT count(*) FROM posts") == PAGE


def test_a_page_of_102_items_is_stored_whole(crawler: Crawler, sandbox: RunningSandbox) -> None:
    """The listing adds two pinned posts to the page of 100 posts."""
    name = next(
        each
        for each in (f"big_hill{n}" for n in range(50))
        if len(sandbox.children(f"/r/{each}/hot", limit=100)) == PAGE + 2
    )
    crawler.settings = replace(crawler.settings, posts_sort="hot", max_posts_per_sub=102)
    crawl_from(crawler, name)
    assert crawler.value("SELECT count(*) FROM posts") == PAGE + 2


def test_a_crawl_killed_where_its_cursor_was_deleted_finds_its_way_again(
    crawler: Crawler, sandbox: RunningSandbox
) -> None:
    class Killed(BaseException):
        pass

    listed = [post["name"] for page in sandbox.pages("/r/big_pond/new") for post in page]

    def die(number: int) -> None:
        if number == 3:
            sandbox.http.post("/sandbox/delete", json={"name": listed[PAGE - 1]})
            raise Killed

    claim = begin(crawler, "big_pond")
    with contextlib.suppress(Killed):
        crawler.run(claim, transport=Transport(die))
    crawler.release(claim)
    assert crawler.run(crawler.claim()) == "crawled"
    assert crawler.value("SELECT count(*) FROM posts") >= len(listed) - 1


def test_a_listing_is_cut_when_it_shows_as_many_as_it_ever_does() -> None:
    assert 700 < reddit_items.LISTING_CAP < 1_000
