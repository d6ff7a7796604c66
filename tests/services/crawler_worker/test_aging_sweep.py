"""The worker's maintenance ages whatever waits, in one sweep."""

from sqlalchemy import text

from crawler_worker.maintenance import Maintenance
from crawljobs import settings
from crawljobs.db.database import Database

JOBS = 2_500  # more than two chunks, all enqueued at the same moment


def test_ages_every_job_that_has_waited_long_once_whatever_their_number(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(
            text("INSERT INTO subreddits (name) SELECT 'sub_' || n FROM generate_series(1, :n) n"),
            {"n": JOBS},
        )
        conn.execute(
            text(
                "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,"
                " queued_at) SELECT id, 'queued', 5, 5, 'user', now() - interval '61 minutes'"
                " FROM subreddits"
            )
        )
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    assert [maintenance.age(), maintenance.age()] == [JOBS, 0]
    with database.begin() as conn:
        assert conn.execute(text("SELECT DISTINCT priority FROM crawl_jobs")).scalars().all() == [
            15
        ]
