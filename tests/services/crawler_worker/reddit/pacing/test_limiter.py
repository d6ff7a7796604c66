"""Replies report Reddit's budget of requests, and each request waits for its slot in the budget."""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.pacing import limiter as limiters
from crawler_worker.reddit.pacing.budget_headers import report_of
from crawler_worker.reddit.pacing.circuit_breaker import CircuitBreaker
from crawler_worker.reddit.pacing.limiter import Limiter
from crawler_worker.reddit.pacing.pause_reports import PauseLog
from crawljobs.db.database import Database
from crawljobs.domain.request_budget import BudgetReport, Slot
from crawljobs.repository.reddit_api import reddit_pauses
from crawljobs.runtime import jitter

CLIENT_ID = "tests"
RUNNING = threading.Event()


def pause(database: Database, seconds: float) -> None:
    database.run(lambda conn: reddit_pauses.pause_all(conn, client_id=CLIENT_ID, seconds=seconds))


def test_a_slot_beyond_the_longest_wait_is_refused_with_the_time_it_comes(
    database: Database,
) -> None:
    limiter = Limiter(database, client_id=CLIENT_ID, longest_wait=30)
    limiter.wait_for_slot(RUNNING)
    pause(database, 300)
    with pytest.raises(crawl_failures.SlotTooLate) as caught:
        limiter.wait_for_slot(RUNNING)
    assert 290 < caught.value.resume_in <= 300
    assert (caught.value.kind, caught.value.reason) == ("deferred", "rate_limit")


def test_what_nobody_asked_for_steps_back_when_the_queue_does_not_end(database: Database) -> None:
    limiter = Limiter(database, client_id=CLIENT_ID, longest_wait=30)
    limiter.wait_for_slot(RUNNING)
    limiter.learn(Slot(0.0, taken=True), {})
    with database.begin() as conn:
        conn.execute(text("UPDATE reddit_budgets SET next_slot_at = now() + interval '20 s'"))
    waits: list[float] = []

    class Queueing(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    with pytest.raises(crawl_failures.SlotTooLate) as caught:
        limiter.wait_for_slot(Queueing(), in_background=True)
    assert 30 <= sum(waits) < 32
    assert 30 <= caught.value.resume_in <= 60


def test_a_worker_that_slept_while_another_met_a_429_does_not_ask(database: Database) -> None:
    """The worker reserved its slot before the pause began."""
    limiter = Limiter(database, client_id=CLIENT_ID, longest_wait=30)
    limiter.wait_for_slot(RUNNING)  # after this slot, the next one is 0.6 s away

    class PausedWhileAsleep(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pause(database, 300)
            return False

    limiter.learn(Slot(0.0, taken=True), {})
    with pytest.raises(crawl_failures.SlotTooLate):
        limiter.wait_for_slot(PausedWhileAsleep())


@pytest.mark.parametrize(
    ("sent_ago", "pause_seconds"), [([20], 10), ([5, 20], 5), ([20, 5], 5), ([], 10)]
)
def test_the_newest_request_with_a_good_reply_decides_whether_pauses_grow(
    database: Database, sent_ago: list[int], pause_seconds: int
) -> None:
    """Replies arrive in another order than their requests. The first pause ended 10 s ago."""
    limiter = Limiter(database, client_id=CLIENT_ID, longest_wait=30)
    limiter.wait_for_slot(RUNNING)
    limiter.pause_all(None)
    with database.begin() as conn:
        conn.execute(text("UPDATE reddit_budgets SET paused_until = now() - interval '10 s'"))
    for seconds in sent_ago:
        limiter.record_good(time.monotonic() - seconds)
    assert pause_seconds - 2 < limiter.pause_all(None) <= pause_seconds


def test_a_pause_is_logged_once_by_each_process_that_met_it(database: Database) -> None:
    pause_log = PauseLog()
    limiter = Limiter(database, client_id=CLIENT_ID, pause_log=pause_log)
    other = Limiter(database, client_id=CLIENT_ID)
    breaker = CircuitBreaker(
        database, client_id=CLIENT_ID, pause_log=pause_log, on_reply=limiter.has_replied
    )
    limiter.wait_for_slot(RUNNING)
    with structlog.testing.capture_logs() as told:
        for _ in range(3):
            limiter.pause_all(300)
        other.pause_all(None)
        breaker.failed()
    assert [(line["event"], line["reason"]) for line in told] == [("reddit.paused", "429")] * 2
    assert 290 < told[0]["seconds"] <= 300
    assert [line["detail"] for line in told] == [
        "Reddit answered 429 with a pause of 300 s",
        "Reddit answered 429 without a duration",
    ]


def test_a_slot_that_was_overslept_is_not_spent_from_the_next_window(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = Limiter(database, client_id=CLIENT_ID, longest_wait=600)
    limiter.wait_for_slot(RUNNING)
    limiter.learn(Slot(0.0, taken=True), {})
    with database.begin() as conn:
        conn.execute(
            text(
                "UPDATE reddit_budgets SET window_seconds = 60, "
                "next_slot_at = clock_timestamp() + interval '20 s'"
            )
        )
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(limiters, "time", SimpleNamespace(monotonic=lambda: clock.now))
    slept: list[float | None] = []

    class Overslept(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            slept.append(timeout)
            if len(slept) == 1:
                clock.now += 120.0  # the end of both budget windows that may contain the slot
            return False

    limiter.wait_for_slot(Overslept())
    assert len(slept) == 2  # the limiter waited again, for a new slot


@pytest.mark.parametrize(("draw", "pause", "resume_in"), [(0.0, 0.4, 30.0), (1.0, 1.2, 60.0)])
def test_background_requests_poll_and_return_at_random_times(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    draw: float,
    pause: float,
    resume_in: float,
) -> None:
    monkeypatch.setattr(jitter, "uniform", lambda least, most: least + draw * (most - least))
    limiter = Limiter(database, client_id=CLIENT_ID, longest_wait=2)
    limiter.wait_for_slot(RUNNING)
    limiter.has_replied()
    with database.begin() as conn:
        conn.execute(text("UPDATE reddit_budgets SET next_slot_at = now() + interval '1.5 s'"))
    stop = Polls()
    with pytest.raises(crawl_failures.SlotTooLate) as caught:
        limiter.wait_for_slot(stop, in_background=True)
    assert stop.waits[0] == pytest.approx(pause)
    assert caught.value.resume_in == pytest.approx(resume_in)


class Polls(threading.Event):
    """Remembers its waits. `after` is called in the first one."""

    def __init__(self, after: Callable[[], object] = lambda: None, *, is_told: bool = False):
        super().__init__()
        self.waits: list[float] = []
        self._after, self._is_told = after, is_told

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) == 1:
            self._after()
        return self._is_told

    def scouting(self) -> int:
        return self.waits.count(limiters.SCOUT_POLL_SECONDS)


ENDS: dict[str, Callable[[Limiter], object]] = {
    "a reply": lambda limiter: limiter.learn(Slot(0.0, taken=True), {}),
    "a failure": lambda limiter: limiter.has_replied(),
    "a 429": lambda limiter: limiter.pause_all(0.0),
}


@pytest.mark.parametrize("end", ENDS)
def test_other_requests_wait_only_until_the_first_one_has_ended(
    database: Database, end: str
) -> None:
    limiter = Limiter(database, client_id=CLIENT_ID)
    limiter.wait_for_slot(RUNNING)
    second = Polls(lambda: ENDS[end](limiter))
    limiter.wait_for_slot(second)
    assert second.scouting() == 1


def test_other_requests_wait_two_seconds_for_the_first_reply(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)

    def tick() -> float:
        clock.now += 0.25
        return float(clock.now)

    limiter = Limiter(database, client_id=CLIENT_ID)
    limiter.wait_for_slot(RUNNING)
    with monkeypatch.context() as patched:
        patched.setattr(limiters, "time", SimpleNamespace(monotonic=tick))
        second = Polls()
        limiter.wait_for_slot(second)
    # One look at the clock gives the end. Seven more lie before it.
    assert second.scouting() == 7
    third = Polls()
    limiter.wait_for_slot(third)
    assert third.scouting() == 0
    with pytest.raises(crawl_failures.Interrupted, match="first reply"):
        other = Limiter(database, client_id=CLIENT_ID)
        other.wait_for_slot(RUNNING)
        other.wait_for_slot(Polls(is_told=True))


@pytest.mark.parametrize(
    ("used", "remaining", "reset", "report"),
    [
        ("3", "997.0", "120", BudgetReport(3, 997, 120)),
        ("3", "-1", "120", None),
        ("3", "nan", "120", None),
        ("x", "997.0", "120", None),
        ("0", "0.0", "120", None),
        ("3", "1e300", "120", None),
        ("3", "997.0", "1e9", None),
    ],
)
def test_headers_that_make_no_sense_are_no_report(
    used: str, remaining: str, reset: str, report: BudgetReport | None
) -> None:
    headers = {"x-ratelimit-used": used, "x-ratelimit-remaining": remaining}
    assert report_of({**headers, "x-ratelimit-reset": reset}) == report
    assert report_of(headers) is None
