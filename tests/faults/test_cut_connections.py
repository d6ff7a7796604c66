"""F5: a database connection is cut at each message: before, after or in the middle of it."""

import functools
import random

import pytest

from support.crew import Crew
from support.seeds import rng, seeded
from support.tcp_proxy import CutAt, Link, TcpProxy, Verdict
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

PAGES = 2
STEPS = 200  # the messages of a claim, two pages and a completion, and some more
KEEPER_STEPS = 73  # the keeper's messages: it connects, listens and extends the lease
FEW = 8  # tested steps in a run without --deep
WAYS = (Verdict.CUT, Verdict.CUT_AFTER, Verdict.HALF)


def few_or_all(request: pytest.FixtureRequest, steps: int, dice: random.Random) -> list[int]:
    every = list(range(1, steps + 1))
    return every if request.config.option.deep else sorted(dice.sample(every, FEW))


def is_keeper(link: Link) -> bool:
    return link.application.endswith("keeper")


def is_pooled(link: Link) -> bool:
    return not is_keeper(link)


def any_link(_link: Link) -> bool:
    return True


def is_over(queue: WatchedQueue, cut: CutAt) -> bool:
    queue.wake()
    return cut.is_done


def test_a_connection_cut_at_any_step_costs_no_attempt_and_no_page_is_lost_or_doubled(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy, request: pytest.FixtureRequest
) -> None:
    dice = rng(0, "cut")
    worker = crew.started(database_url=proxy.url, PAGES=str(PAGES), LEASE_SECONDS="60")
    for step in few_or_all(request, STEPS, dice):
        cut = proxy.rule = CutAt(step, is_pooled, dice.choice(WAYS))
        queue.enqueue(f"pages_{step}")

        wait_until(functools.partial(is_over, queue, cut), timeout=30, describe=crew.log)
    proxy.heal()
    queue.wait_until_ended(timeout=60, describe=crew.log)
    assert worker.is_alive()
    queue.check_ended()
    queue.check_pages(PAGES)


@seeded(1)
def test_connections_cut_again_and_again_lose_and_double_nothing(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy, seed: int
) -> None:
    dice = rng(seed, "cut again")
    for _ in range(2):
        crew.started(database_url=proxy.url, PAGES=str(PAGES), LEASE_SECONDS="3")
    for number in range(dice.randint(4, 8)):
        cut = proxy.rule = CutAt(dice.randint(1, 150), any_link, dice.choice(WAYS))
        queue.enqueue(*(f"pages_{number}_{n}" for n in range(dice.randint(1, 4))), max_retries=100)
        wait_until(functools.partial(is_over, queue, cut), timeout=30, describe=crew.log)
    proxy.heal()
    queue.wait_until_ended(timeout=60, describe=crew.log)
    assert len(crew.alive()) == 2
    queue.check()
    queue.check_pages(PAGES)


def test_a_keeper_cut_at_any_step_comes_back_and_keeps_the_claim(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy, request: pytest.FixtureRequest
) -> None:
    dice = rng(0, "cut keeper")
    worker = crew.started(database_url=proxy.url, LEASE_SECONDS="5", POLL_SECONDS="60")
    (job_id,) = queue.enqueue("hold_1")
    worker.wait_for("crawl.began")
    for step in few_or_all(request, KEEPER_STEPS, dice):
        cut = proxy.rule = CutAt(step, is_keeper, dice.choice(WAYS))
        proxy.cut("keeper")
        wait_until(functools.partial(is_over, queue, cut), timeout=30, describe=crew.log)
        queue.wait_until_extended(job_id, queue.lease(job_id))
    crew.open_gate("hold_1")
    queue.wait_until_ended(describe=crew.log)
    assert queue.outcomes(job_id) == ["succeeded"]
    queue.check_ended()
