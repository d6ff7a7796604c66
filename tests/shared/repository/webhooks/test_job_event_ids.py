"""The ids of job events are unique over statements, and random UUIDs of version 4 in form."""

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.repository.webhooks.events import job_events
from support import jobs
from support.jobs import T0


def test_each_end_of_a_job_has_its_own_id_and_stores_no_json(conn: Connection) -> None:
    conn.execute(
        text("""
            INSERT INTO webhook_endpoints (url, events, created_by)
            VALUES ('https://x', '{job.succeeded}', 'ada')
        """)
    )
    ended = []
    for name in ("cats", "dogs"):
        claim = jobs.crawling(conn, name)
        jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
        ended.append(claim.job_id)
    job_events.record(conn, job_ids=ended, now=T0)  # the same jobs in another statement
    rows = conn.execute(text("SELECT id, job_id, data FROM webhook_events ORDER BY version")).all()
    assert [row.job_id for row in rows[:2]] == ended
    assert len({row.id for row in rows}) == len(rows) == 4
    assert {row.id.version for row in rows} == {4}
    assert [row.data for row in rows] == [None] * 4
