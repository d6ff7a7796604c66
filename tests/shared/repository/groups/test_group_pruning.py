"""Delete finished groups, and keep what a step still needs."""

from datetime import timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.group import StepState
from crawljobs.domain.group_plan import Upstream
from crawljobs.domain.operation import OperationKind
from crawljobs.repository.groups import group_pruning, settle
from crawljobs.repository.groups.batches import group_batches
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.groups.edits import group_deletion
from crawljobs.repository.groups.group_pruning import PrunedGroups
from crawljobs.repository.queue.maintenance import job_pruning
from support.groups import (
    counts,
    end_job,
    group,
    job_of,
    outcome,
    reason,
    resolve,
    states,
    step,
)
from support.jobs import T0

DAY = timedelta(days=1)
LATER = T0 + 2 * DAY


def prune(conn: Connection, *, at_most: int = 1_000) -> PrunedGroups:
    return group_pruning.prune_groups(conn, retention=DAY, at_most=at_most, now=LATER)


def rows(conn: Connection) -> dict[str, int]:
    tables = ("job_groups", "group_steps", "step_waits", "group_finishes")
    return {
        table: conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables
    }


def ended(conn: Connection, steps: int = 3) -> int:
    """Return a finished group of this number of steps, of which each waits for the first one."""
    first, *others = [f"s{at}" for at in range(steps)]
    group_id = group(conn, step(first), *(step(key, first) for key in others))
    resolve(conn)
    end_job(conn, job_of(conn, group_id, first), how="failed")
    resolve(conn)
    assert outcome(conn, group_id)
    return group_id


def test_finished_groups_are_pruned_with_their_steps_and_waits(conn: Connection) -> None:
    ended(conn)
    for retention in (2 * DAY, 3 * DAY):
        assert group_pruning.prune_groups(conn, retention=retention, now=LATER).groups == 0
    assert prune(conn) == PrunedGroups(groups=1, steps=3, more=False)
    assert set(rows(conn).values()) == {0}


def test_large_groups_are_pruned_in_chunks_with_true_counts(conn: Connection) -> None:
    large = ended(conn, 250)
    small = [ended(conn, 1) for _ in range(3)]
    # At least 101 rows are read: a step with all of its waits has at most this number.
    assert prune(conn, at_most=2) == PrunedGroups(groups=0, steps=101, more=True)
    assert sum(counts(conn, large).values()) == len(states(conn, large)) == 149
    assert prune(conn, at_most=2).steps == 101
    last = prune(conn, at_most=2)
    assert (last.groups, last.steps, last.more) == (2, 49, True)
    assert prune(conn, at_most=3) == PrunedGroups(groups=2, steps=2, more=False)
    assert small
    assert set(rows(conn).values()) == {0}


def test_a_step_with_the_largest_number_of_waits_is_pruned(conn: Connection) -> None:
    keys = [f"k{at}" for at in range(100)]
    group_id = group(conn, *(step(key) for key in keys), step("last", *keys))
    conn.execute(text("UPDATE group_steps SET state = 'succeeded' WHERE group_id = :g"),
                 {"g": group_id})  # fmt: skip
    conn.execute(text("UPDATE job_groups SET finished_at = :at, outcome = 'succeeded', pending = 0,"
                      " succeeded = 101"), {"at": T0})  # fmt: skip
    rounds = 0
    while prune(conn, at_most=1).more:
        rounds += 1
        assert rounds < 5
    assert set(rows(conn).values()) == {0}


def test_case_11_a_pruned_upstream_keeps_its_end_in_the_wait(conn: Connection) -> None:
    first = ended(conn)
    waiting = group(conn, step("a", Upstream(group_id=first), fails="hold"))
    # The end of a group that has finished already is stored with the new wait.
    assert prune(conn).groups == 1
    resolve(conn)
    assert states(conn, waiting) == {"a": StepState.HELD}
    assert reason(conn, waiting, "a") == f"group {first} ended as failed"

    second = group(conn, step("x"))
    late = group(conn, step("b", Upstream(group_id=second)))
    resolve(conn)
    end_job(conn, job_of(conn, second, "x"))
    settle.settle(conn, now=T0)  # the group finishes; the wait of the other group is still open
    assert outcome(conn, second)
    assert prune(conn).groups == 0
    resolve(conn)
    assert prune(conn).groups == 1
    job_id = job_of(conn, late, "b")
    assert states(conn, late) == {"b": StepState.ENQUEUED}

    # A job stays until the step that follows it and the steps that wait for it have its end.
    third = group(conn, step("c", job_id))
    resolve(conn)
    end_job(conn, job_id, how="failed")
    pruned = job_pruning.prune_finished_jobs(conn, retention=DAY, now=LATER)
    kept = conn.execute(text("SELECT array_agg(id) FROM crawl_jobs")).scalar_one()
    assert (pruned.jobs > 0, kept) == (True, [job_id])
    resolve(conn)
    assert job_pruning.prune_finished_jobs(conn, retention=DAY, now=LATER).jobs == 1
    assert states(conn, third) == {"c": StepState.SKIPPED}
    assert reason(conn, third, "c") == f"job {job_id} failed: HTTP 500"


def test_case_25_a_held_step_keeps_its_group_for_ever(conn: Connection) -> None:
    group_id = group(conn, step("a"), step("b", "a", fails="hold"))
    resolve(conn)
    end_job(conn, job_of(conn, group_id, "a"), how="failed")
    resolve(conn)
    assert states(conn, group_id)["b"] is StepState.HELD
    found = group_pruning.prune_groups(conn, retention=DAY, now=T0 + 10_000 * DAY)
    assert (found.groups, found.steps) == (0, 0)


def test_a_cancelled_group_with_a_step_that_waits_for_all_others_is_pruned(
    conn: Connection,
) -> None:
    group_id = group(conn, step("a"), step("z", all_others=True))
    request = BatchRequest(group_id, "ada", Actor("ada"))
    group_batches.start(conn, OperationKind.CANCEL_GROUP, request, now=T0)
    assert outcome(conn, group_id)
    assert not group_deletion.is_awaited(conn, group_id=group_id)
    assert prune(conn).groups == 1
