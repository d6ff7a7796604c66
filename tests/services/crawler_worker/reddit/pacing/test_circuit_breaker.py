"""What the circuit breaker logs and reports when pauses begin and end."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.pacing.circuit_breaker import CircuitBreaker
from crawler_worker.reddit.pacing.pause_reports import PauseLog
from crawljobs.domain.request_budget import Pause, PausedReason, Slot


class Circuit:
    """A breaker whose statements return `value`, and the number of its reported replies."""

    def __init__(self, value: Any = None) -> None:
        self.replies = self.statements = 0
        self._value = value
        database: Any = self
        self.breaker = CircuitBreaker(
            database, client_id="tests", pause_log=PauseLog(), on_reply=self._count
        )

    def run(self, _work: object) -> Any:
        self.statements += 1
        return self._value

    def _count(self) -> None:
        self.replies += 1


def events(logged: list[Any]) -> list[tuple[str, str, object]]:
    return [(line["log_level"], line["event"], line["reason"]) for line in logged]


def test_a_failure_that_opens_the_circuit_is_logged() -> None:
    circuit, closed = Circuit(30.0), Circuit(0.0)
    with capture_logs() as logged:
        assert circuit.breaker.failed("503") == 30.0
        assert closed.breaker.failed("503") == 0.0
    assert (circuit.replies, closed.replies) == (1, 1)
    assert events(logged) == [("warning", "reddit.paused", "outage")]
    assert logged[0]["detail"] == "503"


@pytest.mark.parametrize("before", [None, *PausedReason])
def test_only_the_end_of_a_refusal_is_logged(before: PausedReason | None) -> None:
    circuit = Circuit(before)
    with capture_logs() as logged:
        circuit.breaker.accepted()
    assert circuit.replies == 1
    is_refusal = before in (PausedReason.CLIENT_REFUSED, PausedReason.CREDENTIALS_REFUSED)
    expected = [("error", "reddit.accepted_again", before)] if is_refusal else []
    assert events(logged) == expected


@pytest.mark.parametrize(
    ("reason", "is_probe", "expected"),
    [
        (PausedReason.OUTAGE, False, [("warning", "reddit.paused", "outage")]),
        # The probe extends a pause that was logged when it began.
        (PausedReason.OUTAGE, True, []),
        (
            PausedReason.CLIENT_REFUSED,
            False,
            [("error", "reddit.refused", PausedReason.CLIENT_REFUSED)],
        ),
        (
            PausedReason.CREDENTIALS_REFUSED,
            True,
            [("error", "reddit.refused", PausedReason.CREDENTIALS_REFUSED)],
        ),
    ],
)
def test_a_pause_is_logged_by_its_reason(
    reason: PausedReason, expected: list[Any], *, is_probe: bool
) -> None:
    circuit = Circuit(Pause(reason, "why", 45.0, is_new=True))
    with capture_logs() as logged:
        failure = circuit.breaker.pause_for(reason, "403", is_probe=is_probe)
    assert isinstance(failure, crawl_failures.Outage)
    assert "(why)" in str(failure)
    assert (failure.resume_in, circuit.replies) == (45.0, 1)
    assert events(logged) == expected


def test_a_good_reply_is_stored_only_after_failed_ones() -> None:
    circuit = Circuit()
    circuit.breaker.record_success(Slot(0.0, taken=True))
    assert circuit.statements == 0
    circuit.breaker.record_success(Slot(0.0, taken=True, troubled=True))
    assert circuit.statements == 1
