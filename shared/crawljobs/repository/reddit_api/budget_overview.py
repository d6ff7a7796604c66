"""Read the budgets of all Reddit client ids, and count the jobs that wait for Reddit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from crawljobs.db.tables import crawl_jobs, reddit_budgets, service_instances
from crawljobs.domain import budget_state
from crawljobs.domain.budget_state import ClientBudget, StoredBudget
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.repository.queue.wait_causes import DERIVED_REASONS
from crawljobs.repository.sql import inline, one_of

CLIENTS_MAX = 100  # limit of client ids in the overview; the most recently used come first
WAITING_MAX = 1_000  # the count of parked jobs stops at this number
ALIVE_WITHIN = timedelta(seconds=60)  # a worker is alive if its last heartbeat is at most this old


# Selects the parked jobs that are counted: the `at_most` jobs with the earliest visible_at.
_parked = (
    select(crawl_jobs.c.wait_reason)
    .where(
        crawl_jobs.c.status == inline(JobStatus.WAITING),
        one_of(crawl_jobs.c.wait_reason, DERIVED_REASONS),
    )
    .order_by(crawl_jobs.c.visible_at)
    .limit(bindparam("at_most"))
    .subquery("parked")
)
_WAITING = select(_parked.c.wait_reason, func.count().label("jobs")).group_by(_parked.c.wait_reason)

_CLIENTS = (
    select(*(reddit_budgets.c[name] for name in StoredBudget.__dataclass_fields__))
    .order_by(reddit_budgets.c.next_slot_at.desc(), reddit_budgets.c.client_id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True)
class BudgetOverview:
    """The budgets, the numbers of waiting jobs and the number of live workers at the time `now`.

    `waiting_at_least` is true if more than WAITING_MAX jobs are parked. Then the count stopped
    early, and more jobs may wait.
    """

    now: datetime
    clients: list[ClientBudget]
    waiting: dict[WaitReason, int]
    waiting_at_least: bool
    workers_alive: int


def overview(conn: Connection, *, now: datetime | None = None) -> BudgetOverview:
    """Return the overview with at most CLIENTS_MAX client ids, the most recently used first."""
    if now is None:
        now = conn.execute(select(func.clock_timestamp())).scalar_one()
    clients = list_clients(conn, now=now)
    waiting, is_capped = count_waiting(conn)
    return BudgetOverview(now, clients, waiting, is_capped, _workers(conn, now))


def list_clients(
    conn: Connection, *, now: datetime, limit: int = CLIENTS_MAX
) -> list[ClientBudget]:
    """Return the budgets of at most `limit` client ids, the most recently used first."""
    rows = conn.execute(_CLIENTS, {"limit": limit})
    return [budget_state.at(StoredBudget(**row._mapping), now) for row in rows]


def count_waiting(conn: Connection) -> tuple[dict[WaitReason, int], bool]:
    """Return how many jobs wait for Reddit for each reason, and whether the count stopped early."""
    rows = conn.execute(_WAITING, {"at_most": WAITING_MAX + 1})
    found = {row.wait_reason: row.jobs for row in rows}
    reasons = (WaitReason.RATE_LIMIT, WaitReason.OUTAGE)
    waiting = {reason: found.get(reason, 0) for reason in reasons}
    return waiting, sum(found.values()) > WAITING_MAX


def _workers(conn: Connection, now: datetime) -> int:
    table = service_instances
    query = select(func.count()).where(
        table.c.role == "crawler-worker", table.c.seen_at > now - ALIVE_WITHIN
    )
    return int(conn.execute(query).scalar_one())
