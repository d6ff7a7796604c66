import itertools
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from crawljobs.runtime import periodic_tasks
from crawljobs.runtime.periodic_tasks import PeriodicTask, PeriodicTasks
from support.waiting import wait_until


def test_every_task_runs_at_once_and_then_at_its_own_pace() -> None:
    ran: Counter[str] = Counter()
    beating = PeriodicTasks(
        [
            PeriodicTask(lambda: ran.update(["quick"]), 0.01),
            PeriodicTask(lambda: ran.update(["slow"]), 3600),
        ]
    )
    beating.start()
    wait_until(lambda: ran["quick"] >= 5, timeout=10, describe="five quick beats")
    beating.stop()
    beating.join(5)
    assert ran["slow"] == 1


def test_a_wall_clock_set_back_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading of the wall clock is an hour before the previous reading."""
    ran: list[int] = []
    beating = PeriodicTasks([PeriodicTask(lambda: ran.append(1), 0.01)])
    readings = itertools.count(1_800_000_000, -3600)
    clocks = SimpleNamespace(time=lambda: float(next(readings)), monotonic=time.monotonic)
    monkeypatch.setattr(periodic_tasks, "time", clocks)
    beating.start()
    wait_until(lambda: len(ran) >= 3, timeout=10, describe="three beats")
    beating.stop()
    beating.join(5)
    assert not beating.is_alive()
