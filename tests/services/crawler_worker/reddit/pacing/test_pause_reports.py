"""The failure of a request during a pause, and the log lines about pauses."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.pacing import pause_reports
from crawler_worker.reddit.pacing.pause_reports import PauseLog
from crawljobs.domain import budget_state
from crawljobs.domain.request_budget import Pause, PausedReason


@pytest.mark.parametrize(
    ("reason", "detail", "message"),
    [
        (None, "", "Reddit is in trouble; the next probe is in 12 s"),
        (PausedReason.OUTAGE, "503", "Reddit is in trouble (503); the next probe is in 12 s"),
        (
            PausedReason.CLIENT_REFUSED,
            "403",
            (
                "Reddit refuses the client: its id or address is blocked (403); "
                "the next probe is in 12 s"
            ),
        ),
        (
            PausedReason.CREDENTIALS_REFUSED,
            "",
            "Reddit refuses the credentials or each of their tokens; the next probe is in 12 s",
        ),
    ],
)
def test_a_failure_names_the_cause_of_the_pause(
    reason: PausedReason | None, detail: str, message: str
) -> None:
    failure = pause_reports.outage(12.3, reason, detail)
    assert (str(failure), failure.resume_in) == (message, 12.3)
    is_refused = reason is PausedReason.CREDENTIALS_REFUSED
    assert isinstance(failure, crawl_failures.CredentialsRefused) is is_refused


def test_only_the_worker_that_began_it_logs_that_reddit_refuses_the_client() -> None:
    with capture_logs() as logged:
        for reason in PausedReason:
            for is_new in (True, False):
                pause_reports.log_refused(Pause(reason, "403", 12.345, is_new=is_new))
    assert logged == [
        {
            "event": "reddit.refused",
            "log_level": "error",
            "reason": reason,
            "detail": "403",
            "remedy": budget_state.REMEDIES[reason],
            "seconds": 12.3,
        }
        for reason in (PausedReason.CLIENT_REFUSED, PausedReason.CREDENTIALS_REFUSED)
    ]


def test_a_line_about_a_pause_has_a_detail_only_if_there_is_one() -> None:
    with capture_logs() as logged:
        pause_reports.log_paused("429", 12.345, "")
        pause_reports.log_paused("outage", 5, "503")
    paused = {"event": "reddit.paused", "log_level": "warning"}
    assert logged == [
        {**paused, "reason": "429", "seconds": 12.3},
        {**paused, "reason": "outage", "seconds": 5, "detail": "503"},
    ]


def test_a_pause_is_logged_when_it_begins_and_not_when_it_is_extended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(pause_reports, "time", SimpleNamespace(monotonic=lambda: clock.now))
    pauses = PauseLog()
    logged_at = []
    for now, seconds in (
        (1_000, 10),
        (1_005, 10),  # until 1,015
        (1_014, 0.5),  # ends earlier, so it changes nothing
        (1_014.9, 1),  # until 1,015.9
        (1_015.9, 0.5),
        (1_016.4, 0),  # no pause
        (1_020, 100),
        (1_030, 1),
        (1_119, 1),
        (1_120, 5),
    ):
        clock.now = float(now)
        with capture_logs() as logged:
            pauses.record(seconds, "outage")
        logged_at += [now] * len(logged)
    assert logged_at == [1_000, 1_015.9, 1_020, 1_120]
