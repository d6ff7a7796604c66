"""Random sequences of changes keep the rules of groups and steps.

A trigger records each change of a step's state, so that each one is compared with the table of
transitions. After each rule, the counts, the waits and the finishes agree with the steps. When the
resolver has nothing left to do, each step shows the state of its job and of its upstreams. In the
end each sealed group without held steps finishes.
"""

import random
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.actor import Actor
from crawljobs.domain.claim import Claim
from crawljobs.domain.group import STEP_TRANSITIONS, StepState, outcome_of_group
from crawljobs.domain.group_plan import StepRequest, Upstream
from crawljobs.domain.operation import OperationKind
from crawljobs.domain.operator_verbs import Verb
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.groups import (
    group_creation,
    group_progress,
    settle,
    start,
    step_list,
)
from crawljobs.repository.groups.batches import group_batches, group_operations
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.groups.edits import group_deletion, group_pausing, step_decisions
from crawljobs.repository.operations import operation_rows
from crawljobs.repository.queue import job_claim, job_completion, operator_changes
from crawljobs.repository.queue.maintenance import job_maintenance, job_pruning
from support import enqueueing, groups, invariants, jobs
from support.group_invariants import HISTORY, RECORD_STEPS, SETTLED, WRONG_STARTS, violations
from support.jobs import T0

NAMES = [f"sub_{number}" for number in range(6)]
KEYS = [f"k{number}" for number in range(6)]
OUTCOMES = ("crawled", "crawled", "private", "no_budget")
ENDS = ("complete", "complete", "fail", "retry", "defer", "release")
BATCHES = (OperationKind.CANCEL_GROUP, OperationKind.RETRY_FAILED, OperationKind.BOOST_GROUP)
ADA = Actor("ada")
LEASE_SECONDS = 30.0
GROUPS_MAX = 5
AT_MOST = st.sampled_from([1, 2, 1_000])
NUMBER = st.integers(0, 10**6)
ROUNDS_MAX = 80

STEP = st.builds(
    groups.step,
    st.sampled_from(KEYS),
    subreddit=st.sampled_from(NAMES),
    fails=st.sampled_from(["cancel", "cancel", "proceed", "hold"]),
    requires=st.sampled_from(["any", "any", "crawled", "complete"]),
    priority=st.integers(0, 100),
)
STEPS = st.lists(STEP, min_size=1, max_size=5, unique_by=lambda step: step.key)


class GroupMachine(RuleBasedStateMachine):
    """Groups, the claims of workers, and a clock that moves on by a second with each rule."""

    database: Database
    seen: Counter[str]  # the rules that changed rows, and the transitions of steps

    @initialize(first=STEPS, second=STEPS, shape=NUMBER)
    def open(self, first: list[StepRequest], second: list[StepRequest], shape: int) -> None:
        self.now = T0
        self.believed: list[Claim] = []
        self.has_failed = False
        self.transaction = self.database.begin()
        self.conn: Connection = self.transaction.__enter__()
        self.conn.execute(text(RECORD_STEPS))
        self.add(first, shape=shape, sealed=True, into=None)
        self.resolve(at_most=1_000)
        self.add(second, shape=shape + 1, sealed=shape % 3 > 0, into=None)

    def teardown(self) -> None:
        if not hasattr(self, "conn"):
            return
        try:
            if self.failed():
                return
            self.finish_everything()
            invariants.check_rows(self.conn)
            self.seen.update(f"{was} -> {now}" for was, now in self.history())
        finally:
            self.conn.rollback()
            self.transaction.__exit__(None, None, None)

    def failed(self) -> bool:
        """Return whether a rule has failed. Then the teardown must not hide its error."""
        driver = cast("psycopg.Connection[Any]", self.conn.connection.driver_connection)
        status = driver.info.transaction_status
        return self.has_failed or status is psycopg.pq.TransactionStatus.INERROR

    def rows(self, query: str, **values: Any) -> list[Any]:
        return list(self.conn.execute(text(query), values))

    def history(self) -> list[tuple[str, str]]:
        return [(row.was, row.is_now) for row in self.rows(HISTORY)]

    def checked(self, rule: str = "") -> None:
        """Check what holds after each transaction, and let a second pass."""
        self.seen[rule] += 1
        self.now += timedelta(seconds=1)
        self.has_failed = True
        for was, now in self.history():
            assert StepState(now) in STEP_TRANSITIONS[StepState(was)], f"{was} -> {now}"
        assert violations(self.conn) == []
        assert self.rows(WRONG_STARTS) == []
        for row in self.rows("SELECT * FROM job_groups WHERE outcome IS NOT NULL"):
            counts = {state: row._mapping[state.value] for state in StepState}
            wanted = outcome_of_group(counts, cancelled=row.cancelled_at is not None)
            assert row.outcome == wanted
        self.has_failed = False

    def some(self, query: str, number: int) -> Any:
        """Return one value of the query, or None if it returns no row."""
        found = [row[0] for row in self.rows(query)]
        return found[number % len(found)] if found else None

    def group(self, number: int, where: str = "true") -> int | None:
        found: int | None = self.some(
            f"SELECT id FROM job_groups WHERE {where} ORDER BY id", number
        )
        return found

    # Changes by people.

    @rule(
        steps=STEPS,
        shape=NUMBER,
        sealed=st.booleans(),
        into=st.none() | NUMBER,
    )
    def add(self, steps: list[StepRequest], shape: int, sealed: bool, into: int | None) -> None:
        """Create a group, or add steps to one; each step waits for some of the others."""
        target = None if into is None else self.group(into, "sealed_at IS NULL")
        if target is None and len(self.rows("SELECT id FROM job_groups")) >= GROUPS_MAX:
            return
        try:
            with self.conn.begin_nested():
                if target is None:
                    target = group_creation.create(
                        self.conn, name=None, created_by="ada", now=self.now
                    )
                group_progress.lock(self.conn, [target])
                group_creation.add_steps(
                    self.conn,
                    group_id=target,
                    steps=self.linked(steps, target, shape),
                    now=self.now,
                )
                if sealed:
                    group_creation.seal(self.conn, group_id=target, now=self.now)
        except (group_creation.InvalidPlan, group_creation.GroupClosed):
            return
        self.checked("add")

    def linked(self, steps: list[StepRequest], target: int, shape: int) -> list[StepRequest]:
        """Return the steps with random waits. An earlier step never waits for a later one."""
        dice = random.Random(shape)
        stored = [
            row.key for row in self.rows(f"SELECT key FROM group_steps WHERE group_id = {target}")
        ]
        fresh = [step for step in steps if step.key not in stored]
        linked = []
        for at, step in enumerate(fresh):
            earlier = [*stored, *(other.key for other in fresh[:at])]
            after = [Upstream(key=key) for key in earlier if dice.random() < 0.5]
            if dice.random() < 0.2:
                job = self.some("SELECT id FROM crawl_jobs ORDER BY id", dice.randrange(100))
                after += [Upstream(job_id=job)] if job else []
            if dice.random() < 0.2:
                other = self.group(dice.randrange(100), f"sealed_at IS NOT NULL AND id <> {target}")
                after += [Upstream(group_id=other)] if other else []
            waits_for_all = at == len(fresh) - 1 and dice.random() < 0.3
            linked.append(
                StepRequest(
                    step.key,
                    step.subreddit if dice.random() < 0.1 else NAMES[KEYS.index(step.key)],
                    step.priority,
                    dice.randrange(2),
                    visible_at=self.now + timedelta(seconds=90) if dice.random() < 0.1 else None,
                    after=[] if waits_for_all else after,
                    after_all=waits_for_all,
                    on_upstream_failure=step.on_upstream_failure,
                    require_outcome=step.require_outcome,
                )
            )
        return linked

    @rule(which=NUMBER)
    def seal(self, which: int) -> None:
        if group_id := self.group(which, "sealed_at IS NULL"):
            group_progress.lock(self.conn, [group_id])
            group_creation.seal(self.conn, group_id=group_id, now=self.now)
            self.checked("seal")

    @rule(which=NUMBER, resume=st.booleans())
    def pause(self, which: int, resume: bool) -> None:
        if group_id := self.group(which, "paused_at IS NOT NULL" if resume else "true"):
            group_progress.lock(self.conn, [group_id])
            change = group_pausing.resume if resume else group_pausing.pause
            change(self.conn, group_id=group_id, now=self.now)
            self.checked(change.__name__)

    @rule(which=NUMBER, proceed=st.booleans())
    def decide(self, which: int, proceed: bool) -> None:
        held = self.rows("SELECT group_id, key FROM group_steps WHERE state = 'held' ORDER BY id")
        if not held:
            return
        row = held[which % len(held)]
        group_progress.lock(self.conn, [row.group_id])
        step = step_list.lock_step(self.conn, group_id=row.group_id, key=row.key)
        assert step is not None
        if proceed:
            step_decisions.proceed(self.conn, step, now=self.now)
        else:
            step_decisions.skip(self.conn, step, actor="ada", now=self.now)
        self.checked("proceed" if proceed else "skip")

    @rule(which=NUMBER, kind=st.sampled_from(BATCHES), at_most=AT_MOST, dry_run=st.booleans())
    def change_group(self, which: int, kind: OperationKind, at_most: int, dry_run: bool) -> None:
        group_id = self.group(which)
        if group_id is None:
            return
        request = BatchRequest(group_id, "ada", ADA, points=7, dry_run=dry_run and which % 4 == 0)
        try:
            with self.conn.begin_nested():
                group_batches.start(self.conn, kind, request, at_most=at_most, now=self.now)
        except (group_batches.GroupFinished, operation_rows.OperationInProgress):
            return
        self.checked(kind.value)

    @rule(at_most=AT_MOST)
    def advance(self, at_most: int) -> None:
        operation = operation_rows.take(self.conn, kinds=group_batches.CHANGES, now=self.now)
        if operation is not None:
            group_operations.advance(self.conn, operation, actor=ADA, at_most=at_most, now=self.now)
            self.checked("advance")

    @rule(which=NUMBER)
    def delete_group(self, which: int) -> None:
        group_id = self.group(which, "finished_at IS NOT NULL")
        if group_id is None or group_deletion.is_awaited(self.conn, group_id=group_id):
            return
        if self.rows("SELECT id FROM operations WHERE finished_at IS NULL"):
            return
        group_progress.lock(self.conn, [group_id])
        group_deletion.delete_group(self.conn, group_id=group_id)
        self.checked("delete_group")

    @rule(which=NUMBER, delete=st.sampled_from([False, False, True]), force=st.booleans())
    def change_job(self, which: int, delete: bool, force: bool) -> None:
        """End a live job, or retry or delete a finished one."""
        found = self.rows("SELECT id, finished_at FROM crawl_jobs ORDER BY id")
        if not found:
            return
        job = found[which % len(found)]
        verb = Verb.DELETE if delete else Verb.RETRY
        if job.finished_at is None:
            verb = Verb.GIVE_UP if delete else Verb.CANCEL
        (change,) = operator_changes.change_many(
            self.conn, verb=verb, job_ids=[job.id], actor="grace", force=force, now=self.now
        )
        self.checked(f"{verb} a job" if change.error is None else "")

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=2))
    def enqueue(self, names: list[str]) -> None:
        """Others request the same subreddits."""
        enqueueing.enqueue_many(
            self.conn, subreddits_named=names, priority=50, source="user", now=self.now
        )
        self.checked("enqueue")

    # Changes by workers.

    @rule(at_most=st.integers(1, 4))
    def claim(self, at_most: int) -> None:
        self.believed += job_claim.claim_jobs(
            self.conn,
            worker="worker-1",
            claim_token=uuid.uuid4(),
            at_most=at_most,
            lease_seconds=LEASE_SECONDS,
            now=self.now,
        )
        self.checked("claim")

    @rule(
        which=st.lists(NUMBER, min_size=1, max_size=3),
        how=st.lists(st.sampled_from(ENDS), min_size=3, max_size=3),
        outcome=st.sampled_from(OUTCOMES),
        incomplete=st.booleans(),
    )
    def end(self, which: list[int], how: list[str], outcome: str, incomplete: bool) -> None:
        """End some claims; some of the others are kept, and some of them were lost already."""
        self.claim(3)
        if not self.believed:
            return
        places = dict.fromkeys(number % len(self.believed) for number in which)
        chosen = [self.believed[place] for place in places]
        self.believed = [claim for claim in self.believed if claim not in chosen]
        if incomplete:
            self.conn.execute(
                text("UPDATE crawl_jobs SET incomplete = true WHERE claim_token = ANY (:tokens)"),
                {"tokens": [claim.claim_token for claim in chosen]},
            )
        retries = {
            row.id: row.retry_count < row.max_retries
            for row in self.rows("SELECT id, retry_count, max_retries FROM crawl_jobs")
        }
        ends = []
        for claim, verb in zip(chosen, how, strict=False):
            if verb == "complete":
                ends.append(completion.completed(claim, outcome))
            elif verb == "retry" and retries.get(claim.job_id):
                ends.append(jobs.EACH_END["schedule_retry"](claim))
            else:
                ends.append(jobs.EACH_END["fail" if verb == "retry" else verb](claim))
        job_completion.complete_claims(self.conn, completions=ends, now=self.now)
        self.checked("end")

    @rule(which=NUMBER, how=st.lists(st.sampled_from(ENDS), min_size=3, max_size=3))
    def retry_and_end(self, which: int, how: list[str]) -> None:
        """A retried job may end again before the resolver looks."""
        self.change_job(which, delete=False, force=False)
        self.end([0, 1, 2], how, "crawled", incomplete=False)

    @rule(seconds=st.sampled_from([5, 70, 4000]), rescue=st.booleans())
    def wait(self, seconds: int, rescue: bool) -> None:
        """Let time pass, then queue what is due, and perhaps take jobs from dead workers."""
        self.now += timedelta(seconds=seconds)
        job_maintenance.requeue_due_jobs(self.conn, now=self.now)
        if rescue:
            self.rescue()
        self.checked("wait")

    def rescue(self) -> None:
        job_maintenance.rescue_stuck_jobs(
            self.conn,
            lease_seconds=LEASE_SECONDS,
            reset_after=timedelta(minutes=15),
            retry=RetryPolicy(),
            now=self.now,
        )

    @rule()
    def prune(self) -> None:
        """Delete all finished jobs. Before the end of the retention, each end was settled."""
        self.resolve(1_000)
        pruned = job_pruning.prune_finished_jobs(
            self.conn, retention=timedelta(0), now=self.now + timedelta(seconds=1)
        )
        self.checked("prune" if pruned.jobs else "")

    # The resolver.

    @rule(at_most=AT_MOST, skip=st.sampled_from([0, 0, 1, 2]))
    def settle(self, at_most: int, skip: int) -> None:
        """Run one transaction. With `skip`, another worker has locked the first rows."""
        settle.settle(self.conn, at_most=at_most, skip=skip, now=self.now)
        self.checked("settle")

    @rule(at_most=AT_MOST, skip=st.sampled_from([0, 0, 1]))
    def start(self, at_most: int, skip: int) -> None:
        start.start(self.conn, at_most=at_most, skip=skip, now=self.now)
        self.checked("start")

    @rule(which=NUMBER)
    def lose_a_row(self, which: int) -> None:
        """A worker of the previous release ended a job and wrote no row for the end."""
        lost = self.some(
            "SELECT change.id FROM upstream_changes AS change "
            "LEFT JOIN crawl_jobs AS job ON job.id = change.job_id WHERE change.job_id IS NOT NULL "
            "AND coalesce(job.status, 'failed') IN ('succeeded', 'failed', 'cancelled') "
            "AND NOT EXISTS (SELECT FROM group_steps AS step WHERE step.job_id = change.job_id "
            "AND step.state <> 'enqueued') AND NOT EXISTS (SELECT FROM step_waits AS wait "
            "WHERE wait.upstream_job_id = change.job_id AND wait.ended_at IS NOT NULL)",
            which,
        )
        if lost is not None:
            self.conn.execute(text("DELETE FROM upstream_changes WHERE id = :id"), {"id": lost})
            self.checked("lose_a_row")

    @rule(at_most=AT_MOST)
    def resolve(self, at_most: int) -> None:
        """Run the resolver until nothing is left. Then each step agrees with its job and waits."""
        for _ in range(ROUNDS_MAX):
            groups.resolve(self.conn, now=self.now, at_most=at_most)
            if not groups.record_lost_ends(self.conn):
                break
        else:
            raise AssertionError("lost ends are found again and again")
        self.checked("resolve")
        self.has_failed = True
        assert violations(self.conn, SETTLED) == []
        self.has_failed = False

    def finish_everything(self) -> None:
        """Seal, resume, end all operations and all jobs. Then only held steps stay open."""
        for row in self.rows("SELECT id FROM job_groups ORDER BY id"):
            group_progress.lock(self.conn, [row.id])
            group_creation.seal(self.conn, group_id=row.id, now=self.now)
            group_pausing.resume(self.conn, group_id=row.id, now=self.now)
        for _ in range(ROUNDS_MAX):
            self.advance(1_000)
            self.resolve(1_000)
            if not self.rows(
                "SELECT id FROM crawl_jobs WHERE finished_at IS NULL"
                " UNION ALL SELECT id FROM operations WHERE finished_at IS NULL"
            ):
                break
            self.now += timedelta(hours=25)
            self.rescue()
            job_maintenance.requeue_due_jobs(self.conn, now=self.now)
            self.believed = []
            self.claim(50)
            done = [completion.completed(claim, "crawled") for claim in self.believed]
            job_completion.complete_claims(self.conn, completions=done, now=self.now)
        unfinished = self.rows(
            "SELECT job_group.id, step.key, step.state, waiting_for FROM job_groups AS job_group "
            "LEFT JOIN group_steps AS step ON step.group_id = job_group.id AND step.state IN "
            "('pending', 'enqueued', 'held') WHERE finished_at IS NULL AND held = 0 "
            "AND NOT EXISTS (SELECT FROM group_steps AS waiting JOIN step_waits AS wait "
            "ON wait.step_id = waiting.id WHERE waiting.group_id = job_group.id "
            "AND wait.upstream_group_id <> job_group.id AND wait.ended_at IS NULL)"
        )
        assert unfinished == []


def run(database: Database, *, examples: int, steps: int, is_random: bool = True) -> Counter[str]:
    """Run the model. Returns how often each rule changed rows, and how often each transition."""
    seen: Counter[str] = Counter()
    run_state_machine_as_test(
        type("Machine", (GroupMachine,), {"database": database, "seen": seen}),
        settings=settings(
            max_examples=examples,
            database=None,
            derandomize=not is_random,
            phases=(Phase.generate,),  # sequences are short, and shrinking takes minutes
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return seen


def test_random_changes_keep_the_rules_of_groups(database: Database) -> None:
    # Each run draws the same changes: few random ones would sometimes settle nothing.
    assert run(database, examples=8, steps=40, is_random=False)["settle"] > 5


@pytest.mark.deep
def test_many_random_changes_keep_the_rules_of_groups(database: Database) -> None:
    seen = run(database, examples=600, steps=60)
    possible = {f"{was} -> {now}" for was, after in STEP_TRANSITIONS.items() for now in after}
    assert possible - seen.keys() == set()
    assert min(seen.values()) > 5
