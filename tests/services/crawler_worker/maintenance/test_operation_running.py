"""Workers run operations: two at once, after the death of another worker, and after an error."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawler_worker.maintenance.operation_running import OperationRunning
from crawljobs.db.database import Connection, Database
from crawljobs.domain.actor import Actor
from crawljobs.domain.group import StepState
from crawljobs.domain.operation import Operation, OperationKind, OperationState
from crawljobs.repository.groups.batches import group_batches, group_cancel, group_operations
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.operations import operation_rows
from crawljobs.repository.webhooks.replays import replay_operation
from crawljobs.repository.webhooks.replays.replay_operation import ReplayRequest
from support import groups, jobs, webhook_rows
from support.databases import Databases
from support.groups import step
from support.roles import Roles, made

STEPS = 2_400  # three chunks

# A worker that dies by SIGKILL in its second chunk, after it has written the steps of the chunk.
DIES = """
import os, signal, sys, threading
from crawler_worker.maintenance.operation_running import OperationRunning
from crawljobs.db.database import Database
from crawljobs.repository.groups.batches import group_operations
from crawljobs.repository.operations import operation_rows

advance, chunks = operation_rows.advance, []

def dies(*args, **options):
    chunks.append(1)
    if len(chunks) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    advance(*args, **options)

operation_rows.advance = dies
database = Database(sys.argv[1], pool_size=1, application_name="dying worker")
OperationRunning(database, threading.Event()).run()
"""


@pytest.fixture
def roles(databases: Databases) -> Iterator[Roles]:
    with made(databases) as found:
        yield found


def large_cancel(database: Database) -> tuple[int, int]:
    """Return a group with STEPS steps, and the operation that cancels it."""
    with database.begin() as conn:
        root = jobs.enqueue(conn, "root")
        names = [f"s{n}" for n in range(STEPS)]
        steps = [step(name, root, subreddit=f"sub_{name}") for name in names]
        group_id = groups.group(conn, *steps)
        batch = group_batches.start(
            conn, OperationKind.CANCEL_GROUP, BatchRequest(group_id, "ada", Actor("ada"))
        )
        assert batch.operation is not None
        return group_id, batch.operation.id


def shown(database: Database, operation_id: int) -> Operation:
    with database.begin() as conn:
        found = operation_rows.get(conn, operation_id=operation_id)
    assert found is not None
    return found


def check_all_cancelled(database: Database, group_id: int, operation_id: int) -> None:
    """Check that each step was cancelled and counted once, and that two audit rows exist."""
    operation = shown(database, operation_id)
    assert operation.state is OperationState.SUCCEEDED
    assert (operation.done, operation.counts) == (STEPS, {"cancelled": STEPS})
    with database.begin() as conn:
        assert set(groups.states(conn, group_id).values()) == {StepState.CANCELLED}
        assert groups.finishes(conn, group_id) == [(1, "cancelled")]
        audited = conn.execute(
            text("SELECT action FROM admin_audit_log WHERE resource_type = 'job_group' ORDER BY id")
        )
        assert [*audited.scalars()] == ["cancel", "operation_succeeded"]


def test_two_workers_at_one_operation_change_each_step_once(database: Database) -> None:
    group_id, operation_id = large_cancel(database)
    workers = [OperationRunning(database, threading.Event()) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            counts = [*pool.map(lambda worker: worker.run(), workers)]
            if not any(counts):
                break
    check_all_cancelled(database, group_id, operation_id)


def test_a_worker_continues_after_a_worker_that_was_killed_in_a_chunk(
    database: Database, database_url: str
) -> None:
    group_id, operation_id = large_cancel(database)
    died = subprocess.run(
        [sys.executable, "-c", DIES, database_url], env=os.environ, timeout=60, check=False
    )
    assert died.returncode == -signal.SIGKILL
    stopped = shown(database, operation_id)
    assert (stopped.state, stopped.done) == (OperationState.RUNNING, 1_000)
    OperationRunning(database, threading.Event()).run()
    check_all_cancelled(database, group_id, operation_id)


def test_an_operation_that_fails_does_not_stop_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as conn:
        ids = []
        for n in range(2):
            group_id = groups.group(conn, step(f"x{n}"), step(f"y{n}"))
            request = BatchRequest(group_id, "ada", Actor("ada"))
            batch = group_batches.start(conn, OperationKind.CANCEL_GROUP, request, at_most=1)
            assert batch.operation is not None
            ids.append((batch.operation.id, group_id))
    (broken, broken_group), (other, _) = ids

    def cancel(conn: Connection, request: BatchRequest, **options: object) -> object:
        if request.group_id == broken_group:
            raise RuntimeError("the chunk is broken")
        return group_cancel.cancel_steps(conn, request, **options)  # type: ignore[arg-type]

    changes = {**group_batches.CHANGES, OperationKind.CANCEL_GROUP: cancel}
    monkeypatch.setattr(group_operations, "CHANGES", changes)
    OperationRunning(database, threading.Event()).run()
    assert shown(database, other).state is OperationState.SUCCEEDED
    failing = shown(database, broken)
    assert (failing.state, failing.error_count) == (OperationState.RUNNING, 1)
    assert failing.errors == ["the chunk is broken"]


def test_a_replay_of_webhooks_continues_after_a_worker_that_was_killed(roles: Roles) -> None:
    """With the rights of the worker's own role."""
    since = datetime.now(UTC) - timedelta(hours=1)
    whole = Database(roles.url)
    with whole.begin() as conn:
        endpoint = webhook_rows.add_endpoint(conn, "https://hooks.example/")
        webhook_rows.add_deliveries(conn, endpoint, STEPS, at=datetime.now(UTC))
        request = ReplayRequest(endpoint, since, only_failed=True, actor=Actor("ada"))
        operation = replay_operation.start(conn, request).operation
    assert operation is not None
    url = roles.url_as("crawler_worker")
    died = subprocess.run(
        [sys.executable, "-c", DIES, url], env=os.environ, timeout=60, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert shown(whole, operation.id).done == 1_000
    worker = Database(url)
    OperationRunning(worker, threading.Event()).run()
    ended = shown(whole, operation.id)
    assert (ended.state, ended.done) == (OperationState.SUCCEEDED, STEPS)
    replayed = webhook_rows.deliveries(whole, state="pending", kind="replay")
    assert len({each.next_attempt_at for each in replayed}) == STEPS, "10 a second"
    worker.close()
    whole.close()
