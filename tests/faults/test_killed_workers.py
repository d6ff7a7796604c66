"""F1: kill -9 of a worker that crawls jobs."""

import random
import signal
from datetime import timedelta

from crawljobs.db.database import Database
from crawljobs.repository import gauges
from support.crew import LEASE_SECONDS, PRODUCTION, Crew
from support.reddit_sandbox import RunningSandbox
from support.seeds import rng, seeded
from support.service_process import ServiceProcess
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

# The limit of a rescue: a lease, and 5 s for the sweep on an overloaded machine.
RECOVERY_SECONDS = LEASE_SECONDS + 5
STARTED_AT = "SELECT max(started_at) FROM service_instances"


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
    # Its claims are read before the kill: on a busy machine a rescue could come first.
    victim.signal(signal.SIGSTOP)
    lost = {job.id for job in queue.claimed(by=victim.name)}
    victim.kill()
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


def test_a_killed_worker_that_restarts_under_its_name_is_counted_as_lost(
    queue: WatchedQueue, crew: Crew, database: Database
) -> None:
    """A container that is killed at its memory limit keeps its host name and the process id 1."""

    def lost() -> float:
        with database.begin() as conn:
            return gauges.read_gauges(conn).workers_lost

    def start(*, after: object) -> ServiceProcess:
        worker = crew.started(PRODUCTION, INSTANCE_NAME="the-container")
        wait_until(
            lambda: queue.value(STARTED_AT) not in (None, after), timeout=20, describe=crew.log
        )
        return worker

    start(after=None).terminate()  # a normal end deletes the row
    wait_until(lambda: queue.value(STARTED_AT) is None, timeout=20, describe=crew.log)
    first = start(after=None)
    assert lost() == 0
    started_at = queue.value(STARTED_AT)
    first.kill()
    second = start(after=started_at)
    assert lost() == 1
    second.terminate()
    wait_until(lambda: queue.value(STARTED_AT) is None, timeout=20, describe=crew.log)
    assert lost() == 0
