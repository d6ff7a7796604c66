"""The statements of groups and steps use indexes, also with generic plans and old statistics."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import TextClause

from crawljobs.db.database import Database
from crawljobs.repository.groups import (
    group_creation,
    group_progress,
    group_pruning,
    lost_ends,
    outdated_waits,
    settle,
    start,
    step_lookup,
    step_writes,
    upstream_reads,
    wait_creation,
)
from crawljobs.repository.groups.explained import upstream_levels
from support import plans

DAY = timedelta(days=1)
IDS = {"ids": [1000, 1001]}
OF_LOCKED = {"locked": [50, 51], "at_most": 1000}
CHANGED: dict[str, Any] = {
    **IDS,
    "states": ["failed", None],
    "reasons": ["why", None],
    "jobs": [1, None],
    "reruns": [False, True],
    "for_upstream": [False, True],
    "now": None,
}
PAGES = {**IDS, "after": [0, 5], **OF_LOCKED}
UPSTREAMS = {
    "jobs": [1000],
    "jobs_after": [0],
    "steps": [1000],
    "groups": [10],
    "groups_after": [0],
    "at_most": 1000,
}
OF_GROUP = {"group_id": 10, "now": None}
NEW_STEPS: dict[str, Any] = {
    **OF_GROUP,
    "keys": ["new"],
    "subreddits": [1],
    "priorities": [50],
    "retries": [3],
    "visible": [None],
    "policies": ["cancel"],
    "outcomes": ["any"],
    "depths": [0],
    "traceparent": None,
}
NEW_WAITS: dict[str, Any] = {
    "step_ids": [1000],
    "steps": [1],
    "jobs": [None],
    "groups": [None],
    "states": [None],
    "reasons": [None],
    "now": None,
}
STATEMENTS: dict[str, tuple[TextClause, dict[str, Any]]] = {
    "settle._TAKE": (settle._TAKE, {"at_most": 1000, "skip": 0}),
    "settle._DELETE": (settle._DELETE, IDS),
    "settle._ADD_RESTS": (
        settle._ADD_RESTS,
        {"jobs": [1], "steps": [None], "groups": [None], "actors": ["ada"], "after": [5]},
    ),
    "upstream_reads._GROUPS": (upstream_reads._GROUPS, UPSTREAMS),
    "upstream_reads._STEPS": (upstream_reads._STEPS, {"jobs": [1000], **OF_LOCKED}),
    "outdated_waits._WAITS_FOR_JOBS": (outdated_waits._WAITS_FOR_JOBS, PAGES),
    "outdated_waits._WAITS_FOR_STEPS": (outdated_waits._WAITS_FOR_STEPS, PAGES),
    "outdated_waits._WAITS_FOR_GROUPS": (outdated_waits._WAITS_FOR_GROUPS, PAGES),
    "outdated_waits._WAITS_FOR_ALL": (outdated_waits._WAITS_FOR_ALL, {"ids": [10]}),
    "upstream_levels._LEVEL": (
        upstream_levels._LEVEL,
        {"steps": [1000], "groups": [10, 11], "open": [True, False], "at_most": 21},
    ),
    "step_writes._CHANGE_STEPS": (step_writes._CHANGE_STEPS, CHANGED),
    "step_writes._ANNOUNCE": (step_writes._ANNOUNCE, IDS),
    "step_writes._CHANGE_WAITS": (step_writes._CHANGE_WAITS, CHANGED),
    "step_writes._ADD_OPEN_WAITS": (step_writes._ADD_OPEN_WAITS, {**IDS, "added": [-1, 1]}),
    "step_writes._RECOUNT": (step_writes._RECOUNT, IDS),
    "group_progress._LOCK": (group_progress._LOCK, IDS),
    "group_progress._ADD": (
        group_progress._ADD,
        {**IDS, "changes": '[{"id": 10, "pending": 1}]'},
    ),
    "group_progress._READ": (group_progress._READ, IDS),
    "group_progress._MARK_READY": (group_progress._MARK_READY, {**IDS, "now": None}),
    "group_progress._MARK_UNREADY": (group_progress._MARK_UNREADY, IDS),
    "group_progress._REOPEN": (group_progress._REOPEN, IDS),
    "group_progress._FINISH": (
        group_progress._FINISH,
        {**IDS, "outcomes": ["failed", "partly"], "now": None},
    ),
    "group_pruning._PRUNE": (
        group_pruning._PRUNE,
        {"retention": DAY, "at_most": 1000, "rows": 1000, "now": None},
    ),
    "start._TAKE_GROUPS": (start._TAKE_GROUPS, {"groups": 100, "skip": 0}),
    "start._TO_THE_END": (start._TO_THE_END, {**IDS, "now": None}),
    "start._READY": (start._READY, {"ids": [10, 11], "at_most": 1000}),
    "lost_ends._RECORD_JOBS": (lost_ends._RECORD_JOBS, {"at_most": 1000}),
    "lost_ends._RECORD_STEPS_AND_GROUPS": (
        lost_ends._RECORD_STEPS_AND_GROUPS,
        {"at_most": 1000, "steps": 1000, "group_id": 0, "step_id": 0},
    ),
    "step_lookup._FIND": (
        step_lookup._FIND,
        {"group_id": 10, "keys": ["k1"], "subreddits": [7]},
    ),
    "wait_creation._LOCK_JOBS": (wait_creation._LOCK_JOBS, IDS),
    "wait_creation._WATCH": (wait_creation._WATCH, IDS),
    "wait_creation._READ_GROUPS": (wait_creation._READ_GROUPS, IDS),
    "wait_creation._INSERT": (wait_creation._INSERT, NEW_WAITS),
    "group_creation._CREATE": (
        group_creation._CREATE,
        {"name": None, "created_by": "a", "scheduled_job_id": None, "due_at": None, "now": None},
    ),
    "group_creation._SEAL": (group_creation._SEAL, OF_GROUP),
    "group_creation._READ": (group_creation._READ, {"group_id": 10}),
    "group_creation._INSERT_STEPS": (group_creation._INSERT_STEPS, NEW_STEPS),
    "group_creation._COUNT": (group_creation._COUNT, {"group_id": 10, "added": 1}),
}


def test_every_statement_of_groups_is_looked_at() -> None:
    modules = (
        group_creation,
        group_progress,
        group_pruning,
        lost_ends,
        outdated_waits,
        settle,
        start,
        step_lookup,
        step_writes,
        upstream_levels,
        upstream_reads,
        wait_creation,
    )
    assert set(plans.text_statements(modules)) == set(STATEMENTS)


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_statement_of_groups_scans_a_table(crowded: Database, name: str) -> None:
    statement, values = STATEMENTS[name]
    with crowded.begin() as conn:
        found = plans.generic_plan(conn, statement, values)
    assert plans.tables_scanned(found) == []


@pytest.mark.parametrize(
    ("name", "table", "most"),
    [
        ("group_progress._READ", "group_steps", 4),
        ("start._READY", "group_steps", 1),
        ("upstream_reads._STEPS", "group_steps", 1),
        ("upstream_reads._GROUPS", "step_waits", 0),
        ("outdated_waits._WAITS_FOR_STEPS", "step_waits", 2),
        ("lost_ends._RECORD_JOBS", "group_steps", 0),
        ("lost_ends._RECORD_JOBS", "step_waits", 0),
        ("lost_ends._RECORD_STEPS_AND_GROUPS", "group_steps", 0),
        ("lost_ends._RECORD_STEPS_AND_GROUPS", "step_waits", 0),
        ("upstream_levels._LEVEL", "step_waits", 1),
        ("upstream_levels._LEVEL", "group_steps", 2),
        ("group_pruning._PRUNE", "job_groups", 0),
    ],
)
def test_a_statement_reads_only_the_rows_that_it_needs(
    crowded: Database, name: str, table: str, most: int
) -> None:
    statement, values = STATEMENTS[name]
    with crowded.begin() as conn:
        assert plans.rows_read(conn, statement, values, table=table) <= most
        conn.rollback()
