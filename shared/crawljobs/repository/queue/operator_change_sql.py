"""The statements that change jobs for operators. Each statement takes any number of job ids.

A statement does not change a job whose status does not allow the verb. It also does not change a
job that already has the new values, because every write gives the row another version.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Delete,
    SmallInteger,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    case,
    delete,
    false,
    func,
    insert,
    not_,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from crawljobs.db.tables import crawl_job_attempts, crawl_jobs, upstream_changes
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.job import LIVE, PRIORITY_MAX, ErrorKind, JobStatus
from crawljobs.domain.operator_verbs import ALLOWED, Verb
from crawljobs.domain.webhook import EventType
from crawljobs.repository.queue import job_reads
from crawljobs.repository.queue.queue_sql import CHANNEL
from crawljobs.repository.sql import NOW, ids, inline, inline_number, one_of, seconds, unnested
from crawljobs.repository.webhooks.events.event_interest import wanted

_job = crawl_jobs.c
_UNCLAIMED: dict[str, ColumnElement[Any]] = dict.fromkeys(
    ("claim_token", "claimed_by", "claimed_at", "lease_expires_at"), null()
)
_RERUN_SERVED: dict[str, ColumnElement[Any]] = {
    "rerun_requested": false(),
    **dict.fromkeys(
        ("rerun_priority", "rerun_source", "rerun_visible_at", "rerun_traceparent"), null()
    ),
}

# The total time of all ended claims. If the change ends a claim, the time of that claim is added.
_duration = case(
    (
        _job.claimed_at.is_not(None),
        func.coalesce(_job.duration_seconds, inline_number(0))
        + func.greatest(seconds(NOW - _job.claimed_at), inline_number(0)),
    ),
    else_=_job.duration_seconds,
)

READ = job_reads.JOBS.where(_job.id == any_(ids("ids"))).order_by(_job.subreddit_id, _job.id)
LOCK = READ.with_for_update(of=crawl_jobs)  # in the order of enqueue, to prevent a deadlock


def _change(verb: Verb) -> Update:
    """Return an UPDATE of the jobs in `ids` whose status allows the operator's verb.

    Postgres changes the jobs in the order of `ids`, because its plan looks up one id at a time.
    """
    chosen = unnested("chosen", id=ids("ids"))
    return update(crawl_jobs).where(_job.id == chosen.c.id, one_of(_job.status, ALLOWED[verb]))


def _recorded(verb: Verb) -> CTE:
    """Return an INSERT that records the watched jobs in `ids` whose status allows the verb."""
    watched = crawl_jobs.alias("watched_job")
    return (
        insert(upstream_changes)
        .from_select(
            ["job_id", "actor"],
            select(watched.c.id, bindparam("actor", type_=Text)).where(
                watched.c.id == any_(ids("ids")),
                watched.c.watched,
                one_of(watched.c.status, ALLOWED[verb]),
            ),
        )
        .cte("recorded")
    )


def _end(
    verb: Verb, event: EventType, **changes: ColumnElement[Any]
) -> ReturningUpdate[tuple[int, bool]]:
    """Return an UPDATE that ends live jobs. `has_event` is true if a webhook wants the event.

    The statement also records the claim of a crawling job as an attempt. The worker loses this
    claim.
    """
    claimed, chosen = crawl_jobs.alias("claimed"), unnested("claimed_ids", id=ids("ids"))
    attempts = insert(crawl_job_attempts).from_select(
        ["job_id", "worker", "started_at", "ended_at", "outcome"],
        select(
            claimed.c.id,
            claimed.c.claimed_by,
            claimed.c.claimed_at,
            func.greatest(NOW, claimed.c.claimed_at),
            inline(AttemptOutcome.CANCELLED),
        ).where(claimed.c.id == chosen.c.id, claimed.c.claimed_by.is_not(None)),
    )
    return (
        _change(verb)
        .values(
            **changes,
            **_UNCLAIMED,
            **_RERUN_SERVED,
            duration_seconds=_duration,
            wait_reason=null(),
            finished_at=func.greatest(NOW, _job.created_at, _job.claimed_at),
        )
        .add_cte(attempts.cte("attempts"), _recorded(verb))
        .returning(_job.id, wanted(event).label("has_event"))
    )


_POINTS = bindparam("points", type_=SmallInteger)
_MAX = inline_number(PRIORITY_MAX)

_boost = (
    _change(Verb.BOOST)
    .where(func.least(_job.priority, _job.base_priority) < _MAX)
    .values(
        priority=func.least(_MAX, _job.priority + _POINTS),
        base_priority=func.least(_MAX, _job.base_priority + _POINTS),
    )
)

_change_priority = (
    _change(Verb.CHANGE_PRIORITY)
    .where(or_(_job.priority != _POINTS, _job.base_priority != _POINTS))
    .values(priority=_POINTS, base_priority=_POINTS)
)

_wake = _change(Verb.WAKE).values(
    status=inline(JobStatus.QUEUED), wait_reason=null(), visible_at=NOW, gap_waived=true()
)

# After a finished crawl or a permanent error, the retry starts from the beginning. Otherwise the
# retry continues from the checkpoint.
_has_succeeded = _job.status == inline(JobStatus.SUCCEEDED)
# The checkpoint's phase. A job without a checkpoint is handled like a finished crawl (`done`).
_phase = func.coalesce(_job.checkpoint.op("->>")(inline("phase")), inline("done"))
_is_permanent = _job.error_kind == inline(ErrorKind.PERMANENT)
_retry = (
    _change(Verb.RETRY)
    .add_cte(_recorded(Verb.RETRY))
    .values(
        status=inline(JobStatus.QUEUED),
        visible_at=NOW,
        queued_at=func.greatest(NOW, _job.created_at),
        finished_at=null(),
        gap_waived=true(),
        priority=_job.base_priority,
        retry_count=inline_number(0),
        rescues_in_a_row=inline_number(0),
        outcome=null(),
        # These columns may become null, because the attempts keep the earlier errors and times.
        error_kind=null(),
        error_message=null(),
        duration_seconds=null(),
        traceparent=bindparam("new_traceparent", type_=Text),
        checkpoint=case(
            (or_(_has_succeeded, _phase == inline("done"), _is_permanent), null()),
            else_=_job.checkpoint,
        ),
        incomplete=and_(
            _job.incomplete,
            not_(_has_succeeded),
            _phase != inline("done"),
            _job.error_kind.is_distinct_from(inline(ErrorKind.PERMANENT)),
        ),
    )
)

_attempts_of_deleted = delete(crawl_job_attempts).where(
    crawl_job_attempts.c.job_id == any_(ids("ids"))
)
_delete = (
    delete(crawl_jobs)
    .where(_job.id == any_(ids("ids")), one_of(_job.status, ALLOWED[Verb.DELETE]))
    .add_cte(_attempts_of_deleted.cte("attempts"), _recorded(Verb.DELETE))
)

STATEMENTS: dict[Verb, Update | Delete | ReturningUpdate[Any]] = {
    Verb.BOOST: _boost,
    Verb.CHANGE_PRIORITY: _change_priority,
    Verb.WAKE: _wake,
    Verb.RETRY: _retry,
    Verb.CANCEL: _end(Verb.CANCEL, EventType.JOB_CANCELLED, status=inline(JobStatus.CANCELLED)),
    Verb.GIVE_UP: _end(
        Verb.GIVE_UP,
        EventType.JOB_FAILED,
        status=inline(JobStatus.FAILED),
        error_kind=inline(ErrorKind.PERMANENT),
        error_message=inline("given up by an operator"),
    ),
    Verb.DELETE: _delete,
}

_chosen = unnested("chosen", id=ids("ids"))
_live = crawl_jobs.alias("live")
LIVE_JOBS_OF = (
    select(_job.id, _live.c.id.label("live_id"))
    .select_from(
        _chosen.join(crawl_jobs, _job.id == _chosen.c.id).join(
            _live, _live.c.subreddit_id == _job.subreddit_id
        )
    )
    .where(one_of(_live.c.status, LIVE))
)

NOTIFY = select(func.pg_notify(inline(CHANNEL), inline("")))
