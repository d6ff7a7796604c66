"""F30: many clients change the causes of waits at once. No job waits for a cause that has ended."""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import queue_pauses
from support import invariants, listed_jobs
from support.changing_causes import Causes, sweep
from support.crew import Crew
from support.seeds import rng, seeded
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

CLIENTS = 4
# A history has FIRST_STEPS steps in sequence, then STEPS concurrent steps of each client. A history
# is short, because a later step could repair, and so hide, the damage of a race.
FIRST_STEPS, STEPS = 4, 2
HISTORIES, HISTORIES_DEEP, PARTS = 40, 2_000, 10
# Workers set these reasons. A job with one of them waits until a fixed time, not for a cause.
OF_A_WORKER = ("rate_limit", "outage", "politeness", "retry")


def all_at_once(works: list[Callable[[], None]]) -> None:
    """Run all functions concurrently. Fail if one of them raises an error or does not end."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            start.wait(30)
            work()
        except BaseException as error:  # noqa: BLE001 - the assertion below shows the error
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert not any(thread.is_alive() for thread in threads)


def play(database: Database, number: int) -> None:
    """Play one history, check all jobs, and delete the jobs."""
    causes = Causes(database, [f"sub_{number}"], rng(number, "tastes"))
    causes.change_at_random(rng(number, "first steps"), FIRST_STEPS)
    dice = [rng(number, f"causes {client}") for client in range(CLIENTS)]
    all_at_once([lambda one=one: causes.change_at_random(one, STEPS) for one in dice])  # type: ignore[misc]
    with database.begin() as conn:
        now = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    sweep(database, now=now)
    with database.begin() as conn:
        invariants.check_rows(conn)
        invariants.check_waits(conn, grace=timedelta(0), now=now)
        for job in listed_jobs.list_jobs(conn, statuses=[JobStatus.WAITING]):
            # `later` means that a client requested the time. The end of a pause or of a politeness
            # gap must not appear as a requested time.
            assert job.wait_reason != "later" or job.visible_at in causes.asked_for, job
    causes.lift()
    sweep(database)
    with database.begin() as conn:
        for job in listed_jobs.list_jobs(conn, statuses=[JobStatus.WAITING]):
            assert job.wait_reason in OF_A_WORKER, job
            assert job.error_kind is not None, job
            assert job.visible_at <= datetime.now(UTC) + timedelta(seconds=60), job
        conn.execute(text("DELETE FROM scheduled_jobs"))  # a cascade deletes their runs too
        conn.execute(text("DELETE FROM crawl_job_attempts"))
        conn.execute(text("DELETE FROM crawl_jobs"))


def play_many(database_url: str, numbers: Iterable[int]) -> None:
    database = Database(database_url, pool_size=CLIENTS)
    try:
        for number in numbers:
            try:
                play(database, number)
            except AssertionError as error:
                raise AssertionError(f"history {number}: {error}") from error
    finally:
        database.close()


def test_no_job_waits_for_what_is_over_after_any_history(database_url: str) -> None:
    play_many(database_url, range(HISTORIES))


@pytest.mark.deep
@pytest.mark.parametrize("part", range(PARTS))
def test_no_job_waits_for_what_is_over_after_any_of_2000_histories(
    database_url: str, part: int
) -> None:
    play_many(database_url, range(part, HISTORIES_DEEP, PARTS))


@seeded(1)
def test_causes_change_while_workers_crawl_and_every_job_ends(
    queue: WatchedQueue, crew: Crew, seed: int
) -> None:
    for _ in range(2):
        crew.started()
    names = [f"pages_{number}" for number in range(6)]
    causes = Causes(queue.database, names, rng(seed, "tastes"))
    changes = [causes.pause, causes.resume, causes.enqueue, causes.tick, causes.change_gap]

    def client(number: int) -> None:
        dice = rng(seed, f"client {number}")
        for _ in range(25):
            causes.do(dice.choice(changes), dice)

    all_at_once([lambda number=number: client(number) for number in range(CLIENTS)])  # type: ignore[misc]
    queue.check()
    causes.lift()

    def all_ended() -> bool:
        with queue.database.begin() as conn:
            conn.execute(
                text("UPDATE crawl_jobs SET visible_at = now() WHERE wait_reason = 'later'")
            )
        return not queue.live()

    wait_until(all_ended, timeout=60, describe=lambda: f"{queue.live()} {crew.log()}")
    queue.check()
    with queue.database.begin() as conn:
        assert queue_pauses.list_pauses(conn) == []
        invariants.check_waits(conn, grace=timedelta(0))
