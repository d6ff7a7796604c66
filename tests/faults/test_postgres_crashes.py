"""F3 and F4: one server process of Postgres is killed, or the whole server dies and restarts."""

import datetime
import functools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawljobs.db.database import Database
from support import private_postgres
from support.crew import LEASE_SECONDS, Crew
from support.private_postgres import PrivatePostgres
from support.seeds import rng, seeded
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

PAGES = 30
SLOTS = 6  # the number of jobs that two workers crawl at once
WINDOW = datetime.timedelta(seconds=10)
THROUGHPUT_KEPT = 0.9
LONG_OUTAGE_SECONDS = 60.0


@pytest.fixture(scope="module")
def postgres(module_folder: Path, pytestconfig: pytest.Config) -> Iterator[PrivatePostgres]:
    choice = pytestconfig.option.postgres
    with private_postgres.serve(module_folder, choice, max_connections=60) as running:
        yield running


@pytest.fixture
def database_url(postgres: PrivatePostgres) -> Iterator[str]:
    with postgres.databases.clone() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def start_two(crew: Crew, page_seconds: float, **settings: str) -> None:
    for _ in range(2):
        crew.started(PAGES=str(PAGES), PAGE_SECONDS=str(page_seconds), **settings)


@seeded(1)
def test_a_killed_backend_ends_no_worker_and_charges_no_attempt(
    queue: WatchedQueue, crew: Crew, postgres: PrivatePostgres, seed: int
) -> None:
    dice = rng(seed, "backend")
    queue.enqueue(*(f"pages_{number}" for number in range(9)))
    start_two(crew, page_seconds=0.03, LEASE_SECONDS="10")
    pages = 0
    for _ in range(3):
        pages += dice.randint(1, 60)
        queue.when_reachable(functools.partial(queue.wait_until_stored, pages))

        def kill_one() -> bool:
            return any(
                map(postgres.kill_backend, dice.sample(found := queue.backends(), len(found)))
            )

        queue.when_reachable(lambda: wait_until(kill_one, timeout=30, describe=crew.log))
    queue.when_reachable(lambda: queue.wait_until_ended(timeout=60, describe=crew.log))
    assert len(crew.alive()) == 2
    queue.check_ended()
    queue.check_pages(PAGES)


def test_an_outage_longer_than_a_lease_charges_nobody_and_work_goes_on(
    queue: WatchedQueue, crew: Crew, postgres: PrivatePostgres
) -> None:
    in_crawl = queue.enqueue("hold_1", "gate_1", priority=90)
    queue.enqueue(*(f"pages_{number}" for number in range(6)))
    start_two(crew, page_seconds=0.03)
    queue.wait_until_stored(10)
    for worker in crew.alive():
        worker.wait_for("crawl.began")
    outage(crew, postgres, seconds=LEASE_SECONDS + 1)
    crew.open_gate("hold_1")
    crew.open_gate("gate_1")
    queue.when_reachable(lambda: queue.wait_until_ended(timeout=60, describe=crew.log))
    assert len(crew.alive()) == 2
    queue.check_ended()
    queue.check_pages(PAGES)
    assert "succeeded" in queue.outcomes(in_crawl[0])


@pytest.mark.deep
def test_throughput_is_back_ten_seconds_after_an_outage_of_a_minute(
    queue: WatchedQueue, crew: Crew, postgres: PrivatePostgres
) -> None:
    """The pages' fixed duration limits the throughput, so the machine's speed does not matter."""
    queue.enqueue(*(f"pages_{number}" for number in range(50)))
    start_two(crew, page_seconds=0.25)
    wait_until(lambda: len(queue.claimed()) == SLOTS, timeout=20, describe=crew.log)
    began_at = queue.value("SELECT clock_timestamp()")
    wait_until(
        lambda: queue.value("SELECT clock_timestamp()") > began_at + WINDOW,
        timeout=WINDOW.total_seconds() + 10,
        describe="time to pass",
    )
    outage(crew, postgres, seconds=LONG_OUTAGE_SECONDS)
    back_at = queue.when_reachable(lambda: queue.value("SELECT clock_timestamp()"))
    queue.wait_until_ended(timeout=240, describe=crew.log)
    before = pages_in_window(queue, began_at)
    after = pages_in_window(queue, back_at + WINDOW)
    assert after >= THROUGHPUT_KEPT * before
    queue.check_ended()
    queue.check_pages(PAGES)


def pages_in_window(queue: WatchedQueue, start: datetime.datetime) -> int:
    count = "SELECT count(*) FROM posts WHERE first_seen_at BETWEEN :start AND :end"
    return int(queue.value(count, start=start, end=start + WINDOW))


def outage(crew: Crew, postgres: PrivatePostgres, *, seconds: float) -> None:
    """Kill the server, check that the workers stay alive, and start the server again."""
    postgres.kill()
    dead_until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > dead_until, timeout=seconds + 10, describe="time to pass")
    assert len(crew.alive()) == 2
    postgres.start_again()
