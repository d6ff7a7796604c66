"""One sweep ages all jobs that have waited long."""

import psycopg.conninfo
from sqlalchemy import text

from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import settings
from crawljobs.db.database import Database

JOBS = 2_500  # more than two chunks, all enqueued at the same time


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


def test_aging_does_not_wait_for_the_disk(database_url: str) -> None:
    """After a crash the next sweep ages the jobs again. Each chunk is committed separately."""
    # The test server has synchronous_commit off, so that the test must turn it on.
    patient = psycopg.conninfo.make_conninfo(database_url, options="-c synchronous_commit=on")
    database = Database(patient)
    with database.begin() as conn:
        conn.exec_driver_sql("""
            CREATE TABLE seen (synchronous_commit text);
            CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO seen SELECT current_setting('synchronous_commit');
                RETURN NULL;
            END $$;
            CREATE TRIGGER see AFTER UPDATE OF priority ON crawl_jobs
            FOR EACH STATEMENT EXECUTE FUNCTION see();
            INSERT INTO subreddits (name) VALUES ('python');
            INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
                queued_at)
            SELECT id, 'queued', 5, 5, 'user', now() - interval '61 minutes' FROM subreddits
            """)
    assert Maintenance(database, settings.read_queue_settings({})).age() == 1
    with database.begin() as conn:
        seen = conn.exec_driver_sql("SELECT synchronous_commit FROM seen").scalars().all()
        assert set(seen) == {"off"}
        assert conn.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    database.close()
