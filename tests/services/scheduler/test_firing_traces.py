"""Each firing begins a trace. Its job and its log line have the id of the trace."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain import trace_context
from support import collector
from support import schedule_rows as rows
from support.waiting import wait_until

DEADLINE_SECONDS = 30  # long enough for a busy machine
PRODUCER = 4


def test_every_firing_is_a_trace_of_its_own_in_job_log_and_collector(
    database: Database, database_url: str, start_scheduler: Callable[..., Any]
) -> None:
    with database.begin() as conn:
        rows.make_many(conn, 3, due_at="date_trunc('hour', now())")
    with collector.serve() as received:
        scheduler = start_scheduler(database_url, OTEL_EXPORTER_OTLP_ENDPOINT=received.url)
        wait_until(
            lambda: len(scheduler.logged("schedule.fired")) == 3,
            timeout=DEADLINE_SECONDS,
            describe=scheduler.told,
        )
        assert scheduler.terminate()[0] == 0
        spans = {span.trace_id: span for span in received.spans()}
    lines = {line["job_id"]: line for line in scheduler.logged("schedule.fired")}
    with database.begin() as conn:
        jobs = conn.execute(text("SELECT id, traceparent FROM crawl_jobs")).all()
    kept = {job.id: trace_context.parse(job.traceparent) for job in jobs}
    assert len({context.trace_id for context in kept.values() if context}) == len(jobs) == 3
    for job_id, context in kept.items():
        assert context is not None
        assert lines[job_id]["trace_id"] == context.trace_id
        span = spans[context.trace_id]
        assert (span.name, span.kind, span.span_id) == ("enqueue", PRODUCER, context.span_id)
        assert span.attributes["crawljobs.job.id"] == job_id
