"""The lists of groups and steps use indexes, also with generic plans and old statistics."""

import itertools
from typing import Any

import pytest
from sqlalchemy import ClauseElement

from crawljobs.db.database import Database
from crawljobs.domain.group import StepState
from crawljobs.domain.job import JobStatus
from crawljobs.domain.job_filter import JobSort
from crawljobs.repository.groups import (
    group_counts,
    group_list,
    group_reads,
    request_use,
    step_list,
)
from crawljobs.repository.groups.edits import (
    group_cloning,
    group_deletion,
    group_pausing,
    step_decisions,
)
from crawljobs.repository.groups.explained import related_steps
from crawljobs.repository.groups.group_list import GroupFilterState
from crawljobs.repository.queue import job_page
from crawljobs.repository.queue.job_page import PageShape
from support import plans

BOTH = (False, True)
SMALL_TABLES = ("reddit_budgets",)
SCAN_LIMIT = 10  # far fewer than the groups of the database
VALUES: dict[str, Any] = {
    "id": 10,
    "ids": [1000, 1001],
    "group_id": 10,
    "every": 1,
    "key": "k200",
    "name": "nightly",
    "subreddit_id": 200,
    "schedule_id": 7,
    "before_id": 900,
    "after_id": 185,
    "step_id": 1000,
    "job_id": 1000,
    "after_0": "2031-01-01",
    "after_1": 1000,
    "now": None,
}
STATEMENTS: dict[str, ClauseElement] = {
    "group": group_reads._GET,
    "lock of group": group_reads._LOCK,
    "first failure": group_reads._FIRST_FAILURE,
    "start": group_reads._STARTED_AT,
    "step": step_list._GET,
    "lock of step": step_list._LOCK,
    "waits": step_list._WAITS,
    **{f"steps that {name}": query for name, query in related_steps._SHOWN.items()},
    **{f"count of {name}": query for name, query in related_steps._COUNTS.items()},
    "requests": request_use._READ,
    "open groups": group_counts._OPEN,
    "oldest pending step": group_counts._OLDEST_PENDING,
    "recent groups": group_counts._RECENT,
    "pause": group_pausing._PAUSE,
    "resume": group_pausing._RESUME,
    "proceed": step_decisions._PROCEED,
    "awaited": group_deletion._AWAITED,
    "delete steps": group_deletion._DELETE_STEPS,
    "delete group": group_deletion._DELETE,
    "copied steps": group_cloning._STEPS,
    "copied waits": group_cloning._WAITS,
    "copied jobs": group_cloning._JOBS,
    "copied groups": group_cloning._GROUPS,
}
STATEMENTS |= {
    f"jobs of a group {sort} {continues}": job_page.page_statement(
        PageShape(sort, tuple(JobStatus), ("group_id",), continues, 101, SCAN_LIMIT)
    )
    for sort in (JobSort.NEWEST, JobSort.OLDEST)
    for continues in BOTH
}
STATEMENTS |= {
    f"groups {state} {by_name} {by_subreddit} {continues}": group_list.page_statement(
        state=state,
        by_name=by_name,
        by_subreddit=by_subreddit,
        continues=continues,
        limit=101,
        scan_limit=SCAN_LIMIT,
    )
    for state, by_name, by_subreddit, continues in itertools.product(
        (None, GroupFilterState.PAUSED, GroupFilterState.FAILED), BOTH, BOTH, BOTH
    )
}
STATEMENTS |= {
    f"groups of a schedule {by_name} {by_subreddit}": group_list.page_statement(
        state=None,
        by_name=by_name,
        by_subreddit=by_subreddit,
        by_schedule=True,
        continues=True,
        limit=101,
        scan_limit=SCAN_LIMIT,
    )
    for by_name, by_subreddit in itertools.product(BOTH, BOTH)
}
STATEMENTS |= {
    f"steps {len(states)} {by_subreddit} {continues}": step_list.page_statement(
        states, by_subreddit=by_subreddit, continues=continues, limit=101
    )
    for states, by_subreddit, continues in itertools.product(
        ((StepState.FAILED,), tuple(StepState)), BOTH, BOTH
    )
}


def test_no_list_of_groups_or_steps_scans_a_table(crowded: Database) -> None:
    scanned: dict[str, list[str]] = {}
    with crowded.begin() as conn:
        for name, statement in STATEMENTS.items():
            found = plans.tables_scanned(plans.generic_plan(conn, statement, VALUES))
            scanned[name] = [table for table in found if table not in SMALL_TABLES]
    assert {name: tables for name, tables in scanned.items() if tables} == {}


@pytest.mark.parametrize(
    ("name", "table", "most"),
    [
        ("waits", "step_waits", 2),
        ("first failure", "group_steps", 4),
        ("steps 7 False True", "group_steps", 2 * 15),
        ("steps 7 True False", "group_steps", 2),
        ("groups None True False False", "job_groups", 0),
        ("groups None False True False", "job_groups", 2),
        ("jobs of a group -created_at False", "group_steps", 20),
        ("jobs of a group -created_at False", "crawl_jobs", 2 * 20),
        ("oldest pending step", "group_steps", 0),
        ("groups of a schedule False False", "job_groups", 0),
    ],
)
def test_a_list_reads_only_the_rows_that_it_needs(
    crowded: Database, name: str, table: str, most: int
) -> None:
    with crowded.begin() as conn:
        assert plans.rows_read(conn, STATEMENTS[name], VALUES, table=table) <= most
