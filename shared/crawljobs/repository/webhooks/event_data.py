"""The data of an event: the column `data`, or an object of other columns for the end of a job."""

from __future__ import annotations

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from crawljobs.db.tables import webhook_events
from crawljobs.repository.sql import inline, inline_number
from crawljobs.repository.webhooks.events.event_json import json_object, json_time

_event = webhook_events.c

# The data of a job's end is stored in columns, because a JSON object would cost each job more time
# and more WAL. The object is composed when the event is read.
DATA = func.coalesce(
    _event.data,
    json_object(
        job_id=_event.job_id,
        subreddit=_event.subreddit,
        source=_event.source,
        status=func.split_part(_event.type, inline("."), inline_number(2)),
        outcome=_event.outcome,
        error_kind=_event.error_kind,
        incomplete=_event.incomplete,
        finished_at=json_time(_event.finished_at),
        schedule_id=_event.schedule_id,
        group_id=_event.group_ids[inline_number(1)],
        generation=_event.generation,
        group_ids=func.to_jsonb(_event.group_ids),
    ),
    type_=_event.data.type,
)


def data_sql() -> str:
    """Return DATA as SQL text, for statements that are text and read the table by its name."""
    dialect = psycopg_dialect.dialect()  # type: ignore[no-untyped-call]
    return str(DATA.compile(dialect=dialect))
