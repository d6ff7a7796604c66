"""F2: SIGSTOP stops a worker beyond its lease. After SIGCONT, its writes must be refused."""

import dataclasses
import signal
from pathlib import Path

from crawljobs.domain.job import Job, JobStatus
from support.crew import LEASE_SECONDS, PRODUCTION, Crew
from support.reddit_sandbox import RunningSandbox
from support.seeds import rng, seeded
from support.waiting import wait_until
from support.watched_queue import WatchedQueue


def unextended(job: Job) -> Job:
    """Return the job without the fields that change when its keeper extends the lease."""
    return dataclasses.replace(job, lease_expires_at=None, version=0)


def test_late_data_and_a_late_completion_change_nothing(
    queue: WatchedQueue, crew: Crew, tmp_path: Path
) -> None:
    """The late worker's lease is long, so only the claim token can stop its writes."""
    names = ("gate_1", "finish_1")
    jobs = queue.enqueue(*names)
    gates_of_stopped = tmp_path / "stopped"
    gates_of_stopped.mkdir()
    stopped = crew.started(LEASE_SECONDS="60", GATES=str(gates_of_stopped))
    for job_id in jobs:
        stopped.wait_for("crawl.at_gate", job_id=job_id)
    stopped.signal(signal.SIGSTOP)
    other = crew.started(RESET_AFTER_SECONDS="4")
    for job_id in jobs:
        other.wait_for("crawl.at_gate", job_id=job_id)
    before = [queue.job(job_id) for job_id in jobs]
    assert {job.claimed_by for job in before} == {other.name}
    for name in names:
        (gates_of_stopped / f"{name}.open").touch()
    stopped.signal(signal.SIGCONT)
    for job, job_id in zip(before, jobs, strict=True):
        stopped.wait_for("claim.lost", job_id=job_id)
        assert unextended(queue.job(job_id)) == unextended(job)
    for name in names:
        crew.open_gate(name)
    for job_id in jobs:
        queue.wait_for(job_id, JobStatus.SUCCEEDED)
        assert [(one.outcome, one.worker) for one in queue.attempts(job_id)] == [
            ("lease_expired", stopped.name),
            ("succeeded", other.name),
        ]
    queue.check_ended(charged=dict.fromkeys(jobs, 1))


def test_a_late_extension_changes_nothing(queue: WatchedQueue, crew: Crew) -> None:
    (job_id,) = queue.enqueue("hold_1")
    stopped = crew.started()
    stopped.wait_for("crawl.began")
    stopped.signal(signal.SIGSTOP)
    # The lease is so long that it is not extended during the comparison below. But it is shorter
    # than the timeout of the wait, because no job is rescued within one lease after the server's
    # start.
    other = crew.started(LEASE_SECONDS="15")
    other.wait_for("crawl.began", timeout=LEASE_SECONDS + 20)
    before = queue.job(job_id)
    stopped.signal(signal.SIGCONT)
    stopped.wait_for("claim.lost")
    assert queue.job(job_id) == before
    queue.check()


@seeded(1)
def test_workers_stopped_at_random_and_continued_write_nothing_that_is_not_theirs(
    queue: WatchedQueue, crew: Crew, sandbox: RunningSandbox, seed: int
) -> None:
    dice = rng(seed, "stopped")
    crew.sandbox_url = sandbox.url
    queue.enqueue(*(f"tiny_{seed}_{number}" for number in range(6)))
    workers = [crew.start(PRODUCTION) for _ in range(2)]
    queue.wait_until_requested(dice.randint(1, 12), describe=crew.log)
    victim = dice.choice(workers)
    victim.signal(signal.SIGSTOP)
    held = {job.id for job in queue.claimed(by=victim.name)}
    wait_until(
        lambda: not queue.claimed(by=victim.name), timeout=LEASE_SECONDS + 20, describe=crew.log
    )
    victim.signal(signal.SIGCONT)
    queue.wait_until_ended(describe=crew.log)
    queue.check_ended(charged=dict.fromkeys(held, 1))
    assert len(crew.alive()) == 2
