"""Read how many requests to Reddit the steps of a group have sent and will probably send."""

from __future__ import annotations

import math

from sqlalchemy import Connection, bindparam, func, select, true

from crawljobs.db.tables import crawl_jobs, group_steps
from crawljobs.domain import group
from crawljobs.domain.group import StepState
from crawljobs.domain.group_forecast import StepUse
from crawljobs.domain.job import FINAL
from crawljobs.repository.sql import ONE_ROW, inline, inline_number, one_of

STEPS_MAX = 1_000  # limit of the steps whose requests are read, in about 50 ms

_job = crawl_jobs.c
_sampled = (
    select(group_steps.c.id)
    .where(
        group_steps.c.group_id == bindparam("group_id"),
        func.mod(group_steps.c.id, bindparam("every")) == inline_number(0),
    )
    .limit(inline_number(STEPS_MAX))
    .subquery("sampled")
)
_sent = _job.checkpoint.op("->")(inline("requests"))
_own = (
    select(group_steps.c.state, group_steps.c.job_id, group_steps.c.subreddit_id)
    .where(group_steps.c.id == _sampled.c.id)
    .limit(ONE_ROW)
    .lateral("own")
)
_current = (
    select(
        _sent.label("sent"),
        _job.checkpoint.op("->")(inline("forecast")).op("->")(inline("total")).label("total"),
    )
    .where(_job.id == _own.c.job_id)
    .limit(ONE_ROW)
    .lateral("current")
)
_last = (
    select(_sent.label("sent"))
    .where(
        _job.subreddit_id == _own.c.subreddit_id,
        one_of(_job.status, FINAL),
        _job.status == inline("succeeded"),
        one_of(_own.c.state, group.OPEN),
    )
    .order_by(_job.id.desc())
    .limit(ONE_ROW)
    .lateral("last")
)
_READ = select(
    _own.c.state, _current.c.sent, _current.c.total, _last.c.sent.label("last")
).select_from(_sampled.join(_own, true()).outerjoin(_current, true()).outerjoin(_last, true()))


def of_group(conn: Connection, *, group_id: int, steps: int) -> list[StepUse]:
    """Return how many requests each step of the group has sent and will probably send.

    `steps` is the number of steps of the group. If there are more than STEPS_MAX, the function
    returns a sample of at most STEPS_MAX steps, evenly distributed over the group.
    """
    every = max(1, math.ceil(steps / STEPS_MAX))
    return [
        StepUse(StepState(row.state), row.sent, row.total, row.last)
        for row in conn.execute(_READ, {"group_id": group_id, "every": every})
    ]
