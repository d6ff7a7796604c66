"""A crawl that stores pages of content, in a database that has the names of these pages."""

from benchmarks import page_storage
from benchmarks.content_pages import Pages
from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import authors, stored_subreddits
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.queue import leases


class Crawl:
    """Stores pages with their checkpoints, each in a transaction, as a worker does."""

    def __init__(self, database: Database, pages: Pages) -> None:
        self._database = database
        self._claim = page_storage.begin(database)
        with database.begin() as conn:
            authors.ensure(conn, accounts=pages.known_authors)
            self._subreddits = stored_subreddits.ensure(
                conn, names=pages.subreddits, discovered_from=None, depth=0
            )

    def store(self, items: Items) -> None:
        self._database.run(lambda conn: self._write(conn, items))

    def _write(self, conn: Connection, items: Items) -> None:
        leases.save_checkpoint(conn, claim=self._claim, checkpoint={"v": 1, "phase": "posts"})
        crawled_items.store(conn, items=items, known_subreddits=self._subreddits)
