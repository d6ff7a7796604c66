"""The forecast of the budget: the requests of the live jobs, and the time when they are sent."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from crawljobs.domain import budget_forecast, budget_state
from crawljobs.domain.budget_forecast import LiveDemand
from crawljobs.domain.budget_state import ClientBudget, StoredBudget
from support.jobs import T0

DEMAND = LiveDemand(live_jobs=97, at_least=False, sent_by_running=30, requests_per_crawl=10.0)
MINUTE = timedelta(minutes=1)
# 970 requests are wanted less 30; a client id sends 970 requests in ten minutes.
WANTED = 97 * 10 - 30


def client(**changed: object) -> ClientBudget:
    stored = StoredBudget(
        client_id="a",
        next_slot_at=T0,
        window_started_at=None,
        reserved=0,
        others=0,
        requests_per_window=1_000,
        window_seconds=600,
        paused_until=None,
        throttles_in_a_row=0,
        last_throttled_at=None,
        recent_failures=0,
        outage_until=None,
        outages_in_a_row=0,
        paused_reason=None,
        paused_detail=None,
        probing_until=None,
        probe_good_at=None,
    )
    return budget_state.at(replace(stored, **changed), T0)  # type: ignore[arg-type]


def minutes(found: datetime | None) -> float | None:
    return None if found is None else (found - T0) / MINUTE


def test_the_queue_is_empty_when_its_requests_are_sent() -> None:
    found = budget_forecast.forecast(DEMAND, [client()], now=T0)
    assert (found.wanted_requests, found.requests_per_crawl) == (WANTED, 10.0)
    assert minutes(found.empty_at) == pytest.approx(WANTED / 97)
    two = budget_forecast.forecast(DEMAND, [client(), client(client_id="b")], now=T0)
    assert minutes(two.empty_at) == pytest.approx(WANTED / 97 / 2)
    old = client(client_id="old", next_slot_at=T0 - timedelta(days=2))
    assert budget_forecast.forecast(DEMAND, [client(), old], now=T0) == found


def test_a_pause_delays_the_end() -> None:
    later = T0 + 5 * MINUTE
    paused = budget_forecast.forecast(DEMAND, [client(paused_until=later)], now=T0)
    assert minutes(paused.empty_at) == pytest.approx(5 + WANTED / 97)
    of_queue = budget_forecast.forecast(DEMAND, [client()], now=T0, paused=True, paused_until=later)
    assert minutes(of_queue.empty_at) == pytest.approx(5 + WANTED / 97)


@pytest.mark.parametrize(
    ("demand", "clients", "paused"),
    [
        (DEMAND, [], False),
        (DEMAND, [client()], True),
        (replace(DEMAND, at_least=True), [client()], False),
        (replace(DEMAND, live_jobs=10**9), [client()], False),
    ],
)
def test_an_unknown_end_is_none(
    demand: LiveDemand, clients: list[ClientBudget], *, paused: bool
) -> None:
    found = budget_forecast.forecast(demand, clients, now=T0, paused=paused)
    assert found.empty_at is None
    assert found.wanted_requests >= WANTED


def test_a_crawl_that_sent_more_than_expected_wants_nothing() -> None:
    sent = replace(DEMAND, sent_by_running=10_000)
    found = budget_forecast.forecast(sent, [client()], now=T0)
    assert (found.wanted_requests, found.empty_at) == (0, T0)
    unknown = replace(DEMAND, requests_per_crawl=None, sent_by_running=0)
    assert budget_forecast.forecast(unknown, [], now=T0).wanted_requests == 97 * 100
