"""Facts that decide when jobs run, for many jobs in one query: pauses, Reddit and workers."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    SmallInteger,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
)

from crawljobs.db.tables import queue_pauses, reddit_budgets, service_instances
from crawljobs.repository.sql import (
    CLOCK,
    NOW,
    ONE_ROW,
    ids,
    inline,
    inline_interval,
    inline_number,
    times,
    unnested,
)

SEEN_SECONDS = 60  # a worker is alive if its last heartbeat is at most this old

EXPLAINED = unnested(
    "explained",
    id=ids("ids"),
    subreddit_id=ids("subreddits"),
    priority=bindparam("priorities", type_=ARRAY(SmallInteger)),
    created_at=times("created"),
)
_budget = reddit_budgets.c
_blocked_until = func.greatest(_budget.paused_until, _budget.outage_until)
_outage = (
    select().where(_budget.outage_until > NOW).order_by(_budget.outage_until.desc()).limit(ONE_ROW)
)


def _pause_of(name: str, scope: ColumnElement[int]) -> tuple[FromClause, ColumnElement[bool]]:
    pause = queue_pauses.alias(name)
    is_in_force = or_(pause.c.until.is_(None), pause.c.until > CLOCK.c.now)
    return pause, and_(pause.c.scope == scope, is_in_force)


_everything, _everything_is_paused = _pause_of("everything", inline_number(0))
_mine, _mine_is_paused = _pause_of("mine", EXPLAINED.c.subreddit_id)
_instance = service_instances.c

# The facts about Reddit and the workers use NOW, so that Postgres reads them once and not for each
# job.
FACTS = (
    EXPLAINED.c.id,
    CLOCK.c.now,
    _everything.c.scope.is_not(None).label("paused"),
    _everything.c.until.label("paused_until"),
    _everything.c.paused_by.label("paused_by"),
    _everything.c.reason.label("pause_reason"),
    _mine.c.scope.is_not(None).label("subreddit_paused"),
    _mine.c.until.label("subreddit_paused_until"),
    _mine.c.paused_by.label("subreddit_paused_by"),
    _mine.c.reason.label("subreddit_pause_reason"),
    select(func.max(_blocked_until))
    .where(_blocked_until > NOW)
    .scalar_subquery()
    .label("reddit_until"),
    _outage.with_only_columns(
        func.coalesce(func.nullif(_budget.paused_reason, inline("rate_limit")), inline("outage"))
    )
    .scalar_subquery()
    .label("reddit_reason"),
    _outage.with_only_columns(_budget.paused_detail).scalar_subquery().label("reddit_detail"),
    select(func.count())
    .where(
        _instance.role == inline("crawler-worker"),
        _instance.seen_at > NOW - inline_interval(f"{SEEN_SECONDS} seconds"),
    )
    .scalar_subquery()
    .label("workers_alive"),
)
FROM = (
    CLOCK.outerjoin(_everything, _everything_is_paused)
    .join(EXPLAINED, true())
    .outerjoin(_mine, _mine_is_paused)
)
