"""A refresher with a client of its own, as a worker has it, against any server."""

import contextlib
import dataclasses
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import text

from crawler_worker.maintenance.refresher import Refresher
from crawler_worker.reddit.client import RedditClient
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.settings import CrawlSettings, DeletionCheckSettings, RedditSettings

CLIENT_ID = "tests"
REQUESTS = 10_000_000  # in each window, so that no request waits for its slot
SIX_SECONDS = 600 / 6 / REQUESTS  # the share of this budget that is one request in 6 seconds
CRAWL = dataclasses.replace(settings.read_crawl_settings({}), drops_removed_titles=True)
OFF = DeletionCheckSettings(every=None, share=SIX_SECONDS)
MONTHLY = DeletionCheckSettings(every=timedelta(days=30), share=SIX_SECONDS)


@contextlib.contextmanager
def refresher_of(
    database: Database,
    url: str,
    *,
    crawl: CrawlSettings = CRAWL,
    checks: DeletionCheckSettings = OFF,
    refreshes_items: bool = True,
) -> Iterator[Refresher]:
    """Yield a refresher with a large budget, because not every test server reports a budget."""
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, requests_per_window) "
                f"VALUES ('{CLIENT_ID}', {REQUESTS}) ON CONFLICT DO NOTHING"
            )
        )
    reddit = RedditSettings(CLIENT_ID, "secret", "tests", url, url)
    client = RedditClient(reddit, database=database, try_again_seconds=0.001)
    try:
        yield Refresher(
            database,
            client,
            client_id=CLIENT_ID,
            crawl=crawl,
            checks=checks,
            refreshes_items=refreshes_items,
        )
    finally:
        client.close()


def our_turn(database: Database) -> None:
    """Let the next turn of any refresher begin at once."""
    with database.begin() as conn:
        conn.execute(text("DELETE FROM maintenance_runs"))
