"""F7 and F8: a network that is cut, slow or half-open, and a LISTEN that died silently."""

import random
from datetime import timedelta

import pytest

from crawljobs.domain.job import JobStatus
from support import tcp_proxy
from support.crew import LEASE_SECONDS, Crew
from support.seeds import rng, seeded
from support.service_process import when
from support.tcp_proxy import TcpProxy, Verdict
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

DEADLINE_SECONDS = 30
LONG_POLL = {"POLL_SECONDS": "300"}


def test_a_partitioned_worker_stops_by_its_own_clock_before_its_lease_ends(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    (job_id,) = queue.enqueue("hold_1")
    lonely = crew.started(database_url=proxy.url)
    lonely.wait_for("crawl.began")
    proxy.stall()
    lease = queue.job(job_id).lease_expires_at
    assert lease is not None
    stopped = lonely.wait_for("crawl.ended")
    assert when(stopped) < lease
    other = crew.started()
    crew.open_gate("hold_1")
    queue.wait_for(job_id, JobStatus.SUCCEEDED)
    proxy.heal()
    assert [(one.outcome, one.worker) for one in queue.attempts(job_id)] == [
        ("lease_expired", lonely.name),
        ("succeeded", other.name),
    ]
    lonely.wait_for("claim.lost")
    other.kill()
    (later,) = queue.enqueue("pages_1")
    queue.wait_for(later, JobStatus.SUCCEEDED)
    assert queue.attempts(later)[0].worker == lonely.name
    queue.check_ended(charged={job_id: 1})


def test_an_outage_that_everybody_met_charges_nobody(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    """The server does not restart, so its start time does not show that no lease was extended."""
    jobs = queue.enqueue("hold_1", "gate_1", "pages_1")
    worker = crew.started(database_url=proxy.url, PAGES="40", LEASE_SECONDS="3")
    wait_until(lambda: len(queue.claimed()) == 3, timeout=20, describe=crew.log)
    proxy.rule = lambda _message: Verdict.CUT  # connections end at once, so no timeout is needed
    proxy.cut()
    expired = "SELECT count(*) FROM crawl_jobs WHERE lease_expires_at < clock_timestamp()"
    wait_until(lambda: queue.value(expired) == 3, timeout=20, describe=crew.log)
    worker.wait_for("maintenance.postponed", task="rescue")
    # The pools can connect again, but the keeper cannot.
    proxy.rule = lambda message: (
        Verdict.CUT if message.link.application.endswith("keeper") else Verdict.PASS
    )
    for number in range(6):
        wait_for_a_sweep(queue, f"later_{number}")
    assert queue.job(jobs[1]).status is JobStatus.CRAWLING
    proxy.heal(lose=True)
    crew.open_gate("hold_1")
    crew.open_gate("gate_1")
    queue.wait_until_ended(describe=crew.log)
    outcomes = {outcome for job_id in jobs for outcome in queue.outcomes(job_id)}
    assert outcomes <= {"succeeded", "deferred", "released"}
    queue.check_ended()


def wait_for_a_sweep(queue: WatchedQueue, name: str) -> None:
    """Wait until a sweep has run once more: until a job whose time has come is requeued."""
    soon = queue.value("SELECT clock_timestamp() + interval '10 milliseconds'")
    (job_id,) = queue.enqueue(f"pages_{name}", visible_at=soon)
    wait_until(
        lambda: queue.job(job_id).status is not JobStatus.WAITING,
        timeout=20,
        describe=lambda: queue.job(job_id),
    )


def test_a_half_open_connection_is_given_up_and_replaced_whichever_half_it_is(
    queue: WatchedQueue, crew: Crew, database_url: str
) -> None:
    with tcp_proxy.serve(database_url) as deaf, tcp_proxy.serve(database_url) as mute:
        workers = [
            crew.started(database_url=proxy.url, PAGES="30", WORKER_CONCURRENCY="1")
            for proxy in (deaf, mute)
        ]
        jobs = queue.enqueue("pages_1", "pages_2")
        wait_until(
            lambda: all(queue.job(job_id).checkpoint for job_id in jobs),
            timeout=20,
            describe=crew.log,
        )
        deaf.stall(to_server=False)
        mute.stall(to_client=False)
        for worker in workers:
            worker.wait_for("keeper.disconnected", timeout=LEASE_SECONDS + 10)
            worker.wait_for("crawl.ended", timeout=LEASE_SECONDS + 10)
        for proxy in (deaf, mute):
            proxy.heal(lose=True)
        queue.wait_until_ended(describe=crew.log)
        queue.check()
        queue.check_pages(30)
    assert len(crew.alive()) == 2


def test_sigterm_ends_a_partitioned_worker_in_time(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    worker = crew.started(database_url=proxy.url, DRAIN_SECONDS="1")
    queue.enqueue("hold_1", "pages_1")
    worker.wait_for("crawl.began")
    proxy.stall()
    code, seconds = worker.terminate()
    assert code == 0
    # DRAIN_SECONDS, a lease for a missing reply, two tries to connect, and 2 s in addition.
    assert seconds < 1 + LEASE_SECONDS + 2 * 5 + 2
    proxy.heal(lose=True)
    crew.open_gate("hold_1")
    crew.started()
    queue.wait_until_ended(describe=crew.log)
    queue.check()


def test_a_slow_network_costs_time_alone(queue: WatchedQueue, crew: Crew, proxy: TcpProxy) -> None:
    proxy.latency_seconds = 0.02
    crew.started(database_url=proxy.url)
    queue.enqueue(*(f"pages_{number}" for number in range(3)))
    queue.wait_until_ended(describe=crew.log)
    queue.check_ended()
    queue.check_pages(3)


@pytest.mark.deep
def test_a_network_slower_than_any_deadline_is_an_outage_for_its_worker_alone(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    slow = crew.started(database_url=proxy.url)
    (first,) = queue.enqueue("hold_1")
    slow.wait_for("crawl.began")
    proxy.latency_seconds = 5.0
    slow.wait_for("crawl.ended", timeout=LEASE_SECONDS + 10)
    other = crew.started()
    crew.open_gate("hold_1")
    queue.enqueue(*(f"pages_{number}" for number in range(6)))
    queue.wait_until_ended(describe=crew.log)
    assert queue.attempts(first)[-1].worker == other.name
    other.kill()
    proxy.heal()
    (later,) = queue.enqueue("pages_later")
    queue.wait_for(later, JobStatus.SUCCEEDED)
    queue.check_ended(charged={first: 1})


def test_a_listen_that_died_unheard_is_noticed_by_the_ping(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    worker = crew.started(database_url=proxy.url, LEASE_SECONDS="3", **LONG_POLL)
    dead = wait_until(lambda: queue.backends("%keeper"), timeout=20, describe=crew.log)
    proxy.stall_those_open()
    worker.wait_for("keeper.disconnected", timeout=DEADLINE_SECONDS)
    # The keeper's next connection works, and a notification starts jobs at once again.
    wait_until(
        lambda: set(queue.backends("%keeper")) - set(dead),
        timeout=DEADLINE_SECONDS,
        describe=crew.log,
    )
    (job_id,) = queue.enqueue("pages_1")
    queue.wait_for(job_id, JobStatus.SUCCEEDED)
    queue.check_ended()


@seeded(1)
def test_without_notifications_jobs_start_within_the_poll_interval(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy, seed: int
) -> None:
    dice = rng(seed, "silent listen")
    poll_seconds = 1.0
    # The lease is so long that the keeper sends no ping during this test. So it does not notice
    # that its connection is dead.
    worker = crew.started(
        database_url=proxy.url, LEASE_SECONDS="60", POLL_SECONDS=str(poll_seconds)
    )
    (heard,) = queue.enqueue("pages_heard")
    queue.wait_for(heard, JobStatus.SUCCEEDED)
    proxy.stall("keeper")
    for number in range(3):
        # Each job is enqueued at another random moment of the poll interval.
        later = queue.value("SELECT clock_timestamp() + :by", by=timedelta(seconds=dice.random()))
        wait_until(
            lambda later=later: queue.value("SELECT clock_timestamp()") > later,
            timeout=20,
            describe="the clock to go on",
        )
        (job_id,) = queue.enqueue(f"pages_{number}")
        queue.wait_for(job_id, JobStatus.SUCCEEDED)
        (attempt,) = queue.attempts(job_id)
        waited = attempt.started_at - queue.job(job_id).created_at
        assert waited < timedelta(seconds=1.2 * poll_seconds + 1), crew.log()
    assert not worker.logged("keeper.disconnected")
    queue.check_ended()


@seeded(1)
def test_whatever_the_network_does_nothing_is_lost_doubled_or_written_without_a_claim(
    queue: WatchedQueue, crew: Crew, database_url: str, seed: int
) -> None:
    dice = rng(seed, "network")
    with tcp_proxy.serve(database_url) as one, tcp_proxy.serve(database_url) as two:
        for proxy in (one, two):
            crew.started(database_url=proxy.url, PAGES="20", PAGE_SECONDS="0.05")
        queue.enqueue(*(f"pages_{number}" for number in range(12)), max_retries=100)
        for _ in range(dice.randint(3, 5)):
            stored = queue.pages_stored()
            proxy, other = dice.sample((one, two), 2)
            other.heal(lose=dice.random() < 0.5)
            trouble(proxy, dice)
            # The trouble lasts until the other worker has stored some pages.
            queue.wait_until_stored(stored + dice.randint(1, 15))
        one.heal(lose=dice.random() < 0.5)
        two.heal()
        queue.wait_until_ended(timeout=60, describe=crew.log)
        assert len(crew.alive()) == 2
        queue.check()
        queue.check_pages(20)


def trouble(proxy: TcpProxy, dice: random.Random) -> None:
    kind = dice.choice(["stall", "half", "cut", "latency", "old ones"])
    if kind == "stall":
        proxy.stall()
    elif kind == "half":
        way = dice.random() < 0.5
        proxy.stall(to_server=way, to_client=not way)
    elif kind == "cut":
        proxy.cut()
    elif kind == "latency":
        proxy.latency_seconds = dice.uniform(0.01, 0.5)
    else:
        proxy.stall_those_open()
