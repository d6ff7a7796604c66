"""F16: jobs that kill their process, never end or eat the memory."""

import pytest

from crawljobs.domain.job import JobStatus
from support.crew import Crew
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

ATTEMPTS = 2


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("kill", {}),
        ("segfault", {}),
        ("loop", {"RESET_AFTER_SECONDS": "1"}),
        ("eat", {"MEMORY_BYTES": str(2**27)}),
    ],
)
def test_a_poison_job_ends_failed_after_its_attempts_while_others_go_on(
    queue: WatchedQueue, crew: Crew, kind: str, settings: dict[str, str]
) -> None:
    (poison,) = queue.enqueue(f"{kind}_1", max_retries=ATTEMPTS - 1)
    others = queue.enqueue(*(f"pages_{number}" for number in range(8)))

    def keep_two_alive() -> None:
        """As an orchestrator does."""
        while len(crew.alive()) < 2:
            crew.start(**settings)

    def all_ended() -> bool:
        keep_two_alive()
        return not queue.live()

    wait_until(all_ended, timeout=60, describe=lambda: f"{queue.live()} {crew.log()}")
    job = queue.job(poison)
    assert (job.status, job.retries) == (JobStatus.FAILED, ATTEMPTS)
    charged = {"failed", "lease_expired"}
    assert [outcome for outcome in queue.outcomes(poison) if outcome in charged] == (
        queue.outcomes(poison)
    )
    assert {queue.job(job_id).status for job_id in others} == {JobStatus.SUCCEEDED}
    queue.check()
    queue.check_pages(3)
