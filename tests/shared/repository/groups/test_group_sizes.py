"""The cost of explanations, counts and pruning with the largest groups. Run with --deep -s."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository.groups import group_counts, group_pruning
from crawljobs.repository.groups.explained import step_causes
from support import jobs

pytestmark = pytest.mark.deep

LAYERS = WIDTH = 100
STEPS = 100_000


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return work(), time.monotonic() - began


def group_of(conn: Connection, steps: int, state: str) -> int:
    """Insert a group with this number of steps, which crawl one subreddit. Returns its id."""
    subreddit_id = jobs.job(conn, jobs.enqueue(conn)).subreddit_id
    values: dict[str, Any] = {"steps": steps, "state": state, "subreddit_id": subreddit_id}
    group_id: int = conn.execute(
        text(
            f"INSERT INTO job_groups (created_by, sealed_at, {state}) VALUES ('ada', now(), :steps)"
            " RETURNING id"
        ),
        values,
    ).scalar_one()
    conn.execute(
        text(
            "INSERT INTO group_steps (group_id, key, subreddit_id, priority, max_retries, state, "
            "waiting_for) SELECT :group_id, 'k' || n, :subreddit_id, 50, 3, :state, 100 "
            "FROM generate_series(0, :steps - 1) AS n ORDER BY n"
        ),
        {**values, "group_id": group_id},
    )
    return group_id


def test_a_step_above_a_million_waits_is_explained(database: Database) -> None:
    """Each step of a layer waits for all 100 steps of the layer below it."""
    with database.begin() as conn:
        group_id = group_of(conn, LAYERS * WIDTH, "pending")
    for layer in range(1, LAYERS):
        with database.begin() as conn:
            conn.execute(
                text("""
                INSERT INTO step_waits (step_id, upstream_step_id)
                SELECT first.id + :layer * 100 + a, first.id + (:layer - 1) * 100 + b
                FROM (SELECT min(id) AS id FROM group_steps WHERE group_id = :group_id) AS first,
                    generate_series(0, 99) AS a, generate_series(0, 99) AS b"""),
                {"layer": layer, "group_id": group_id},
            )

    def explain() -> Any:
        return database.run(
            lambda conn: step_causes.explain_step(conn, group_id=group_id, key="k9999")
        )

    found, seconds = timed(explain)
    sys.stdout.write(f"explanation of a step above 1,000,000 waits: {seconds:.2f} s\n")
    assert len(found.upstreams) <= step_causes.ITEMS_MAX
    assert max(each.depth for each in found.upstreams) == LAYERS - 1
    assert seconds < 5


def test_the_largest_group_is_pruned_in_short_transactions(database: Database) -> None:
    with database.begin() as conn:
        group_id = group_of(conn, STEPS, "succeeded")
        conn.execute(
            text("""
            INSERT INTO step_waits (step_id, upstream_step_id, state, ended_at)
            SELECT id, id - 1, 'succeeded', now() FROM group_steps WHERE group_id = :id"""),
            {"id": group_id},
        )
        conn.execute(
            text(
                "UPDATE job_groups SET outcome = 'succeeded', finished_at = now() - interval '9 d'"
            )
        )
    longest, chunks, more = 0.0, 0, True
    while more:
        pruned, seconds = timed(
            lambda: database.run(
                lambda conn: group_pruning.prune_groups(conn, retention=timedelta(days=1))
            )
        )
        longest, chunks, more = max(longest, seconds), chunks + 1, pruned.more
    sys.stdout.write(f"pruning of {STEPS:,} steps: {chunks} chunks, the longest {longest:.2f} s\n")
    assert pruned.groups == 1
    assert chunks <= STEPS // 1_000 + 2
    assert longest < 3


def test_ten_thousand_open_groups_are_counted(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO job_groups (created_by, pending) "
                "SELECT 'ada', 5 FROM generate_series(1, 30000)"
            )
        )
    found, seconds = timed(lambda: database.run(group_counts.count_groups))
    sys.stdout.write(f"counts of {group_counts.OPEN_MAX:,} groups: {seconds * 1000:.0f} ms\n")
    assert found.capped
    assert seconds < 2
