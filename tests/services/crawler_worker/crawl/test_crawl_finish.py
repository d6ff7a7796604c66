"""What the end of a crawl records: marks, missing parts, and the number of whole trees."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.missing_parts import subreddit
from support.scripted_reddit import ScriptedReddit, comment, post


@pytest.fixture
def reddit() -> ScriptedReddit:
    posts = [post(f"{9999 - n}") for n in range(150)]
    return ScriptedReddit(posts, [comment(f"c{999 - n}", "9900") for n in range(150)])


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, DEFAULTS)


@pytest.mark.parametrize(
    ("requests", "marks", "parts"),
    [
        (2, (None, None), [("history", "ada"), ("posts", "t3_9900")]),
        (3, ("9999", None), [("comments", ""), ("history", "ada")]),
        (4, ("9999", None), [("comments", "t1_c900"), ("history", "ada")]),
        (5, ("9999", "c999"), [("history", "ada")]),
    ],
)
def test_a_crawl_without_requests_left_moves_the_marks_of_whole_listings_alone(
    crawler: Crawler,
    requests: int,
    marks: tuple[str | None, str | None],
    parts: list[tuple[str, str]],
) -> None:
    crawler.settings = replace(crawler.settings, max_requests_per_job=requests)
    assert crawler.crawl("python") == "crawled"
    row = subreddit(crawler)
    assert (row.high_water_post, row.high_water_comment) == marks
    left = crawler.rows("SELECT kind, item, reason, failures FROM missing_parts ORDER BY 1, 2")
    assert [tuple(part) for part in left] == [(*part, "allowance", 1) for part in parts]


def test_trees_are_counted_again_only_after_a_change(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=False)

    def counted_after_a_crawl() -> int:
        crawler.rows("UPDATE subreddits SET trees_whole = 777 RETURNING id")
        crawler.crawl("python")
        return int(subreddit(crawler).trees_whole)

    crawler.crawl("python")
    assert subreddit(crawler).trees_whole == 150
    assert counted_after_a_crawl() == 777
    reddit.posts.insert(0, post("a000"))
    assert counted_after_a_crawl() == 151
    crawler.rows("UPDATE subreddits SET whole_walk_at = now() - interval '31 days' RETURNING id")
    assert counted_after_a_crawl() == 151
