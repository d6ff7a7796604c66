"""A worker of the API in this process, with a clock that a test moves."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from admin_api.server import arriving_connections, arriving_request, leaving_connections
from admin_api.server import worker as worker_module
from support.loop_worker import Loop, loop


@pytest.fixture
def running() -> Iterator[Loop]:
    with loop(worker_connections=100, threads=2, keepalive=60) as made:
        yield made


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch, running: Loop) -> Callable[[float], None]:
    """Let time pass, in steps in which the loop turns."""
    now = [1_000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    for module in (
        arriving_request,
        arriving_connections,
        leaving_connections,
        worker_module,
    ):
        monkeypatch.setattr(module, "time", clock)

    def passed(seconds: float) -> None:
        now[0] += seconds
        running.turn()

    return passed
