from collections import Counter

import pytest

from crawler_worker import heartbeat
from crawler_worker.heartbeat import Beat, Heartbeat
from support.waiting import wait_until


def test_every_task_runs_at_once_and_then_at_its_own_pace() -> None:
    ran: Counter[str] = Counter()
    beating = Heartbeat(
        [
            Beat(lambda: ran.update(["quick"]), 0.01),
            Beat(lambda: ran.update(["slow"]), 3600),
        ]
    )
    beating.start()
    wait_until(lambda: ran["quick"] >= 5, timeout=10, describe="five quick beats")
    beating.stop()
    beating.join(5)
    assert ran["slow"] == 1


def test_a_wall_clock_set_back_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    beating = Heartbeat([Beat(lambda: ran.append(1), 0.01)])
    monkeypatch.setattr(heartbeat.time, "time", lambda: 0.0)  # 1970
    beating.start()
    wait_until(lambda: len(ran) >= 3, timeout=10, describe="three beats")
    beating.stop()
    beating.join(5)
    assert not beating.is_alive()
