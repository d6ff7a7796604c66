"""The liveness check and the metric of the last tick, while the scheduler's loop stands still."""

import threading
import time
from types import SimpleNamespace
from typing import cast

import pytest

from crawljobs.runtime.probes.probe_server import NotWell
from crawljobs.runtime.probes.readiness import Readiness
from scheduler import scheduler_probes
from scheduler.scheduler_probes import LastTick
from scheduler.timetable import Timetable


def standing_still(beat: float = 0.0, tick: float | None = None) -> Timetable:
    loop = SimpleNamespace(seconds_since_beat=lambda: beat, seconds_since_tick=lambda: tick)
    return cast(Timetable, loop)


@pytest.mark.parametrize(
    ("tick_seconds", "silent", "alive"),
    [(60, 150.0, True), (60, 150.1, False), (3600, 3690.0, True), (3600, 3690.1, False)],
)
def test_the_loop_is_dead_a_minute_and_a_half_after_its_tick(
    tick_seconds: float, silent: float, alive: bool
) -> None:
    health = scheduler_probes.health_of(
        standing_still(silent),
        readiness=cast(Readiness, None),
        stopping=threading.Event(),
        tick_seconds=tick_seconds,
    )
    health.check_alive()  # the loop is not checked before the process has started
    health.has_started()
    if alive:
        health.check_alive()
    else:
        with pytest.raises(NotWell, match="timetable"):
            health.check_alive()


def test_the_metric_of_the_last_tick_is_its_time() -> None:
    ((tick,),) = [metric.samples for metric in LastTick(standing_still(tick=100.0)).collect()]
    assert tick.value == pytest.approx(time.time() - 100.0, abs=10)
    assert list(LastTick(standing_still(tick=None)).collect()) == []
