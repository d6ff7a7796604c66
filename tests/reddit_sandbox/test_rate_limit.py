"""A budget's windows follow the wall clock. Each client has its own budget."""

import threading
import time

import pytest

from reddit_sandbox.rate_window import Grant, RateWindow
from support import reddit_sandbox
from support.waiting import wait_until

# Seconds: no test reaches the end of a window this long. The year 2026 lies in the first window.
ENDLESS = 1_000_000_000


def test_a_window_counts_down_and_then_grants_nothing() -> None:
    window = RateWindow(3, 600, lambda: 1_200.0)
    assert [window.take("a") for _ in range(4)] == [
        Grant(2, 1, 600),
        Grant(1, 2, 600),
        Grant(0, 3, 600),
        None,
    ]


def test_windows_are_aligned_to_the_clock_and_not_to_the_first_request() -> None:
    now = 1_799.5
    window = RateWindow(1, 600, lambda: now)
    assert window.take("a") == Grant(0, 1, 1)
    now = 1_799.9
    assert window.take("a") is None
    now = 1_800.0
    assert window.take("a") == Grant(0, 1, 600)


def test_every_client_has_a_window_of_its_own() -> None:
    window = RateWindow(1, 600, lambda: 0.0)
    assert window.take("a") is not None
    assert window.take("b") is not None
    assert window.take("a") is None


def test_clients_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reddit_sandbox.rate_window.MOST_CLIENTS", 2)
    window = RateWindow(9, 600, lambda: 0.0)
    assert [bool(window.take(client)) for client in "abca"] == [True, True, False, True]


def test_the_headers_have_the_recorded_form() -> None:
    with reddit_sandbox.serve("--rate-limit", 1_000, "--rate-window", ENDLESS) as running:
        first = running.get("/r/pottery/about").headers
        second = running.get("/r/pottery/new").headers
    assert (first["x-ratelimit-remaining"], first["x-ratelimit-used"]) == ("999.0", "1")
    assert (second["x-ratelimit-remaining"], second["x-ratelimit-used"]) == ("998.0", "2")
    assert 0 < int(first["x-ratelimit-reset"]) <= ENDLESS


def test_beyond_the_limit_comes_an_html_429_without_the_headers() -> None:
    with reddit_sandbox.serve("--rate-limit", 3, "--rate-window", ENDLESS) as running:
        seen = [running.get("/r/pottery/about") for _ in range(5)]
        assert [reply.status_code for reply in seen] == [200, 200, 200, 429, 429]
        refused = seen[-1]
        assert refused.headers["retry-after"] == "4"
        assert refused.headers["content-type"] == "text/html; charset=UTF-8"
        assert "Too Many Requests" in refused.text
        assert not [name for name in refused.headers if name.startswith("x-ratelimit")]
        running.authorize("another client")
        assert running.get("/r/pottery/about").status_code == 200
        stats = running.http.get("/sandbox/stats").json()
        assert (stats["rate_limited"], stats["by_status"]["429"]) == (2, 2)


def test_the_budget_comes_back_with_the_next_window() -> None:
    with reddit_sandbox.serve("--rate-limit", 2, "--rate-window", 1) as running:

        def refused() -> bool:
            return running.get("/r/pottery/about").status_code == 429

        def granted_at_the_start_of_a_second() -> bool:
            return running.get("/r/pottery/about").status_code == 200 and time.time() % 1 < 0.5

        wait_until(refused, timeout=20, describe="the budget is spent")
        wait_until(granted_at_the_start_of_a_second, timeout=20, describe="a new window")


def test_many_clients_at_once_cannot_overdraw_a_window() -> None:
    window = RateWindow(500, 600, lambda: 0.0)
    granted: list[int] = []

    def draw() -> None:
        granted.append(sum(window.take("a") is not None for _ in range(100)))

    threads = [threading.Thread(target=draw) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 500


def test_the_limit_can_be_changed_while_it_runs() -> None:
    with reddit_sandbox.serve("--rate-limit", 100, "--rate-window", ENDLESS) as running:
        assert running.http.post("/sandbox/rate-limit", json={"limit": 1}).json() == {
            "rate_limit": 1
        }
        statuses = [running.get("/r/pottery/about").status_code for _ in range(2)]
        assert statuses == [200, 429]
        for wrong in ({}, {"limit": -1}, {"limit": "7"}, {"limit": True}, [1]):
            assert running.http.post("/sandbox/rate-limit", json=wrong).status_code == 422
