"""Upstreams with many waits: each wait is read a few times, over many transactions."""

import sys
import time

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.group import StepState
from crawljobs.domain.group_plan import StepRequest, Upstream
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.groups import settle, start
from crawljobs.repository.queue import operator_changes
from support import group_invariants, groups, jobs
from support.groups import end_job, group, job_of, resolve, states, step
from support.jobs import T0

CHUNK = 10
UPSTREAMS = ("u0", "u1", "u2", "u3")
READS_PER_WAIT = 7  # of the statements that find, write and count a wait

READ = text("""
    SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)
    FROM pg_stat_xact_user_tables WHERE relname = 'step_waits'
    """)
PENDING_CHANGES = text("SELECT job_id, step_id, group_id FROM upstream_changes ORDER BY id")


@pytest.fixture
def _small_chunks(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    # Postgres scans a small table in place of an index.
    conn.execute(text("SET LOCAL enable_seqscan = off"))
    monkeypatch.setattr(settle, "CHUNK", CHUNK)


def settled(conn: Connection) -> tuple[int, int]:
    """Settle until nothing is left. Returns the numbers of transactions and of read waits."""
    before = int(conn.execute(READ).scalar_one())
    for transactions in range(1, 1_000):
        found = settle.settle(conn, now=T0)
        if not (found.changes or found.more):
            return transactions, int(conn.execute(READ).scalar_one()) - before
    raise AssertionError("the resolver does not end")


def upstreams_of(conn: Connection, kind: str) -> list[str | int | Upstream]:
    """Return four upstreams of one kind, which have not ended."""
    if kind == "step":
        return [*UPSTREAMS]
    if kind == "job":
        return [jobs.enqueue(conn, f"own_{key}") for key in UPSTREAMS]
    return [
        Upstream(group_id=group(conn, step("only", subreddit=f"own_{key}"))) for key in UPSTREAMS
    ]


def fan(conn: Connection, upstreams: list[str | int | Upstream], many: int) -> int:
    """Create a group in which `many` steps wait for each upstream. Returns its id."""
    own: list[StepRequest] = [step(each) for each in upstreams if isinstance(each, str)]
    return group(conn, *own, *(step(f"k{at}", *upstreams) for at in range(many)))


def end_all(conn: Connection) -> None:
    for claim in jobs.claim_all(conn, at_most=100):
        jobs.complete(conn, claim=claim, outcome="crawled", now=T0)


@pytest.mark.usefixtures("_small_chunks")
@pytest.mark.parametrize("kind", ["step", "job", "group"])
def test_the_cost_of_an_end_is_linear_in_the_number_of_waits(conn: Connection, kind: str) -> None:
    for many in (20, 80):
        upstreams = upstreams_of(conn, kind)
        large = fan(conn, upstreams, many)
        resolve(conn)
        end_all(conn)
        transactions, read = settled(conn)
        waits = many * len(UPSTREAMS)
        assert read <= READS_PER_WAIT * waits + 100, many
        assert transactions <= 3 * waits // CHUNK + 10, many
        resolve(conn)
        assert groups.counts(conn, large)[StepState.ENQUEUED] == many
        assert group_invariants.violations(conn) == []


@pytest.mark.usefixtures("_small_chunks")
def test_the_start_of_steps_reads_no_waits_for_their_group(conn: Connection) -> None:
    awaited = group(conn, *(step(f"k{at}") for at in range(3 * CHUNK)))
    many = 5 * CHUNK
    group(conn, *(step(f"w{at}", Upstream(group_id=awaited)) for at in range(many)))
    before = int(conn.execute(READ).scalar_one())
    assert start.start(conn, at_most=CHUNK, now=T0).changes == CHUNK
    assert int(conn.execute(READ).scalar_one()) - before < many
    assert groups.counts(conn, awaited)[StepState.ENQUEUED] == CHUNK


@pytest.mark.usefixtures("_small_chunks")
def test_the_rest_of_a_large_end_follows_other_changes(conn: Connection) -> None:
    upstream, other = jobs.enqueue(conn, "upstream"), jobs.enqueue(conn, "other")
    large = group(conn, *(step(f"k{at}", upstream) for at in range(3 * CHUNK)))
    small = group(conn, step("a", other))
    end_job(conn, upstream)
    settle.settle(conn, at_most=1, now=T0)
    end_job(conn, other)
    settle.settle(conn, at_most=1, now=T0)  # the second part of the large group
    settle.settle(conn, at_most=1, now=T0)
    assert groups.value(conn, small, "a", "waiting_for") == 0
    assert groups.value(conn, large, f"k{3 * CHUNK - 1}", "waiting_for") == 1
    resolve(conn)
    assert {*states(conn, large).values()} == {StepState.ENQUEUED}


@pytest.mark.usefixtures("_small_chunks")
def test_a_retry_between_two_parts_of_an_end_reopens_the_settled_waits(conn: Connection) -> None:
    many = 3 * CHUNK
    large = group(conn, step("u", requires="crawled"), *(step(f"k{at}", "u") for at in range(many)))
    resolve(conn)
    job_id = job_of(conn, large, "u")
    end_job(conn, job_id, how="failed")
    assert settle.settle(conn, now=T0).more
    operator_changes.change(conn, verb=Verb.RETRY, job_id=job_id, now=T0)
    resolve(conn)
    assert {*states(conn, large).values()} == {StepState.ENQUEUED, StepState.PENDING}
    assert group_invariants.violations(conn) == []
    end_job(conn, job_id)
    resolve(conn)
    assert states(conn, large)[f"k{many - 1}"] is StepState.ENQUEUED
    assert conn.execute(PENDING_CHANGES).all() == []


@pytest.mark.usefixtures("_small_chunks")
def test_a_step_that_waits_for_all_waits_for_the_last_part_too(conn: Connection) -> None:
    """All steps of the group are skipped in several parts, and then the last step starts."""
    many = 3 * CHUNK
    large = group(
        conn,
        step("u", requires="crawled"),
        *(step(f"k{at}", "u") for at in range(many)),
        step("last", all_others=True, fails="proceed"),
    )
    resolve(conn)
    end_job(conn, job_of(conn, large, "u"), how="failed")
    resolve(conn)
    found = states(conn, large)
    assert found["last"] is StepState.ENQUEUED
    assert [*found.values()].count(StepState.SKIPPED) == many
    end_job(conn, job_of(conn, large, "last"))
    resolve(conn)
    assert len(groups.finishes(conn, large)) == 1


@pytest.mark.deep
@pytest.mark.parametrize("kind", ["step", "job"])
def test_the_largest_fan_starts_soon_after_its_upstreams(database: Database, kind: str) -> None:
    """10,000 steps of which 9,980 wait for 20 upstreams each. With -s, the test shows the times."""

    def created(conn: Connection) -> int:
        names = [f"u{at}" for at in range(20)]
        if kind == "job":
            own = [jobs.enqueue(conn, name) for name in names]
            return group(conn, *(step(f"k{at}", *own) for at in range(9_980)))
        return group(
            conn, *(step(name) for name in names), *(step(f"k{at}", *names) for at in range(9_980))
        )

    began = time.monotonic()
    large = database.run(created)
    sys.stdout.write(f"{kind}: created in {time.monotonic() - began:.1f} s\n")
    database.run(lambda conn: resolve(conn))
    database.run(end_all)
    began, longest, changed, transactions = time.monotonic(), 0.0, True, 0
    while changed:
        changed = False
        for run in (settle.settle, start.start):
            at = time.monotonic()
            changed |= database.run(run).changes > 0
            longest, transactions = max(longest, time.monotonic() - at), transactions + 1
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{kind}: {transactions} transactions in {seconds:.1f} s, the longest {longest:.2f} s\n"
    )
    with database.begin() as conn:
        assert groups.counts(conn, large)[StepState.ENQUEUED] == 9_980
    assert seconds < 120
    assert longest < 5
