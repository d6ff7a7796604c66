"""An absurd id never becomes the high-water mark. Otherwise later crawls would end too early."""

import collections
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crawler_worker.crawl.walks import marks
from crawler_worker.reddit import parsing
from crawljobs.db.database import Database
from crawljobs.domain import reddit_items
from crawljobs.domain.reddit_items import Post
from support import crawled, recordings, scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import ScriptedReddit, comment, post

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ABSURD = ("zzzzzzz", "zzzzzzzz", "zzzzzzzzzzzzz")


def item(item_id: str, days_ago: float = 0.0) -> Post:
    return crawled.post(item_id, created_at=NOW - timedelta(days=days_ago))


def newest(*items: Post) -> str | None:
    return marks.newest(items, now=NOW)


@pytest.mark.parametrize("absurd", ABSURD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_absurd_id_is_not_the_newest(absurd: str, place: int) -> None:
    page = [item("1qb0002", 1), item("1qb0001", 2)]
    page.insert(place, item(absurd, place + 0.5))
    assert newest(*page) == "1qb0002"
    assert newest(*page[:2], *page[2:]) == "1qb0002"


@pytest.mark.parametrize("absurd", ABSURD)
def test_of_two_items_an_absurd_one_is_not_the_newest(absurd: str) -> None:
    assert newest(item(absurd), item("1qb0001", 30)) == "1qb0001"


def test_half_of_a_page_may_be_absurd() -> None:
    absurd = [item(f"zzzzzzzzzzzz{n}") for n in range(3)]
    assert newest(*absurd, *(item(f"1qb000{n}", 9 - n) for n in range(4))) == "1qb0003"


def test_a_wrong_time_in_the_future_explains_no_absurd_id() -> None:
    assert newest(item("zzzzzzz", -10_000), item("1qb0001", 30)) == "1qb0001"


def test_an_absurdly_low_id_does_not_hide_the_newest() -> None:
    assert newest(item("1qb0002"), item("1qb0001", 1), item("1", 2)) == "1qb0002"


def test_ids_may_grow_over_the_years_of_a_quiet_community() -> None:
    years = (("a1b2c", 16), ("1z0000", 13), ("2rzzzz", 11), ("eizzzz", 6), ("1qb0000", 0))
    assert newest(*(item(each, age * 365) for each, age in reversed(years))) == "1qb0000"


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


@pytest.mark.parametrize(
    ("factor", "days", "is_newest"),
    [
        # Ids of one time differ by a tenth, and ids at most double in a year.
        (1.099, 0, True),
        (1.101, 0, False),
        (2.19, 365, True),
        (2.21, 365, False),
        # 1.1 * 2**10 after ten years.
        (1_120, 3_650, True),
        (1_130, 3_650, False),
    ],
)
def test_an_id_is_the_newest_up_to_the_growth_of_ids(
    factor: float, days: float, is_newest: bool
) -> None:
    known = item("1qb0000", days)
    higher = item(base36(int(int("1qb0000", 36) * factor)))
    assert newest(higher, known) == (higher if is_newest else known).id


@pytest.mark.parametrize(
    ("higher", "is_newest"), [("zzzzzz", True), ("1000000", True), ("1000001", False)]
)
def test_an_id_below_all_ids_of_today_is_the_newest_without_a_comparison(
    higher: str, is_newest: bool
) -> None:
    assert newest(item(higher), item("1")) == (higher if is_newest else "1")


def test_a_page_without_items_has_no_newest() -> None:
    assert newest() is None


def test_every_recorded_page_has_its_highest_id_as_the_newest() -> None:
    compared: collections.Counter[str] = collections.Counter()
    for interaction in recordings.interactions():
        is_listing = isinstance(interaction.body, dict) and "children" in (
            interaction.body.get("data") or {}
        )
        if interaction.status != 200 or not is_listing:
            continue
        items = parsing.items(interaction.body)
        for kind, found in (("posts", items.posts), ("comments", items.comments)):
            highest = reddit_items.newest(*(each.id for each in found))
            assert marks.newest(found, now=datetime.now(UTC)) == highest, interaction.file
            compared[kind] += len(found) > 1
    assert len(compared) == 2
    assert min(compared.values()) > 0


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit(
        [post(f"1qb00{n}", created_utc=scripted_reddit.CREATED + n) for n in range(40, 10, -1)],
        [comment(f"nab00{n}", "1qb0010") for n in range(40, 10, -1)],
    )


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


@pytest.mark.parametrize("absurd", ABSURD)
@pytest.mark.parametrize("place", [0, 7])
def test_an_absurd_id_is_stored_and_becomes_no_mark(
    crawler: Crawler, reddit: ScriptedReddit, absurd: str, place: int
) -> None:
    def things_of_page(make: Any) -> Any:
        return make(absurd, created_utc=scripted_reddit.CREATED + 50)

    reddit.posts.insert(place, things_of_page(post))
    reddit.comments.insert(place, things_of_page(comment))
    crawler.crawl("python")
    found = crawler.rows("SELECT high_water_post, high_water_comment FROM subreddits")
    assert [tuple(row) for row in found] == [("1qb0040", "nab0040")]
    assert crawler.value("SELECT count(*) FROM posts") == 31
