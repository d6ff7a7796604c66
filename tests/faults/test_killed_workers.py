"""F1: kill -9 of a worker that crawls jobs."""

import random
from datetime import timedelta

from support.crew import LEASE_SECONDS, PRODUCTION, Crew
from support.reddit_sandbox import RunningSandbox
from support.seeds import rng, seeded
from support.service_process import ServiceProcess
from support.watched_queue import WatchedQueue

# The limit of a rescue: a lease, and 5 s for the sweep on an overloaded machine.
RECOVERY_SECONDS = LEASE_SECONDS + 5


@seeded(1)
def test_the_jobs_of_a_killed_worker_go_on_elsewhere_and_are_charged_one_attempt(
    queue: WatchedQueue, crew: Crew, sandbox: RunningSandbox, seed: int
) -> None:
    dice = rng(seed, "killed")
    crew.sandbox_url = sandbox.url
    jobs = queue.enqueue(*(f"tiny_{seed}_{number}" for number in range(6)))
    for _ in range(2):
        crew.start(PRODUCTION)
    queue.wait_until_requested(dice.randint(1, 12), describe=crew.log)
    victim = one_with_claims(queue, crew, dice)
    victim.kill()
    lost = {job.id for job in queue.claimed(by=victim.name)}
    killed_at = queue.value("SELECT clock_timestamp()")
    queue.wait_until_ended(describe=crew.log)
    queue.check_ended(charged=dict.fromkeys(lost, 1))
    for job_id in lost:
        first, *_, last = queue.attempts(job_id)
        assert (first.outcome, first.worker) == ("lease_expired", victim.name)
        assert first.ended_at - killed_at < timedelta(seconds=RECOVERY_SECONDS)
        assert (last.outcome, last.worker) != ("succeeded", victim.name)
    assert set(jobs) >= lost


def one_with_claims(queue: WatchedQueue, crew: Crew, dice: random.Random) -> ServiceProcess:
    """Return a random worker that has claims, or any worker if none has claims."""
    holders = {job.claimed_by for job in queue.claimed()}
    return dice.choice([w for w in crew.workers if w.name in holders] or crew.workers)
