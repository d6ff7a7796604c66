"""Cancel, retry and boost of a group: small changes at once, large changes as operations."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.group import GroupOutcome, StepState
from crawljobs.domain.job import JobStatus
from crawljobs.domain.operation import Operation, OperationKind, OperationState
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.groups import group_reads
from crawljobs.repository.groups.batches import group_batches, group_operations
from crawljobs.repository.groups.batches.group_batches import Batch
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.operations import (
    audit_log,
    operation_ends,
    operation_rows,
    record_pruning,
)
from crawljobs.repository.queue import operator_changes
from support import groups, jobs
from support.group_invariants import ALWAYS, SETTLED, violations
from support.groups import group, job_of, outcome, reason, resolve, states, step
from support.jobs import T0

S = StepState
CANCEL, RETRY = OperationKind.CANCEL_GROUP, OperationKind.RETRY_FAILED
BOOST = OperationKind.BOOST_GROUP
ADA, WORKER = Actor("ada", request_id="r-1"), Actor("system:crawler-worker")
LATER = T0 + timedelta(minutes=1)


def start(conn: Connection, kind: OperationKind, group_id: int, **options: Any) -> Batch:
    at_most = options.pop("at_most", 1_000)
    request = BatchRequest(group_id, "ada", ADA, **options)
    return group_batches.start(conn, kind, request, at_most=at_most, now=LATER)


def results(batch: Batch) -> dict[str, str]:
    assert batch.chunk is not None
    return {item.key: item.result.value for item in batch.chunk.items}


def fail(conn: Connection, group_id: int, *keys: str) -> None:
    """Fail the jobs of these steps by an operator's verb, and resolve."""
    job_ids = [job_of(conn, group_id, key) for key in keys]
    operator_changes.change_many(conn, verb=Verb.GIVE_UP, job_ids=job_ids, now=T0)
    resolve(conn)


def operate(conn: Connection, *, at_most: int) -> Iterator[Operation]:
    """Make chunks until none is left. Yields the operation before each chunk."""
    while (
        operation := operation_rows.take(conn, kinds=group_batches.CHANGES, now=LATER)
    ) is not None:
        yield operation
        group_operations.advance(conn, operation, actor=WORKER, at_most=at_most, now=LATER)


def of(conn: Connection, batch: Batch) -> Operation:
    assert batch.operation is not None
    found = operation_rows.get(conn, operation_id=batch.operation.id)
    assert found is not None
    return found


def audited(conn: Connection) -> list[tuple[str, str, str | None]]:
    entries = audit_log.list_entries(conn).entries
    return [(each.actor, each.action, each.resource_id) for each in reversed(entries)]


def test_case_22_a_cancel_ends_waiting_steps_and_jobs_that_no_other_request_shares(
    conn: Connection,
) -> None:
    g = group(conn, step("own"), step("shared"), step("next", "own"), sealed=False)
    resolve(conn)
    own, shared = job_of(conn, g, "own"), job_of(conn, g, "shared")
    jobs.enqueue(conn, "sub_shared")
    batch = start(conn, CANCEL, g)
    assert results(batch) == {"own": "cancelled", "shared": "kept", "next": "cancelled"}
    assert batch.chunk is not None and batch.chunk.kept_jobs == [shared]
    assert states(conn, g) == {"own": S.CANCELLED, "shared": S.ENQUEUED, "next": S.CANCELLED}
    assert jobs.job(conn, own).status is JobStatus.CANCELLED
    assert jobs.job(conn, shared).status is JobStatus.QUEUED
    assert reason(conn, g, "next") == "the group was cancelled by ada"
    assert reason(conn, g, "own") == f"job {own} was cancelled by ada"
    assert audited(conn) == [("ada", "cancel", str(own)), ("ada", "cancel", str(g))]
    # The cancel has sealed the group, so it finishes with the shared job.
    jobs.complete(conn, claim=jobs.claim_one(conn), outcome="crawled", now=LATER)
    resolve(conn)
    assert outcome(conn, g) is GroupOutcome.CANCELLED
    assert groups.finishes(conn, g) == [(1, "cancelled")]


def test_a_cancel_of_held_steps_and_a_group_of_which_all_succeed(conn: Connection) -> None:
    held = group(conn, step("a"), step("b", "a", fails="hold"))
    resolve(conn)
    fail(conn, held, "a")
    assert states(conn, held)["b"] is S.HELD
    start(conn, CANCEL, held)
    assert states(conn, held) == {"a": S.FAILED, "b": S.CANCELLED}
    assert outcome(conn, held) is GroupOutcome.CANCELLED
    empty = group(conn, sealed=False)
    start(conn, CANCEL, empty)
    assert outcome(conn, empty) is GroupOutcome.SUCCEEDED


def test_case_13_the_merged_job_is_cancelled_by_somebody_else(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, "sub_a")
    g = group(conn, step("a"), step("b", "a"))
    resolve(conn)
    operator_changes.change(conn, verb=Verb.CANCEL, job_id=job_id, actor="bob", now=LATER)
    resolve(conn)
    assert states(conn, g) == {"a": S.CANCELLED, "b": S.SKIPPED}
    assert reason(conn, g, "a") == f"job {job_id} was cancelled by bob"


def test_a_cancelled_group_starts_no_step_until_a_retry(conn: Connection) -> None:
    other = jobs.enqueue(conn, "other")
    g = group(conn, step("a"), step("b", "a"), step("shared", other))
    jobs.enqueue(conn, "sub_a")
    resolve(conn)
    fail(conn, g, "a")
    assert states(conn, g)["b"] is S.SKIPPED
    start(conn, CANCEL, g)
    assert states(conn, g) == {"a": S.FAILED, "b": S.SKIPPED, "shared": S.CANCELLED}
    batch = start(conn, RETRY, g)
    assert results(batch) == {"a": "retried"}
    resolve(conn)
    assert states(conn, g) == {"a": S.ENQUEUED, "b": S.PENDING, "shared": S.CANCELLED}
    fail(conn, g, "a")
    assert groups.finishes(conn, g) == [(1, "cancelled"), (2, "failed")]


def retry(conn: Connection, group_id: int, key: str, *, minutes: int = 2) -> None:
    """Retry the job of a step, this many minutes after T0."""
    now = T0 + timedelta(minutes=minutes)
    operator_changes.change(conn, verb=Verb.RETRY, job_id=job_of(conn, group_id, key), now=now)


def test_a_retried_job_of_a_cancelled_group_reopens_skipped_steps_before_its_finish(
    conn: Connection,
) -> None:
    jobs.enqueue(conn, "sub_s")
    g = group(conn, step("a"), step("b", "a"), step("c", "b"), step("s"), step("d", "s"), step("e"))
    resolve(conn)
    fail(conn, g, "a")
    start(conn, CANCEL, g)
    retry(conn, g, "a")
    resolve(conn)
    assert states(conn, g) == {
        "a": S.ENQUEUED,
        "b": S.PENDING,
        "c": S.PENDING,
        "s": S.ENQUEUED,
        "d": S.CANCELLED,
        "e": S.CANCELLED,
    }
    assert violations(conn, {**ALWAYS, **SETTLED}) == []
    for _ in range(4):
        jobs.complete(conn, claim=jobs.claim_one(conn, now=LATER), outcome="crawled", now=LATER)
        resolve(conn)
    assert groups.finishes(conn, g) == [(1, "partly")]


def test_a_cancel_after_the_retry_of_a_job_stays_in_force(conn: Connection) -> None:
    jobs.enqueue(conn, "sub_s")
    g = group(conn, step("a"), step("b", "a"), step("x"), step("y", "x"), step("s"))
    resolve(conn)
    fail(conn, g, "a", "x")
    retry(conn, g, "a", minutes=0)  # the resolver has not run when the cancel begins
    start(conn, CANCEL, g)
    resolve(conn)
    assert states(conn, g) == {
        "a": S.ENQUEUED,
        "b": S.SKIPPED,
        "x": S.FAILED,
        "y": S.SKIPPED,
        "s": S.ENQUEUED,
    }
    # A retry of another step lifts the cancel. Then the steps that were skipped for `a` wait too.
    retry(conn, g, "x")
    resolve(conn)
    assert states(conn, g) == dict.fromkeys("axs", S.ENQUEUED) | dict.fromkeys("by", S.PENDING)


def test_no_retry_of_a_job_lifts_a_cancel_in_progress(conn: Connection) -> None:
    jobs.enqueue(conn, "sub_s")
    g = group(conn, step("a"), step("b", "a"), step("s"), *(step(f"n{n}") for n in range(3)))
    resolve(conn)
    fail(conn, g, "a")
    start(conn, CANCEL, g, at_most=2)
    retry(conn, g, "a")
    resolve(conn)
    assert (states(conn, g)["a"], states(conn, g)["b"]) == (S.ENQUEUED, S.SKIPPED)
    assert len([*operate(conn, at_most=2)]) > 1
    assert states(conn, g)["a"] is S.CANCELLED


def test_cases_9_and_20_a_retry_opens_the_group_again_and_leaves_cancelled_steps(
    conn: Connection,
) -> None:
    g = group(conn, step("a"), step("b", "a"), step("c"), step("d"))
    resolve(conn)
    operator_changes.change(
        conn, verb=Verb.CANCEL, job_id=job_of(conn, g, "c"), actor="bob", now=T0
    )
    fail(conn, g, "a")
    jobs.complete(conn, claim=jobs.claim_one(conn), outcome="crawled", now=T0)
    resolve(conn)
    assert outcome(conn, g) is GroupOutcome.PARTLY
    before = job_of(conn, g, "a")
    assert results(start(conn, RETRY, g, dry_run=True)) == {"a": "retried"}
    assert outcome(conn, g) is GroupOutcome.PARTLY
    assert results(start(conn, RETRY, g)) == {"a": "retried"}
    resolve(conn)
    assert job_of(conn, g, "a") == before
    assert states(conn, g) == {
        "a": S.ENQUEUED,
        "b": S.PENDING,
        "c": S.CANCELLED,
        "d": S.SUCCEEDED,
    }
    for _ in range(2):
        jobs.complete(conn, claim=jobs.claim_one(conn, now=LATER), outcome="crawled", now=LATER)
        resolve(conn)
    assert groups.finishes(conn, g) == [(1, "partly"), (2, "partly")]
    assert audited(conn) == [("ada", "retry", str(before)), ("ada", "retry_failed", str(g))]


def test_a_cancelled_group_keeps_its_mark_until_an_operation_retries_its_first_step(
    conn: Connection,
) -> None:
    g = group(conn, step("a"), step("b"))
    resolve(conn)
    fail(conn, g, "a", "b")
    conn.execute(text("UPDATE job_groups SET cancelled_at = finished_at, outcome = 'cancelled'"))
    batch = start(conn, RETRY, g, at_most=1)
    assert batch.operation is not None
    assert violations(conn, ALWAYS) == []
    shown = "SELECT outcome, cancelled_at IS NULL AS is_free FROM job_groups WHERE id = :id"
    kept = conn.execute(text(shown), {"id": g}).one()
    assert (kept.outcome, kept.is_free) == ("cancelled", False)
    for _ in operate(conn, at_most=1):
        pass
    resolve(conn)
    assert conn.execute(text(shown), {"id": g}).one().is_free
    assert states(conn, g) == {"a": S.ENQUEUED, "b": S.ENQUEUED}


def test_a_retry_merges_into_another_live_job_and_replaces_a_deleted_job(
    conn: Connection,
) -> None:
    g = group(conn, step("merged"), step("deleted"))
    resolve(conn)
    fail(conn, g, "merged", "deleted")
    live = jobs.enqueue(conn, "sub_merged")
    operator_changes.change(conn, verb=Verb.DELETE, job_id=job_of(conn, g, "deleted"), now=T0)
    batch = start(conn, RETRY, g)
    assert results(batch) == {"merged": "pending", "deleted": "pending"}
    resolve(conn)
    assert states(conn, g) == {"merged": S.ENQUEUED, "deleted": S.ENQUEUED}
    assert job_of(conn, g, "merged") == live


def test_a_retry_opens_the_step_that_waits_for_all_others(conn: Connection) -> None:
    g = group(conn, step("gone"), step("last", all_others=True))
    resolve(conn)
    fail(conn, g, "gone")
    assert states(conn, g) == {"gone": S.FAILED, "last": S.SKIPPED}
    operator_changes.change(conn, verb=Verb.DELETE, job_id=job_of(conn, g, "gone"), now=T0)
    start(conn, RETRY, g)
    assert states(conn, g) == {"gone": S.PENDING, "last": S.PENDING}
    resolve(conn)
    assert states(conn, g) == {"gone": S.ENQUEUED, "last": S.PENDING}
    assert violations(conn) == []


def test_a_boost_raises_live_jobs_and_waiting_steps(conn: Connection) -> None:
    g = group(conn, step("a", priority=50), step("b", "a", priority=95))
    resolve(conn)
    assert results(start(conn, BOOST, g, points=20, dry_run=True)) == {
        "a": "boosted",
        "b": "boosted",
    }
    assert jobs.job(conn, job_of(conn, g, "a")).priority == 50
    start(conn, BOOST, g, points=20)
    assert jobs.job(conn, job_of(conn, g, "a")).priority == 70
    assert groups.value(conn, g, "b", "priority") == 100
    assert results(start(conn, BOOST, g, points=20)) == {"a": "boosted", "b": "unchanged"}


def test_a_finished_group_and_an_unknown_group_refuse(conn: Connection) -> None:
    g = group(conn)
    for kind in (CANCEL, BOOST):
        with pytest.raises(group_batches.GroupFinished):
            start(conn, kind, g, points=1)
    assert results(start(conn, RETRY, g)) == {}
    with pytest.raises(errors.NotFound):
        start(conn, CANCEL, g + 1)
    assert audited(conn) == []


def test_a_dry_run_changes_nothing_and_is_bounded(conn: Connection) -> None:
    g = group(conn, *(step(f"s{n}") for n in range(5)), sealed=False)
    resolve(conn)
    batch = start(conn, CANCEL, g, dry_run=True, at_most=3)
    assert (batch.steps, len(results(batch)), batch.operation) == (5, 3, None)
    assert set(states(conn, g).values()) == {S.ENQUEUED}
    assert audited(conn) == []


def test_a_large_cancel_is_an_operation_with_two_audit_rows(conn: Connection) -> None:
    names = [f"s{n}" for n in range(6)]
    g = group(conn, *(step(name) for name in names), step("last", *names), sealed=False)
    jobs.enqueue(conn, "sub_s3")
    resolve(conn)
    batch = start(conn, CANCEL, g, at_most=3)
    assert batch.chunk is None
    assert of(conn, batch).state is OperationState.PENDING
    with pytest.raises(operation_rows.OperationInProgress):
        start(conn, RETRY, g)
    positions = []
    for operation in operate(conn, at_most=3):
        positions.append(operation.position)
        resolve(conn)  # between two chunks, no step of the cancelled group starts
        assert states(conn, g)["last"] in (S.PENDING, S.CANCELLED)
    assert len(set(positions)) == 3
    ended = of(conn, batch)
    assert (ended.state, ended.total, ended.done) == (OperationState.SUCCEEDED, 7, 7)
    assert ended.counts == {"cancelled": 6, "kept": 1}
    assert ended.kept_jobs == [job_of(conn, g, "s3")]
    assert ended.jobs_changed == 5
    rows = [row for row in audited(conn) if row[2] == str(g)]
    assert rows == [("ada", "cancel", str(g)), (WORKER.name, "operation_succeeded", str(g))]
    assert reason(conn, g, "last") == "the group was cancelled by ada"


def test_a_boost_of_many_steps_raises_each_step_once(conn: Connection) -> None:
    g = group(conn, step("a"), *(step(f"s{n}", "a", priority=10) for n in range(5)))
    resolve(conn)
    batch = start(conn, BOOST, g, points=7, at_most=2)
    assert len([*operate(conn, at_most=2)]) == 4  # the last chunk is empty
    assert {groups.value(conn, g, f"s{n}", "priority") for n in range(5)} == {17}
    assert of(conn, batch).counts == {"boosted": 6}


def test_a_chunk_that_fails_is_tried_later_and_at_last_the_operation_fails(
    conn: Connection,
) -> None:
    g = group(conn, step("a"), step("b"))
    batch = start(conn, CANCEL, g, at_most=1)
    assert batch.operation is not None
    operation_id, now, delays = batch.operation.id, LATER, []
    for _ in range(20):
        operation = operation_rows.take(conn, kinds=group_batches.CHANGES, now=now)
        now += timedelta(seconds=1)
        if operation is None:
            continue
        delays.append(now)
        operation_ends.record_failure(
            conn, operation_id=operation_id, error=f"x{len(delays)}" * 400, actor=WORKER, now=now
        )
    for _ in range(3):
        now += timedelta(minutes=1)
        operation_ends.record_failure(
            conn, operation_id=operation_id, error="y", actor=WORKER, now=now
        )
    failed = of(conn, batch)
    assert (failed.state, failed.failed_tries) == (OperationState.FAILED, 5)
    assert failed.error_count == 5 and len(failed.errors[0]) == operation_rows.ERROR_MAX
    assert audited(conn)[-1] == (WORKER.name, "operation_failed", str(g))
    start(conn, CANCEL, g)  # the request can be sent again
    assert set(states(conn, g).values()) == {S.CANCELLED}


def test_finished_operations_are_pruned_after_the_retention(conn: Connection) -> None:
    first, second = (group(conn, step(f"x{n}"), step(f"y{n}")) for n in range(2))
    done, open_ = (start(conn, CANCEL, g, at_most=1) for g in (first, second))
    assert done.operation and open_.operation
    operation_rows.finish(
        conn, operation_id=done.operation.id, state=OperationState.SUCCEEDED, now=LATER
    )
    month = timedelta(days=30)
    prune = partial(
        record_pruning.prune, conn, records=record_pruning.Records.OPERATIONS, retention=month
    )
    kept = prune(now=LATER + month)
    deleted = prune(now=LATER + month + timedelta(seconds=1))
    assert (kept, deleted) == (0, 1)
    assert operation_rows.get(conn, operation_id=done.operation.id) is None
    assert of(conn, open_).state is OperationState.PENDING


def test_an_operation_of_a_later_release_waits(conn: Connection) -> None:
    conn.execute(
        text(
            "INSERT INTO operations (kind, resource_type, resource_id, created_by, total) "
            "VALUES ('erase_author', 'author', 1, 'ada', 1)"
        )
    )
    assert operation_rows.take(conn, kinds=group_batches.CHANGES, now=LATER) is None


def test_case_10_a_job_that_a_step_follows_is_deleted_by_force_only(conn: Connection) -> None:
    g = group(conn, step("a"))
    free = jobs.crawling(conn, "free")
    jobs.complete(conn, claim=free, outcome="crawled", now=T0)
    resolve(conn)
    job_id = job_of(conn, g, "a")
    jobs.complete(conn, claim=jobs.claim_one(conn), outcome="crawled", now=T0)
    both = [job_id, free.job_id]
    refused, deleted = operator_changes.change_many(conn, verb=Verb.DELETE, job_ids=both, now=T0)
    assert isinstance(refused.error, errors.StepDependsOnJob)
    assert deleted.error is None
    operator_changes.change(conn, verb=Verb.DELETE, job_id=job_id, force=True, now=T0)
    resolve(conn)
    assert states(conn, g) == {"a": S.CANCELLED}
    assert reason(conn, g, "a") == f"job {job_id} was deleted"


def test_a_job_without_open_steps_can_be_deleted(conn: Connection) -> None:
    g = group(conn, step("a"), step("b", "a"))
    job_id = jobs.enqueue(conn, "upstream")
    waits = group(conn, step("w", job_id))
    resolve(conn)
    start(conn, CANCEL, waits)  # its wait stays open, but the step has ended
    fail(conn, g, "a")
    operator_changes.change(conn, verb=Verb.GIVE_UP, job_id=job_id, now=T0)
    for each in (job_of(conn, g, "a"), job_id):
        operator_changes.change(conn, verb=Verb.DELETE, job_id=each, now=T0)
    resolve(conn)
    assert states(conn, g) == {"a": S.FAILED, "b": S.SKIPPED}


def test_a_large_group_is_deleted_in_chunks_and_its_jobs_stay(conn: Connection) -> None:
    g = group(conn, *(step(f"s{n}") for n in range(3)), step("last", "s0"))
    resolve(conn)
    job_id = job_of(conn, g, "s0")
    start(conn, CANCEL, g)
    assert outcome(conn, g) is GroupOutcome.CANCELLED
    operation = group_batches.start_deletion(conn, BatchRequest(g, "ada", ADA), steps=4, now=LATER)
    left = [len(states(conn, g)) for _ in operate(conn, at_most=2)]  # also checks the counts
    assert left == [4, 2, 0]
    assert group_reads.get_group(conn, group_id=g) is None
    ended = operation_rows.get(conn, operation_id=operation.id)
    assert ended is not None and ended.counts == {"deleted": 4}
    assert jobs.job(conn, job_id).status is JobStatus.CANCELLED
