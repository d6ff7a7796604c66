"""Rules of the resolver: pauses, turns of groups, reopened waits, and limits of a transaction."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.group import StepState
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.groups import group_creation, group_progress, settle, start
from crawljobs.repository.groups.group_creation import GroupClosed
from crawljobs.repository.queue import operator_changes
from support import groups, jobs
from support.groups import end_job, group, job_of, resolve, states, step
from support.jobs import T0
from support.locks import wait_until_blocked

S = StepState


def ready(conn: Connection, group_id: int) -> bool:
    query = text("SELECT ready_at IS NOT NULL FROM job_groups WHERE id = :id")
    return bool(conn.execute(query, {"id": group_id}).scalar_one())


def test_an_end_with_many_dependents_is_settled_in_several_transactions(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = jobs.enqueue(conn, "upstream")
    waiting = group(conn, *(step(f"k{at}", upstream) for at in range(10)))
    end_job(conn, upstream)
    monkeypatch.setattr(settle, "CHUNK", 3)
    first = settle.settle(conn, now=T0)
    assert first.more
    resolve(conn)
    assert set(states(conn, waiting).values()) == {S.ENQUEUED}


def test_steps_that_follow_one_job_are_settled_in_several_transactions(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    singles = [group(conn, step("a", subreddit="pots")) for _ in range(7)]
    resolve(conn)
    end_job(conn, job_of(conn, singles[0], "a"))
    monkeypatch.setattr(settle, "CHUNK", 2)
    resolve(conn)
    assert [states(conn, each)["a"] for each in singles] == [S.SUCCEEDED] * 7


def test_groups_take_turns(conn: Connection) -> None:
    large = group(conn, *(step(f"k{at}") for at in range(4)))
    small = group(conn, step("a"))
    enqueued = []
    for second in range(1, 6):
        start.start(conn, at_most=1, now=T0 + timedelta(seconds=second))
        enqueued.append(
            (groups.counts(conn, large)[S.ENQUEUED], groups.counts(conn, small)[S.ENQUEUED])
        )
    assert (1, 1) in enqueued
    assert not ready(conn, small)


def test_a_paused_group_starts_no_step_and_goes_on_after_the_pause(conn: Connection) -> None:
    pair = group(conn, step("a"), step("b", "a"))
    resolve(conn)
    conn.execute(text("UPDATE job_groups SET paused_at = now()"))
    end_job(conn, job_of(conn, pair, "a"))
    assert settle.settle(conn, now=T0).changes == 1
    assert groups.value(conn, pair, "b", "waiting_for") == 0
    assert not ready(conn, pair)
    resolve(conn)
    assert states(conn, pair) == {"a": S.SUCCEEDED, "b": S.PENDING}
    assert not ready(conn, pair)
    conn.execute(text("UPDATE job_groups SET paused_at = NULL"))
    group_progress.update(conn, [pair], [], now=T0)
    resolve(conn)
    assert states(conn, pair)["b"] is S.ENQUEUED


def test_a_group_that_is_paused_while_it_is_ready_leaves_the_line(conn: Connection) -> None:
    single = group(conn, step("a"))
    assert ready(conn, single)
    conn.execute(text("UPDATE job_groups SET paused_at = now()"))
    resolve(conn)
    assert states(conn, single) == {"a": S.PENDING}
    assert not ready(conn, single)


def test_the_follow_up_of_an_earlier_run_of_the_job_is_not_the_one_of_the_step(
    conn: Connection,
) -> None:
    running = jobs.crawling(conn, "pots")
    jobs.enqueue(conn, "pots")
    jobs.complete(conn, claim=running, outcome="crawled", now=T0)
    (old_follow_up,) = jobs.claim_all(conn)
    jobs.complete(conn, claim=old_follow_up, outcome="crawled", now=T0)
    later = T0.replace(year=T0.year + 1)
    operator_changes.change(conn, verb=Verb.RETRY, job_id=running.job_id, now=later)
    (again,) = jobs.claim_all(conn, now=later)
    single = group(conn, step("a", subreddit="pots"), now=later)
    resolve(conn, now=later)
    jobs.complete(conn, claim=again, outcome="banned", now=later)
    resolve(conn, now=later)
    assert states(conn, single) == {"a": S.SUCCEEDED}
    assert job_of(conn, single, "a") == running.job_id


def test_a_step_that_a_person_skipped_stays_skipped(conn: Connection) -> None:
    pair = group(conn, step("a"), step("b", "a", fails="hold"))
    resolve(conn)
    job = job_of(conn, pair, "a")
    end_job(conn, job, how="failed")
    resolve(conn)
    conn.execute(
        text("UPDATE group_steps SET state = 'skipped', reason = 'by ada' WHERE key = 'b'")
    )
    conn.execute(text("UPDATE job_groups SET held = 0, skipped = 1"))
    operator_changes.change(conn, verb=Verb.RETRY, job_id=job, now=T0)
    resolve(conn)
    assert states(conn, pair) == {"a": S.ENQUEUED, "b": S.SKIPPED}


def test_a_retried_upstream_is_waited_for_again_by_a_step_that_has_not_started(
    conn: Connection,
) -> None:
    fan = group(conn, step("a"), step("b"), step("z", "a", "b"))
    resolve(conn)
    job = job_of(conn, fan, "a")
    end_job(conn, job, how="failed")
    resolve(conn)
    assert states(conn, fan)["z"] is S.PENDING
    operator_changes.change(conn, verb=Verb.RETRY, job_id=job, now=T0)
    resolve(conn)
    end_job(conn, job_of(conn, fan, "b"))
    resolve(conn)
    assert states(conn, fan)["z"] is S.PENDING
    end_job(conn, job)
    resolve(conn)
    assert states(conn, fan)["z"] is S.ENQUEUED


def test_case_1_a_step_is_not_added_while_another_transaction_seals_the_group(
    database: Database,
) -> None:
    group_id = database.run(lambda conn: group(conn, step("a"), sealed=False))

    def add() -> None:
        database.run(
            lambda conn: group_creation.add_steps(conn, group_id=group_id, steps=[step("b")])
        )

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as conn:
            group_progress.lock(conn, [group_id])
            group_creation.seal(conn, group_id=group_id)
            adding = pool.submit(add)
            wait_until_blocked(database)
            assert not adding.done()
        with pytest.raises(GroupClosed, match="sealed"):
            adding.result(timeout=10)


def test_case_1_overlapping_ends_of_the_last_two_upstreams_start_the_step(
    database: Database,
) -> None:
    """Each transaction ends one of the two waits. Without the group's lock, neither saw both."""
    with database.begin() as conn:
        fan = group(conn, step("a"), step("b"), step("z", "a", "b"))
        resolve(conn)
        for key in ("a", "b"):
            end_job(conn, job_of(conn, fan, key))

    def settle_one() -> int:
        return database.run(lambda conn: settle.settle(conn, at_most=1, now=T0)).changes

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as conn:
            assert settle.settle(conn, at_most=1, now=T0).changes == 1
            second = pool.submit(settle_one)
            wait_until_blocked(database)
            assert not second.done()
        assert second.result(timeout=10) == 1
    with database.begin() as conn:
        assert groups.value(conn, fan, "z", "waiting_for") == 0
        resolve(conn)
        assert states(conn, fan)["z"] is S.ENQUEUED


def test_case_3_the_end_of_a_job_and_its_consequences_survive_a_crash_together(
    database: Database,
) -> None:
    """The row that reports the end is written in the transaction of the end, and stays."""
    with database.begin() as conn:
        chain = group(conn, step("a"), step("b", "a"))
        resolve(conn)
        job_id = job_of(conn, chain, "a")
        reports = "SELECT job_id FROM upstream_changes"
        end_job(conn, job_id)
        assert conn.execute(text(reports)).scalars().all() == [job_id]
        conn.rollback()  # the worker dies before its COMMIT
    with database.begin() as conn:
        chain = group(conn, step("a"), step("b", "a"))
        resolve(conn)
        end_job(conn, job_of(conn, chain, "a"))
    with database.begin() as conn:  # the worker dies after its COMMIT, and another one resolves
        settle.settle(conn, now=T0)
        conn.rollback()  # so does the other one
    with database.begin() as conn:
        resolve(conn)
        assert states(conn, chain) == {"a": S.SUCCEEDED, "b": S.ENQUEUED}


def test_cases_18_and_19_many_ends_at_once_are_counted_and_finish_the_group_once(
    database: Database,
) -> None:
    """Four resolvers work on small chunks while a reader compares the counts with the steps."""
    keys = [f"k{at}" for at in range(40)]
    with database.begin() as conn:
        group_id = group(conn, *(step(key) for key in keys), step("last", all_others=True))
        resolve(conn)
        job_ids = [job_of(conn, group_id, key) for key in keys]

    def end(part: int) -> None:
        ids = job_ids[part::4]
        database.run(
            lambda conn: operator_changes.change_many(conn, verb=Verb.GIVE_UP, job_ids=ids, now=T0)
        )
        while database.run(lambda conn: settle.settle(conn, at_most=3, now=T0)).changes:
            pass

    def read() -> bool:
        with database.begin() as conn:
            conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            return S.PENDING in states(conn, group_id).values()  # compares the counts

    with ThreadPoolExecutor(5) as pool:
        ending = [pool.submit(end, part) for part in range(4)]
        while not all(each.done() for each in ending):
            assert read()
        for each in ending:
            each.result()
    with database.begin() as conn:
        resolve(conn)
        assert set(states(conn, group_id).values()) == {S.FAILED, S.SKIPPED}
        assert groups.finishes(conn, group_id) == [(1, "failed")]
        # A late report of an end, and a further update, finish the group no second time.
        conn.execute(text("INSERT INTO upstream_changes (job_id) VALUES (:id)"), {"id": job_ids[0]})
        resolve(conn)
        assert group_progress.update(conn, [group_id], [], now=T0) == []
        assert groups.finishes(conn, group_id) == [(1, "failed")]
