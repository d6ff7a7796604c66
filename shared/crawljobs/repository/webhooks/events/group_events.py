"""Events of groups: group.finished, and group.step_failed for the first failed step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, any_, func, insert, select
from sqlalchemy.dialects.postgresql import array

from crawljobs.db.tables import group_steps, job_groups, subreddits, webhook_events
from crawljobs.domain.group import StepState
from crawljobs.domain.webhook import EventType
from crawljobs.repository.sql import NOW, ids, inline
from crawljobs.repository.webhooks.events.event_interest import fits
from crawljobs.repository.webhooks.events.event_json import json_object, json_time

_group, _step = job_groups.c, group_steps.c
_group_ids = array([_group.id])
_name = func.lower(subreddits.c.name)
_finished, _failed = inline(EventType.GROUP_FINISHED), inline(EventType.GROUP_STEP_FAILED)

RECORD_FINISHED = insert(webhook_events).from_select(
    ["type", "created_at", "data", "group_ids"],
    select(
        _finished,
        NOW,
        json_object(
            group_id=_group.id,
            name=_group.name,
            generation=_group.generation,
            outcome=_group.outcome,
            finished_at=json_time(_group.finished_at),
            schedule_id=_group.scheduled_job_id,
            steps=json_object(**{state.value: _group[state.value] for state in StepState}),
        ),
        _group_ids,
    ).where(_group.id == any_(ids("ids")), fits(_finished, group_ids=_group_ids)),
)

RECORD_FAILED = insert(webhook_events).from_select(
    ["type", "created_at", "data", "job_id", "group_ids", "subreddit"],
    select(
        _failed,
        NOW,
        json_object(
            group_id=_group.id,
            name=_group.name,
            generation=_group.generation,
            step_key=_step.key,
            subreddit=subreddits.c.name,
            job_id=_step.job_id,
        ),
        _step.job_id,
        _group_ids,
        subreddits.c.name,
    )
    .select_from(
        group_steps.join(job_groups, _group.id == _step.group_id).join(
            subreddits, subreddits.c.id == _step.subreddit_id
        )
    )
    .where(_step.id == any_(ids("ids")), fits(_failed, group_ids=_group_ids, subreddit=_name)),
)


def record_finished(
    conn: Connection, *, group_ids: Sequence[int], now: datetime | None = None
) -> None:
    """Write an event for each of these groups, which this transaction has finished."""
    conn.execute(RECORD_FINISHED, {"ids": list(group_ids), "now": now})


def record_failed(
    conn: Connection, *, step_ids: Sequence[int], now: datetime | None = None
) -> None:
    """Write an event for each of these steps. Each step is the first failed step of its group."""
    conn.execute(RECORD_FAILED, {"ids": list(step_ids), "now": now})
