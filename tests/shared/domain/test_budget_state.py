"""The state of a client id's budget at a given time, computed from its row."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from crawljobs.domain import budget_state
from crawljobs.domain.budget_state import BudgetState, Credentials, StoredBudget
from crawljobs.domain.request_budget import PausedReason
from support.jobs import T0

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
WINDOW = T0.replace(minute=T0.minute // 10 * 10, second=0, microsecond=0)
NOW = WINDOW + 4 * MINUTE
IDLE = StoredBudget(
    client_id="me",
    next_slot_at=NOW - MINUTE,
    window_started_at=WINDOW,
    reserved=400,
    others=30,
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


def test_a_client_that_may_ask_shows_what_is_left_of_its_window() -> None:
    found = budget_state.at(IDLE, NOW)
    assert (found.state, found.reason, found.remedy) == (BudgetState.AVAILABLE, None, None)
    assert (found.usable, found.reserved, found.others, found.remaining) == (970, 400, 30, 570)
    assert (found.window_started_at, found.window_ends_at) == (WINDOW, WINDOW + 10 * MINUTE)
    assert (found.paused_until, found.next_probe_at, found.probing) == (None, None, False)
    assert (found.next_slot_at, found.credentials) == (NOW, Credentials.ACCEPTED)


@pytest.mark.parametrize(
    ("window", "left"),
    [
        (None, 970),
        (WINDOW - 10 * MINUTE, 970),  # the stored window has ended
        (WINDOW, 570),
        (WINDOW + 10 * MINUTE, 0),  # slots of the next window are reserved, so this window is full
    ],
)
def test_a_window_counts_its_own_requests_alone(window: datetime | None, left: int) -> None:
    row = replace(IDLE, window_started_at=window)
    assert budget_state.at(row, NOW).remaining == left


def test_a_smaller_window_and_a_cap_of_one_are_understood() -> None:
    row = replace(IDLE, requests_per_window=1, window_seconds=7, reserved=9)
    found = budget_state.at(row, NOW)
    assert (found.usable, found.window_ends_at - found.window_started_at) == (1, 7 * SECOND)
    assert found.window_started_at <= NOW < found.window_ends_at
    since_1970 = int(found.window_started_at.timestamp())
    assert since_1970 % 7 == 0  # the database counts windows from 1970 too


REFUSED = {PausedReason.CLIENT_REFUSED: "blocked", PausedReason.CREDENTIALS_REFUSED: "correct"}


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (None, PausedReason.OUTAGE),  # a row of an older release
        ("rate_limit", PausedReason.OUTAGE),
        ("outage", PausedReason.OUTAGE),
        ("a_later_one", PausedReason.OUTAGE),
        ("client_refused", PausedReason.CLIENT_REFUSED),
        ("credentials_refused", PausedReason.CREDENTIALS_REFUSED),
    ],
)
def test_an_open_breaker_shows_its_reason_and_the_time_of_the_next_probe(
    stored: str | None, reason: PausedReason
) -> None:
    until = NOW + MINUTE
    row = replace(IDLE, outage_until=until, paused_reason=stored, paused_detail="403 text/html")
    found = budget_state.at(row, NOW)
    assert (found.state, found.reason) == (BudgetState.PAUSED, reason)
    assert (found.detail, found.paused_until) == ("403 text/html", until)
    assert (found.next_probe_at, found.next_slot_at) == (until, until)
    assert found.remedy is not None
    assert REFUSED.get(reason, "by themselves") in found.remedy
    is_refused = reason is PausedReason.CREDENTIALS_REFUSED
    assert found.credentials is (Credentials.REFUSED if is_refused else Credentials.ACCEPTED)
    # The pause has ended, but perhaps its cause has not.
    later = budget_state.at(row, until + SECOND)
    assert (later.state, later.reason, later.paused_until) == (BudgetState.PROBE_DUE, reason, None)


def test_a_429_pauses_until_its_end() -> None:
    row = replace(IDLE, paused_until=NOW + MINUTE, paused_reason="rate_limit", throttles_in_a_row=2)
    found = budget_state.at(row, NOW)
    assert (found.state, found.reason) == (BudgetState.PAUSED, PausedReason.RATE_LIMIT)
    assert (found.paused_until, found.next_probe_at, found.detail) == (NOW + MINUTE, None, None)
    after = budget_state.at(row, NOW + MINUTE)
    assert (after.state, after.reason, after.throttles_in_a_row) == (BudgetState.AVAILABLE, None, 2)
    assert budget_state.at(row, NOW + 11 * MINUTE).throttles_in_a_row == 0


def test_what_was_never_used_or_not_for_a_day_says_so() -> None:
    unused = replace(IDLE, window_started_at=None, next_slot_at=NOW - timedelta(days=2))
    found = budget_state.at(unused, NOW)
    assert (found.in_use, found.credentials) == (False, Credentials.UNKNOWN)
    assert budget_state.at(IDLE, NOW).in_use


def test_a_probe_under_way_and_replies_that_failed_are_told() -> None:
    row = replace(IDLE, probing_until=NOW + SECOND, recent_failures=0b1011, probe_good_at=T0)
    found = budget_state.at(row, NOW)
    assert (found.probing, found.failed_replies, found.last_accepted_at) == (True, 3, T0)
    assert not budget_state.at(row, NOW + SECOND).probing


@pytest.mark.parametrize(
    ("idle", "in_use"),
    [(timedelta(days=1), False), (timedelta(days=1) - SECOND, True)],
)
def test_a_client_id_counts_as_in_use_for_a_day(idle: timedelta, in_use: bool) -> None:
    assert budget_state.at(replace(IDLE, next_slot_at=NOW - idle), NOW).in_use is in_use


@pytest.mark.parametrize(
    ("window", "spent"),
    [
        (None, (0, 0)),
        (WINDOW - 10 * MINUTE, (0, 0)),
        (WINDOW, (400, 30)),
        (WINDOW + 10 * MINUTE, (970, 0)),
    ],
)
def test_a_window_shows_the_requests_of_other_programs(
    window: datetime | None, spent: tuple[int, int]
) -> None:
    found = budget_state.at(replace(IDLE, window_started_at=window), NOW)
    assert (found.reserved, found.others) == spent


def test_no_request_remains_of_a_window_that_is_overdrawn() -> None:
    assert budget_state.at(replace(IDLE, reserved=969), NOW).remaining == 1
    assert budget_state.at(replace(IDLE, reserved=970), NOW).remaining == 0
    assert budget_state.at(replace(IDLE, reserved=1_000), NOW).remaining == 0


def test_a_pause_that_ends_now_is_over() -> None:
    row = replace(IDLE, outage_until=NOW, paused_reason="outage", paused_detail="HTTP 500")
    found = budget_state.at(row, NOW)
    assert (found.state, found.paused_until) == (BudgetState.PROBE_DUE, None)
    assert (found.next_probe_at, found.detail) == (NOW, "HTTP 500")


def test_of_two_pauses_the_later_end_counts_and_a_later_slot_counts_too() -> None:
    row = replace(IDLE, outage_until=NOW + MINUTE, paused_until=NOW + 3 * MINUTE)
    found = budget_state.at(row, NOW)
    assert (found.paused_until, found.next_slot_at) == (NOW + 3 * MINUTE, NOW + 3 * MINUTE)
    reserved = budget_state.at(replace(row, next_slot_at=NOW + 5 * MINUTE), NOW)
    assert reserved.next_slot_at == NOW + 5 * MINUTE


@pytest.mark.parametrize(("seconds", "in_a_row"), [(599, 2), (600, 0)])
def test_a_series_of_429s_ends_a_window_after_the_last_pause(seconds: int, in_a_row: int) -> None:
    ended = NOW - timedelta(seconds=seconds)
    row = replace(
        IDLE, throttles_in_a_row=2, last_throttled_at=ended - 9 * MINUTE, paused_until=ended
    )
    assert budget_state.at(row, NOW).throttles_in_a_row == in_a_row


def test_a_probe_that_reddit_answered_shows_accepted_credentials() -> None:
    unused = replace(IDLE, window_started_at=None, probe_good_at=NOW - MINUTE)
    assert budget_state.at(unused, NOW).credentials is Credentials.ACCEPTED
