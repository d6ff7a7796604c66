"""The statements of changes of groups and of operations use indexes, also with generic plans."""

from typing import Any

from sqlalchemy import ClauseElement

from crawljobs.db.database import Database
from crawljobs.repository.groups.batches import (
    group_batches,
    group_boost,
    group_cancel,
    group_retry,
    lifted_cancels,
    step_batches,
)
from crawljobs.repository.queue.dependents import awaited_jobs
from support import plans

VALUES: dict[str, Any] = {
    "ids": [1000, 1001],
    "steps": [1000, 1001],
    "group_id": 10,
    "after": 100,
    "at_most": 1000,
    "points": 5,
    "by": "ada",
    "now": None,
}
STATEMENTS: dict[str, ClauseElement] = {
    "open steps": step_batches.WALK_OPEN,
    "failed steps": step_batches.WALK_FAILED,
    "own jobs": step_batches.OWN_JOBS,
    "live jobs": step_batches.LIVE_JOBS,
    "group": group_batches._READ,
    "mark": group_cancel._MARK,
    "unmark": group_retry._UNMARK,
    "lift": lifted_cancels._LIFT,
    "announce": lifted_cancels._ANNOUNCE,
    "boost": group_boost._BOOST,
    "awaited": awaited_jobs.AWAITED,
}


def test_no_change_of_a_group_scans_a_table(crowded: Database) -> None:
    scanned: dict[str, list[str]] = {}
    with crowded.begin() as conn:
        for name, statement in STATEMENTS.items():
            scanned[name] = plans.tables_scanned(plans.generic_plan(conn, statement, VALUES))
    assert {name: tables for name, tables in scanned.items() if tables} == {}
