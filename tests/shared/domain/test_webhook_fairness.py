"""Endpoints share the senders: four each, and slow ones only a half together."""

import random

import pytest

from crawljobs.domain.webhook_fairness import (
    IN_ALL,
    KEPT_FOR_PROVEN,
    PER_ENDPOINT,
    SLOW_IN_ALL,
    SLOW_SECONDS,
    DueEndpoint,
    shares,
)


def due(number: int, *, running: int = 0, waiting: int = 4, failing: bool = False) -> DueEndpoint:
    return DueEndpoint(number, running, waiting, failing)


def shares_of(*endpoints: DueEndpoint, free: int = IN_ALL, slow: int = 0) -> dict[int, int]:
    """Return the shares; an endpoint with a number from 100 on is slow."""
    return shares(
        endpoints,
        free=free,
        slow_running=slow,
        seconds_of=lambda number: SLOW_SECONDS * (number >= 100) + number / 1000,
    )


def test_an_endpoint_gets_what_it_may_have() -> None:
    assert shares_of(due(1), due(2, waiting=1), due(3, running=3), due(4, running=4)) == {
        1: 4,
        2: 1,
        3: 1,
    }
    assert shares_of(due(1, running=6)) == {}


def test_few_free_senders_are_given_in_turns() -> None:
    assert shares_of(due(1), due(2), due(3), free=5) == {1: 2, 2: 2, 3: 1}
    assert shares_of(due(1, failing=True), due(2), free=1) == {2: 1}
    assert shares_of(due(1), free=0) == {}


def test_slow_endpoints_come_last_and_leave_half_of_the_senders() -> None:
    assert shares_of(due(100), due(1), free=5) == {1: 4, 100: 1}
    many = [due(number) for number in range(100, 120)]
    assert sum(shares_of(*many).values()) == SLOW_IN_ALL
    assert sum(shares_of(*many, slow=SLOW_IN_ALL - 3).values()) == 3
    assert shares_of(*many, slow=SLOW_IN_ALL + 2) == {}
    assert list(shares_of(due(101), due(100), free=1)) == [100]


def test_new_endpoints_leave_senders_to_endpoints_that_have_answered() -> None:
    new = [DueEndpoint(number, 0, 4, failing=False, proven=False) for number in range(1, 50)]
    at_most = IN_ALL - KEPT_FOR_PROVEN

    def given(*endpoints: DueEndpoint, **running: int) -> dict[int, int]:
        options = {"free": IN_ALL, "slow_running": 0, **running}
        return shares(endpoints, seconds_of=lambda number: number >= 100, **options)

    assert sum(given(*new).values()) == at_most
    assert sum(given(*new, free=10, new_running=20, slow_running=2).values()) == at_most - 22
    assert given(*new, due(50), free=4, new_running=at_most) == {50: 4}
    assert given(new[0], due(50), free=5) == {50: 4, 1: 1}
    measured = DueEndpoint(100, 0, 4, failing=True, proven=False)
    assert given(measured, new_running=at_most) == {100: 4}, "its attempts have ended soon"


@pytest.mark.parametrize("seed", range(20))
def test_no_limit_is_exceeded(seed: int) -> None:
    chance = random.Random(seed)
    endpoints = [
        due(number, running=chance.randint(0, 5), waiting=chance.randint(1, 4))
        for number in chance.sample(range(200), chance.randint(0, 50))
    ]
    free, slow = chance.randint(0, IN_ALL), chance.randint(0, IN_ALL)
    given = shares_of(*endpoints, free=free, slow=slow)
    assert sum(given.values()) <= free
    by_id = {each.id: each for each in endpoints}
    for number, share in given.items():
        assert 0 < share <= min(by_id[number].due, PER_ENDPOINT - by_id[number].running)
    of_slow = sum(share for number, share in given.items() if number >= 100)
    assert of_slow <= max(0, SLOW_IN_ALL - slow)
