"""The lists, replays and sweeps of webhooks read few rows, beside many of other states."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ClauseElement, text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.webhook import DeliveryState
from crawljobs.repository.webhooks import (
    delivery_holding,
    delivery_reads,
    event_pruning,
    pings,
)
from crawljobs.repository.webhooks.events import job_events
from crawljobs.repository.webhooks.replays import overdue_replays, replay_selection
from support import plans
from support.databases import Databases
from support.jobs import T0

EVENTS = 3_000
ROWS = f"""
    INSERT INTO webhook_endpoints (url, events, created_by)
    SELECT 'https://x', '{{job.failed}}', 'a' FROM generate_series(1, 3);
    INSERT INTO webhook_events (type, data, created_at, expanded_at)
    SELECT 'job.failed', '{{}}', timestamptz '2031-05-04' - make_interval(mins => n), now()
    FROM generate_series(1, {EVENTS}) AS n;
    INSERT INTO webhook_deliveries (event_id, endpoint_id, state, created_at, ended_at)
    SELECT event.id, 1, 'held', event.created_at, NULL FROM webhook_events AS event
    UNION ALL SELECT event.id, 2, 'delivered', event.created_at, now() FROM webhook_events AS event;
    UPDATE webhook_deliveries SET state = 'failed', ended_at = now() WHERE id % 100 = 0;
    INSERT INTO subreddits (name) SELECT 'sub_' || n FROM generate_series(1, {EVENTS}) AS n;
    INSERT INTO crawl_jobs
        (subreddit_id, status, priority, base_priority, source, finished_at, watched)
    SELECT id, 'failed', 1, 1, 'user', now(), true FROM subreddits;
    ANALYZE webhook_events, webhook_deliveries, subreddits, crawl_jobs
"""
PAGE = {"before_id": 5_000, "at_most": 11}
SINCE = {"since": T0.replace(day=3), "at_most": 50, "now": T0}
LISTS: dict[str, tuple[ClauseElement, dict[str, Any]]] = {
    f"{state or 'all'}, {'first' if first else 'next'} page of {endpoint}": (
        delivery_reads.list_statement(state, is_first_page=first),
        {"of_endpoint": endpoint, **PAGE},
    )
    for endpoint in (1, 2)
    for state in (None, *DeliveryState)
    for first in (True, False)
}
OTHERS: dict[str, tuple[ClauseElement, dict[str, Any]]] = {
    **{
        f"{name} of a replay, failed only: {only_failed}": (
            statement(only_failed=only_failed),
            {"of_endpoint": 2, **SINCE, "chosen": 9, "after": 3_500, "until": 9_999, "ids": [1, 2]},
        )
        for name, statement in {
            "count": replay_selection.count_statement,
            "newest": replay_selection.newest_statement,
            "walk": replay_selection.walk_statement,
            "lock": replay_selection.lock_statement,
        }.items()
        for only_failed in (True, False)
    },
    "overdue replays": (overdue_replays.FIND, {"late": T0 - T0, "at_most": 50, "now": T0}),
    "lock of overdue replays": (overdue_replays.LOCK, {"ids": [1, 2]}),
    "plan of overdue replays": (
        overdue_replays.PLAN,
        {"of_endpoint": 1, "ids": [1, 2], "now": T0},
    ),
    "pending ping": (pings._PENDING_PING, {"of_endpoint": 1}),
    "open states": (delivery_holding.OPEN_PAIRS, {}),
    **{
        f"free ones that are {state}": (statement, {"of_endpoint": 1, "at_most": 10, "now": T0})
        for state, statement in delivery_holding.FREE.items()
    },
    **{
        f"settle {state} for {wanted}": (statement, {"of_endpoint": 1, "ids": [1, 2], "now": T0})
        for (state, wanted), statement in delivery_holding.CHANGES.items()
    },
    "old events": (
        event_pruning.OLD,
        {
            "retention": T0 - T0.replace(day=2, hour=1),
            "at_most": 10,
            "skip": 0,
            "examined": 10,
            "now": T0,
        },
    ),
    "ended jobs": (job_events.RECORD.clause, {"ids": [1, 2, 3], "now": T0}),
}
LARGE = {"webhook_events", "webhook_deliveries", "subreddits", "crawl_jobs"}


@pytest.fixture(scope="module")
def full(databases: Databases) -> Iterator[Database]:
    with databases.clone() as url:
        database = Database(url, pool_size=1)
        with database.begin() as conn:
            for statement in ROWS.split(";\n"):
                conn.execute(text(statement.replace(":", "\\:")))
        yield database
        database.close()


def check(conn: Connection, statement: ClauseElement, values: dict[str, Any], most: int) -> None:
    found = plans.generic_plan(conn, statement, values)
    assert LARGE.isdisjoint(plans.tables_scanned(found))
    for table in ("webhook_deliveries", "webhook_events"):
        assert plans.rows_read(conn, statement, values, table=table) <= most, table


@pytest.mark.parametrize("name", LISTS)
def test_a_page_of_deliveries_reads_as_many_rows_of_each_state_at_most(
    full: Database, name: str
) -> None:
    statement, values = LISTS[name]
    with full.begin() as conn:
        check(conn, statement, values, most=11 * len(DeliveryState))


@pytest.mark.parametrize("name", OTHERS)
def test_a_change_of_some_deliveries_does_not_read_the_others(full: Database, name: str) -> None:
    statement, values = OTHERS[name]
    with full.begin() as conn:
        check(conn, statement, values, most=250)
        conn.rollback()
