"""The filled tables, the pages and the reads of the workload `content_growth`."""

from sqlalchemy import text

from benchmarks import content_fill, content_pages, content_reads
from benchmarks.content_crawl import Crawl
from benchmarks.content_pages import Pages
from crawljobs.db.database import Database

ITEMS = 2_000
COUNTS = "SELECT (SELECT count(*) FROM posts), (SELECT count(*) FROM comments)"
CHANGED = "SELECT count(*) FROM posts WHERE body = :body AND score IN (11, 99)"
ORPHANS = """
    SELECT count(*) FROM posts AS item
        LEFT JOIN authors ON authors.id = item.author_id
        LEFT JOIN subreddits ON subreddits.id = item.subreddit_id
    WHERE authors.id IS NULL OR subreddits.id IS NULL
"""


def test_pages_lie_between_and_behind_the_filled_posts(
    database: Database, database_url: str
) -> None:
    content_fill.fill(database_url, items=ITEMS)
    with database.begin() as conn:
        assert conn.execute(text(COUNTS)).one() == (ITEMS, ITEMS)
        assert conn.execute(text(ORPHANS)).scalar() == 0
    pages = Pages(ITEMS)
    crawl = Crawl(database, pages)
    added = {}
    for kind, make in pages.kinds().items():
        with database.begin() as conn:
            before = conn.execute(text(COUNTS)).one()
        crawl.store(make(0))
        with database.begin() as conn:
            after = conn.execute(text(COUNTS)).one()
        added[kind] = (after[0] - before[0], after[1] - before[1])
    assert added == {
        "100 new posts": (100, 0),
        "100 posts of ten years": (100, 0),
        "50 known and 50 new posts": (50, 0),
        "100 known posts of ten years, other scores": (0, 0),
        "a tree of 100 comments": (0, 100),
    }
    with database.begin() as conn:
        changed = conn.execute(text(CHANGED), {"body": content_pages.BODY}).scalar()
        assert changed == 100 + 50 - 1  # the page with the tree stored one post again
        values = content_reads.place(conn, items=ITEMS, share=0.5)
        for read, statement in content_reads.READS.items():
            assert conn.execute(statement, values).all(), read
