"""No job waits without limit. The tests simulate hours on the real queue with their own clock."""

import heapq
import random
import uuid
from collections import defaultdict
from datetime import datetime, timedelta

import pytest

from crawljobs.db.database import Connection
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from crawljobs.repository.queue import job_claim
from crawljobs.repository.queue.maintenance import job_aging
from support import enqueueing, jobs
from support.jobs import T0

POLICY = AgingPolicy()
SLOTS = 4
SERVICE = timedelta(minutes=3)
UTILISATION = 0.95
HIGH, LOW = 70, 10


def claim(conn: Connection, now: datetime, at_most: int) -> list[Claim]:
    return job_claim.claim_jobs(
        conn, worker="w", claim_token=uuid.uuid4(), at_most=at_most, lease_seconds=3600, now=now
    )


def age_all(conn: Connection, now: datetime) -> None:
    while job_aging.age_starved_jobs(conn, policy=POLICY, now=now).jobs:
        pass


def time_until_level(low: int, high: int) -> timedelta:
    """Return how long a job waits until aging has raised it from `low` to `high`."""
    steps = -(-(high - low) // POLICY.step)
    return POLICY.after + (steps - 1) * POLICY.every


@pytest.mark.parametrize("hours", [8, pytest.param(24, marks=pytest.mark.deep)])
def test_the_longest_wait_of_each_class_stays_under_the_bound_of_the_policy(
    conn: Connection, hours: int
) -> None:
    rng = random.Random(3)
    arrivals_per_second = UTILISATION * SLOTS / SERVICE.total_seconds()
    end = T0 + timedelta(hours=hours)
    now, number = T0, 0
    next_arrival = T0
    next_aging = T0 + POLICY.every
    running: list[tuple[datetime, int, Claim]] = []
    waited: dict[int, list[timedelta]] = defaultdict(list)
    arrived: dict[int, tuple[datetime, int, int]] = {}  # time, priority, low jobs that waited then
    over_bound: list[timedelta] = []
    # When aging has raised a low job to the high priority, only low jobs that are older come before
    # it. The next aging may be five minutes late, and a slot must become free.
    overtakes = time_until_level(LOW, HIGH) + POLICY.every + SERVICE

    while now < end or running:
        now = min(
            [next_aging]
            + ([next_arrival] if next_arrival < end else [])
            + ([running[0][0]] if running else [])
        )
        while running and running[0][0] <= now:
            jobs.complete(conn, claim=heapq.heappop(running)[2], outcome="crawled", now=now)
        if next_arrival <= now < end:
            number += 1
            priority = LOW if number % 10 == 0 else HIGH
            job_id = jobs.enqueue(conn, f"sub_{number}", priority=priority, now=now)
            ahead = sum(other == LOW for _, other, _ in arrived.values())
            arrived[job_id] = (now, priority, ahead)
            next_arrival += timedelta(seconds=rng.expovariate(arrivals_per_second))
        if next_aging <= now:
            age_all(conn, now)
            next_aging += POLICY.every
        for begun in claim(conn, now, SLOTS - len(running)) if len(running) < SLOTS else ():
            at, priority, ahead = arrived.pop(begun.job_id)
            waited[priority].append(now - at)
            over_bound.append(now - at - overtakes - ahead * SERVICE / SLOTS)
            heapq.heappush(running, (now + SERVICE, begun.job_id, begun))

    assert arrived == {}, "everything that arrived was begun"
    assert len(waited[LOW]) > 6 * hours
    assert max(over_bound) <= timedelta(0)
    assert max(waited[LOW]) > max(waited[HIGH]), "priority must still mean something"


def test_discovery_never_delays_a_request_of_a_user(conn: Connection) -> None:
    for chunk in range(5):
        enqueueing.enqueue_many(
            conn,
            subreddits_named=[f"found_{chunk}_{n}" for n in range(1_000)],
            priority=0,
            source=JobSource.DISCOVERY,
            now=T0,
        )
    later = T0 + timedelta(days=2)
    age_all(conn, later)
    crawling = claim(conn, later, SLOTS)
    assert {begun.priority for begun in crawling} == {40}
    asked_for = jobs.enqueue(conn, "wanted", priority=60, now=later)
    jobs.complete(conn, claim=crawling[0], outcome="crawled", now=later)
    (next_one,) = claim(conn, later, 1)
    assert next_one.job_id == asked_for
