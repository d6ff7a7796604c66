"""F16: poison jobs, which kill their process, never end or use up the memory."""

from crawljobs.domain.job import JobStatus
from support.crew import Crew
from support.seeds import rng, seeded
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

KINDS: list[tuple[str, dict[str, str]]] = [
    ("segfault", {}),
    ("loop", {"RESET_AFTER_SECONDS": "1"}),
    ("eat", {"MEMORY_BYTES": str(2**27)}),
    ("kill", {}),  # for the queue, the same as a crash
]


@seeded(len(KINDS) - 1)
def test_a_poison_job_ends_failed_after_its_attempts_while_others_go_on(
    queue: WatchedQueue, crew: Crew, seed: int
) -> None:
    dice = rng(seed, "poison")
    kind, settings = KINDS[seed % len(KINDS)]
    attempts = dice.randint(1, 3) if seed >= len(KINDS) else 2
    before, after = dice.randint(0, 8), dice.randint(1, 8)
    others = queue.enqueue(*(f"pages_before_{number}" for number in range(before)))
    (poison,) = queue.enqueue(f"{kind}_1", max_retries=attempts - 1)
    others += queue.enqueue(*(f"pages_after_{number}" for number in range(after)))

    def keep_two_alive() -> None:
        """Start new workers in place of dead workers, as an orchestrator does."""
        while len(crew.alive()) < 2:
            crew.start(**settings)

    def all_ended() -> bool:
        keep_two_alive()
        return not queue.live()

    wait_until(all_ended, timeout=60, describe=lambda: f"{queue.live()} {crew.log()}")
    job = queue.job(poison)
    assert (job.status, job.retries) == (JobStatus.FAILED, attempts)
    charged = {"failed", "lease_expired"}
    assert [outcome for outcome in queue.outcomes(poison) if outcome in charged] == (
        queue.outcomes(poison)
    )
    assert {queue.job(job_id).status for job_id in others} == {JobStatus.SUCCEEDED}
    queue.check()
    queue.check_pages(3)
