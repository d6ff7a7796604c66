"""Random sequences of operations keep the rules of the queue.

Each change of a job's state is in TRANSITIONS. A lost claim changes nothing. When no more faults
occur, every job ends.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.claim import Claim
from crawljobs.domain.completion import Completion
from crawljobs.domain.job import FINAL, EnqueueResult, Job, JobSource, JobStatus, WaitReason
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.transitions import TRANSITIONS, Transition
from crawljobs.repository.content import crawl_history, politeness_gaps, stored_subreddits
from crawljobs.repository.queue import (
    job_claim,
    job_completion,
    leases,
    parked_jobs,
    queue_pauses,
)
from crawljobs.repository.queue.job_completion import WriteResult
from crawljobs.repository.queue.maintenance import job_aging, job_maintenance, pause_parking
from support import enqueueing, invariants, job_verbs, jobs, listed_jobs
from support.jobs import T0

LEASE_SECONDS = 30.0
NAMES = [f"sub_{n}" for n in range(5)]
WORKERS = ("one", "two", "three")
ENDS = ("complete", "fail", "schedule_retry", "defer", "release")
CHARGED = (Transition.FAIL, Transition.SCHEDULE_RETRY, Transition.RESCUE)
RESET_AFTER = timedelta(minutes=15)
RETRY = RetryPolicy()


class QueueMachine(RuleBasedStateMachine):
    """Workers, the claims that they believe to hold, and a clock that only the test moves."""

    database: Database
    check_every = 1
    steps_taken: list[int]  # of each sequence, without the steps that only end it

    @initialize()
    def open(self) -> None:
        self.now = T0
        self.believed: list[Claim] = []  # claims that workers think they hold; some are stale
        self.workers: dict[uuid.UUID, str] = {}  # token -> the worker that claimed with it
        self.known: dict[int, Job] = {}
        self.pauses: dict[int, datetime | None] = {}  # scope -> the end of its pause
        self.steps = 0
        self.transaction = self.database.begin()
        self.conn: Connection = self.transaction.__enter__()

    def teardown(self) -> None:
        if not hasattr(self, "conn"):
            return
        self.steps_taken.append(self.steps)
        try:
            self.finish_everything()
            invariants.check_rows(self.conn)
        finally:
            self.conn.rollback()
            self.transaction.__exit__(None, None, None)

    def jobs(self) -> dict[int, Job]:
        """Return the jobs after the last step. No other process changes them."""
        return self.known

    def look(self) -> dict[int, Job]:
        return {job.id: job for job in listed_jobs.list_jobs(self.conn, limit=500)}

    def step(
        self, verbs: Transition | dict[int, Transition] | None, change: Callable[[], object]
    ) -> None:
        """Make the change, then check each job's change of state against the rules of its verb."""
        before = self.known
        change()
        after = self.known = self.look()
        assert before.keys() <= after.keys(), "a job was lost"
        for job_id, was in before.items():
            is_now = after[job_id]
            verb = verbs.get(job_id) if isinstance(verbs, dict) else verbs
            if was.status is not is_now.status:
                assert verb is not None, f"{was.status} -> {is_now.status} without a verb"
                sources, targets = TRANSITIONS[verb]
                assert was.status in sources
                assert is_now.status in targets
            elif was.status in FINAL:
                assert was == is_now, "a finished job changed"
            charged = is_now.retries - was.retries
            assert charged in ((0, 1) if verb in CHARGED else (0,)), f"{verb} charged {charged}"
            assert 0 <= is_now.base_priority <= is_now.priority <= 100
        self.steps += 1
        if self.steps % self.check_every == 0:
            invariants.check_rows(self.conn)

    @rule(
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
        priority=st.integers(0, 100),
        source=st.sampled_from(JobSource),
        later=st.sampled_from([0, 0, 0, 90]),
        retries=st.integers(0, 2),
    )
    def enqueue(
        self, names: list[str], priority: int, source: JobSource, later: int, retries: int
    ) -> None:
        live = {job.subreddit: job for job in self.jobs().values() if job.status not in FINAL}

        def change() -> None:
            results = enqueueing.enqueue_many(
                self.conn,
                subreddits_named=names,
                priority=priority,
                source=source,
                max_retries=retries,
                visible_at=self.now + timedelta(seconds=later) if later else None,
                now=self.now,
            )
            assert len(results) == len(set(names))
            for result in results:
                was = live.get(result.subreddit)
                if was is None:
                    assert result.result is EnqueueResult.CREATED
                elif was.status is JobStatus.CRAWLING:
                    assert result.result is EnqueueResult.RERUN_REQUESTED
                else:
                    assert result.result is EnqueueResult.MERGED

        self.step(Transition.REQUEUE, change)  # a merge may bring a waiting job forward

    @rule(at_most=st.integers(1, 3), worker=st.sampled_from(WORKERS))
    def claim(self, at_most: int, worker: str) -> None:
        queued = [job for job in self.jobs().values() if job.status is JobStatus.QUEUED]
        best = sorted(queued, key=lambda job: (-job.priority, job.created_at, job.id))

        token = uuid.uuid4()
        self.workers[token] = worker

        def change() -> None:
            claimed = job_claim.claim_jobs(
                self.conn,
                worker=worker,
                claim_token=token,
                at_most=at_most,
                lease_seconds=LEASE_SECONDS,
                now=self.now,
            )
            everything = self.is_paused(queue_pauses.EVERYTHING)
            assert [claim.job_id for claim in claimed] == [
                job.id
                for job in best[: 0 if everything else at_most]
                if not self.is_paused(job.subreddit_id)
            ]
            self.believed += claimed

        self.step(Transition.CLAIM, change)

    def holds(self, claim: Claim) -> bool:
        return bool(
            self.conn.exec_driver_sql(
                "SELECT count(*) FROM crawl_jobs WHERE id = %(id)s AND claim_token = %(token)s",
                {"id": claim.job_id, "token": claim.claim_token},
            ).scalar_one()
        )

    @precondition(lambda self: self.believed)
    @rule(
        which=st.lists(st.integers(0, 10**6), min_size=1, max_size=4),
        verbs=st.lists(st.sampled_from(ENDS), min_size=4, max_size=4),
        keep=st.booleans(),
    )
    def end(self, which: list[int], verbs: list[str], keep: bool) -> None:
        """End several claims at once. Their workers may have lost them, and may try again."""
        places = dict.fromkeys(number % len(self.believed) for number in which)
        chosen = [self.believed[place] for place in places]
        if not keep:
            self.believed = [claim for claim in self.believed if claim not in chosen]
        asked = [self.end_of(*one) for one in zip(chosen, verbs, strict=False)]
        held = {end.claim.job_id: end.verb for end in asked if self.holds(end.claim)}
        fates = [
            WriteResult.APPLIED if self.holds(claim) else WriteResult.STALE for claim in chosen
        ]
        before = self.jobs()

        def change() -> None:
            assert (
                job_completion.complete_claims(self.conn, completions=asked, now=self.now) == fates
            )

        self.step(held, change)
        for job_id, job in before.items():
            assert job_id in held or self.jobs()[job_id] == job, "a lost claim changed something"

    def end_of(self, claim: Claim, verb: str) -> Completion:
        job = self.jobs()[claim.job_id]
        if verb == "schedule_retry" and job.retry_count >= job.max_retries:
            verb = "fail"  # retry.after_failure decides in the same way
        return jobs.EACH_END[verb](claim)

    def fenced(self, claim: Claim, change: Callable[[], None], verb: Transition | None) -> None:
        held, before = self.holds(claim), self.jobs()

        def attempt() -> None:
            if held:
                change()
                return
            with pytest.raises(errors.ClaimLost):
                change()

        self.step(verb, attempt)
        if not held:
            assert self.jobs() == before, "a lost claim changed something"

    @precondition(lambda self: self.believed)
    @rule(which=st.integers(0, 10**6))
    def save_checkpoint(self, which: int) -> None:
        claim = self.believed[which % len(self.believed)]
        self.fenced(
            claim,
            lambda: leases.save_checkpoint(
                self.conn, claim=claim, checkpoint={"at": str(self.now)}, now=self.now
            ),
            None,
        )

    @precondition(lambda self: self.believed)
    @rule(worker=st.integers(0, 10**6))
    def extend(self, worker: int) -> None:
        """Extend all claims that a worker believes to hold, as the worker's keeper thread does."""
        by = self.workers[self.believed[worker % len(self.believed)].claim_token]
        mine = [claim for claim in self.believed if self.workers[claim.claim_token] == by]
        held = {claim.job_id for claim in mine if self.holds(claim)}
        before = self.jobs()

        def change() -> None:
            extension = leases.extend_claims(
                self.conn, claims=mine, lease_seconds=LEASE_SECONDS, now=self.now
            )
            assert (extension.extended, extension.busy) == (held, frozenset())

        self.step(None, change)
        until = self.now + timedelta(seconds=LEASE_SECONDS)
        for job_id, job in self.jobs().items():
            if job_id in held:
                assert job.lease_expires_at == until
            else:
                assert job == before[job_id], "a lost claim was extended"

    @rule(seconds=st.sampled_from([1, 10, 31, 70, 400, 4000, 90000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.steps += 1

    @rule()
    def requeue(self) -> None:
        """Run a whole sweep. Then no wait outlasts its cause, and no queued job is paused."""
        self.step(Transition.PARK, lambda: pause_parking.park_paused_jobs(self.conn, now=self.now))
        self.step(
            Transition.REQUEUE, lambda: parked_jobs.settle_parked_jobs(self.conn, now=self.now)
        )
        self.step(
            Transition.REQUEUE, lambda: job_maintenance.requeue_due_jobs(self.conn, now=self.now)
        )
        invariants.check_waits(self.conn, grace=timedelta(0), now=self.now)
        for job in self.jobs().values():
            assert job.status is not JobStatus.QUEUED or not self.is_paused(job.subreddit_id)
            if job.wait_reason is WaitReason.PAUSED:
                assert job.waits_until == self.pauses[job.subreddit_id]

    def is_paused(self, scope: int) -> bool:
        until = self.pauses.get(scope, self.now)
        return until is None or until > self.now

    def scope(self, name: str | None) -> int:
        if name is None:
            return queue_pauses.EVERYTHING
        return stored_subreddits.ensure(self.conn, names=[name], discovered_from=None, depth=0)[
            name
        ]

    @rule(
        name=st.sampled_from([None, *NAMES, *NAMES]),
        seconds=st.sampled_from([None, 0, 8, 70, 4000]),
    )
    def pause(self, name: str | None, seconds: int | None) -> None:
        """Begin a pause, or change the end of an existing pause."""
        scope = self.scope(name)
        until = None if seconds is None else self.now + timedelta(seconds=seconds)
        self.pauses[scope] = until

        def change() -> None:
            queue_pauses.pause(
                self.conn, scope=scope, reason="r", paused_by="ops", until=until, now=self.now
            )

        paused = self.is_paused(scope)
        self.step(Transition.PARK if paused else Transition.REQUEUE, change)
        for job in self.jobs().values():
            if job.subreddit_id == scope and job.wait_reason is WaitReason.PAUSED:
                assert paused
                assert job.waits_until == until

    @precondition(lambda self: self.pauses)
    @rule(which=st.integers(0, 10**6))
    def resume(self, which: int) -> None:
        scope = sorted(self.pauses)[which % len(self.pauses)]
        del self.pauses[scope]
        self.step(
            Transition.REQUEUE,
            lambda: queue_pauses.resume(self.conn, scope=scope, now=self.now),
        )
        for job in self.jobs().values():
            assert job.subreddit_id != scope or job.wait_reason is not WaitReason.PAUSED

    @rule(name=st.sampled_from(NAMES), gap=st.sampled_from([None, 5, 600]), crawled=st.booleans())
    def politeness(self, name: str, gap: int | None, crawled: bool) -> None:
        """Change a subreddit's gap between crawls. The subreddit's last crawl may end now too."""
        scope = self.scope(name)

        def change() -> None:
            if crawled:
                marks = crawl_history.Marks()
                crawl_history.finish_crawl(self.conn, subreddit_id=scope, marks=marks, now=self.now)
            politeness_gaps.set_politeness(
                self.conn, subreddit_id=scope, request_gap=None, crawl_gap=gap, now=self.now
            )

        self.step(Transition.REQUEUE, change)

    @rule()
    def rescue(self) -> None:
        stuck = {
            job.id
            for job in self.jobs().values()
            if job.lease_expires_at is not None
            and job.progress_at is not None
            and (job.lease_expires_at < self.now or job.progress_at < self.now - RESET_AFTER)
        }

        def change() -> None:
            rescued = job_maintenance.rescue_stuck_jobs(
                self.conn,
                lease_seconds=LEASE_SECONDS,
                reset_after=RESET_AFTER,
                retry=RETRY,
                now=self.now,
            )
            assert {job.job_id for job in rescued} == stuck

        self.step(Transition.RESCUE, change)

    @rule()
    def age(self) -> None:
        policy = AgingPolicy()

        def change() -> None:
            job_aging.age_starved_jobs(self.conn, policy=policy, now=self.now)
            again = job_aging.age_starved_jobs(self.conn, policy=policy, now=self.now)
            assert again.jobs == 0, "aging is not a function of base and waiting time"

        self.step(None, change)

    @precondition(lambda self: self.jobs())
    @rule(
        which=st.integers(0, 10**6),
        verb=st.sampled_from(
            [Transition.WAKE, Transition.CANCEL, Transition.GIVE_UP, Transition.RETRY, None]
        ),
    )
    def operate(self, which: int, verb: Transition | None) -> None:
        jobs = sorted(self.jobs())
        job_id = jobs[which % len(jobs)]

        def change() -> None:
            try:
                with self.conn.begin_nested():
                    if verb is None:
                        job_verbs.boost(self.conn, job_id=job_id, by=which % 30)
                    else:
                        getattr(job_verbs, verb.value)(self.conn, job_id=job_id, now=self.now)
            except errors.IllegalTransition:
                assert verb is None or self.jobs()[job_id].status not in TRANSITIONS[verb][0]
            except errors.LiveJobExists as refused:
                assert refused.job_id != job_id

        self.step(verb, change)

    def finish_everything(self) -> None:
        """End all faults and pauses. Then each job must end in a limited number of rounds."""
        while self.pauses:
            self.resume(0)
        for _ in range(60):
            live = [job for job in self.jobs().values() if job.status not in FINAL]
            if not live:
                return
            self.now += timedelta(hours=25)
            self.rescue()
            self.requeue()
            self.believed = []
            self.claim(3, WORKERS[0])
            done = [completion.completed(claim, "crawled") for claim in self.believed]
            job_completion.complete_claims(self.conn, completions=done, now=self.now)
            self.known = self.look()
        raise AssertionError(f"never ended: {live}")


def run(database: Database, *, examples: int, steps: int, check_every: int) -> int:
    """Run the model and return the number of steps.

    Hypothesis ends some sequences early, and counts the opening step as a step.
    """
    taken: list[int] = []
    facts = {"database": database, "check_every": check_every, "steps_taken": taken}
    run_state_machine_as_test(
        type("Machine", (QueueMachine,), facts),
        settings=settings(
            max_examples=examples,
            database=None,
            phases=(Phase.generate,),  # sequences are short, and shrinking takes minutes
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return sum(taken)


def test_random_histories_keep_the_rules(database: Database) -> None:
    assert run(database, examples=12, steps=50, check_every=10) >= 450


@pytest.mark.deep
def test_a_hundred_thousand_random_steps_keep_the_rules(database: Database) -> None:
    # A sequence has 82 steps on average.
    assert run(database, examples=1_300, steps=100, check_every=20) >= 100_000
