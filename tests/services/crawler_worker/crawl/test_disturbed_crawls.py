"""Parts that fail at random in one crawl are fetched by the next: nothing is lost."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from crawler_worker.reddit.exchange import transfer
from crawljobs.db.database import Database
from support.crawls import DEFAULTS, Contents, Crawler, Transport
from support.databases import Databases
from support.reddit_sandbox import RunningSandbox

NAME = "big_mill"
SETTINGS = replace(DEFAULTS, fetch_user_subreddits=False)
SHARE = 0.25  # of the parts fail: many more than Reddit ever lets fail
REQUIRED = ("/about", "/new")
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(2, 8))]


class Disturbed(Transport):
    """Each part fails, or not, as often as it is asked for."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self.failed = 0

    def send(self, request: transfer.Request) -> transfer.Exchange:
        reply = super().send(request)
        asked = f"{request.url.split('/', 3)[3]} {request.body!r}"
        is_required = request.path.endswith(REQUIRED) and "after=" not in asked
        chance = random.Random(f"{self._seed} {asked}")
        if is_required or "access_token" in asked or chance.random() >= SHARE:
            return reply
        self.failed += 1
        return replace(reply, status=400, content=b"<html>Bad request</html>")


@pytest.fixture(scope="module")
def undisturbed(sandbox: RunningSandbox, databases: Databases) -> Iterator[Contents]:
    with databases.clone() as url, contextlib.closing(Database(url)) as database:
        crawler = Crawler(database, sandbox.url, SETTINGS)
        crawler.crawl(NAME)
        yield crawler.contents()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_disturbed_crawl_missed_the_next_one_brings(
    crawler: Crawler, undisturbed: Contents, seed: int
) -> None:
    crawler.settings = SETTINGS
    disturbed = Disturbed(seed)
    assert crawler.crawl(NAME, transport=disturbed) == "crawled"
    assert disturbed.failed > 0
    assert crawler.value("SELECT missing_parts FROM subreddits WHERE last_crawled_at < now()") > 0
    assert crawler.crawl(NAME) == "crawled"
    found = crawler.contents()
    for kind in ("posts", "comments"):
        assert set(undisturbed[kind]) - set(found[kind]) == set()
    (row,) = crawler.rows("SELECT * FROM subreddits WHERE last_crawled_at IS NOT NULL")
    marks = {(each.high_water_post, each.high_water_comment) for each in undisturbed["subreddits"]}
    assert (row.high_water_post, row.high_water_comment) in marks
    assert row.missing_parts == 0
