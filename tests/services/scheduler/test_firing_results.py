"""A firing is counted in the metrics, and its span is sent."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from crawljobs.domain import trace_context
from crawljobs.domain.job import Enqueued, EnqueueResult
from crawljobs.domain.schedule import RunOutcome
from crawljobs.runtime import tracing
from scheduler import firing_counters
from scheduler.firing_results import Disabled, Fired
from scheduler.firing_traces import FiringTraces

SCHEDULE: Any = SimpleNamespace(id=7, subreddit="python", step_count=None)
CREATED = Enqueued(12, "python", EnqueueResult.CREATED)


def fired(enqueued: Enqueued | None = CREATED, late: float = 0.0) -> Fired:
    outcome = RunOutcome.SKIPPED if enqueued is None else RunOutcome.ENQUEUED
    firing: Any = SimpleNamespace()
    return Fired(SCHEDULE, firing, outcome, enqueued, timedelta(seconds=late), missed=0)


@pytest.mark.parametrize(("late", "observed"), [(2.5, 2.5), (0.0, 0.0), (-3.0, 0.0)])
def test_the_delay_of_a_firing_is_measured_and_is_never_negative(
    late: float, observed: float
) -> None:
    def total() -> float:
        return REGISTRY.get_sample_value("crawl_schedule_delay_seconds_sum") or 0.0

    before = total()
    firing_counters.count(fired(late=late))
    assert total() - before == pytest.approx(observed)


class Sent:
    """Replaces the recorder of OpenTelemetry, and keeps the spans that are sent."""

    def __init__(self) -> None:
        self.spans: list[dict[str, object]] = []

    def begin(self, name: str, kind: str, *, attributes: Any, **_: object) -> Any:
        values = {"name": name, "kind": kind, **attributes}
        return SimpleNamespace(
            context=trace_context.new(),
            set_attributes=values.update,
            end=lambda: self.spans.append(values),
        )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    sent = Sent()
    monkeypatch.setattr(tracing, "_recorder", sent)
    return sent


def test_the_span_of_a_firing_names_the_schedule_and_the_job(sent: Sent) -> None:
    traces = FiringTraces()
    traceparent = traces.begin(SCHEDULE)
    with traces.reporting(fired()):
        assert tracing.traceparent() == traceparent
    assert tracing.current() is None
    assert sent.spans == [
        {
            "name": "enqueue",
            "kind": "PRODUCER",
            "crawljobs.schedule.id": 7,
            "crawljobs.subreddit": "python",
            "crawljobs.job.id": 12,
            "crawljobs.outcome": "created",
        }
    ]


@pytest.mark.parametrize("result", [fired(enqueued=None), Disabled(SCHEDULE, "broken", missed=1)])
def test_a_schedule_that_enqueued_no_crawl_sends_no_span(
    sent: Sent, result: Fired | Disabled
) -> None:
    traces = FiringTraces()
    traces.begin(SCHEDULE)
    with traces.reporting(result):
        assert tracing.current() is None
    assert sent.spans == []


def test_the_spans_of_a_failed_batch_are_not_sent(sent: Sent) -> None:
    traces = FiringTraces()
    traces.begin(SCHEDULE)
    traces.clear()
    with traces.reporting(fired()):
        assert tracing.current() is None
    assert sent.spans == []
