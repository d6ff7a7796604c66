"""A new page takes three statements. A stored page changes only the row of its job."""

import uuid

from sqlalchemy import event, text

from crawljobs.db.database import Connection
from crawljobs.domain.reddit_items import Account, Items
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.queue import job_claim, leases
from support import crawled, jobs


def page(count: int) -> Items:
    """Return posts, each by another author, that mention subreddits and are crossposts."""
    posts = [
        crawled.post(
            f"{number:x}a", author=Account(f"author{number}", f"t2_{number:x}"),
            mentions=("rust", f"name{number}"), crossposted_from="golang",
        )
        for number in range(count)
    ]  # fmt: skip
    return Items(posts=tuple(posts))


def test_a_page_of_100_posts_takes_three_statements_and_the_same_page_writes_nothing(
    conn: Connection,
) -> None:
    jobs.enqueue(conn, "python")
    (claim,) = job_claim.claim_jobs(
        conn, worker="w", claim_token=uuid.uuid4(), at_most=1, lease_seconds=30, now=jobs.T0
    )
    items, sent = page(100), []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    def store() -> None:
        leases.save_checkpoint(conn, claim=claim, checkpoint={"v": 1, "phase": "posts"})
        crawled_items.store(conn, items=items, known_subreddits={"python": claim.subreddit_id})

    event.listen(conn, "before_cursor_execute", note)
    try:
        store()
    finally:
        event.remove(conn, "before_cursor_execute", note)
    assert len(sent) == 3
    rows = "SELECT count(*) FROM posts UNION ALL SELECT count(*) FROM author_subreddits"
    assert conn.execute(text(rows)).scalars().all() == [100, 100]
    before = crawled.tuples_written(conn)
    store()
    assert crawled.tuples_written(conn) - before == 1  # only the row of the job
