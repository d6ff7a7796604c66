"""Each probe checks the parts that it must check, and no others."""

import math
import threading
from collections.abc import Callable

import pytest

from crawljobs import errors
from crawljobs.runtime.probes.health import Health, Watched
from crawljobs.runtime.probes.probe_server import NotWell


class Answering:
    """Replaces Readiness. Its check succeeds, or raises the error that a test sets."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    def check(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def readiness() -> Answering:
    return Answering()


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


@pytest.fixture
def make(readiness: Answering, stopping: threading.Event) -> Callable[[float], Health]:
    def make(silent: float) -> Health:
        watched = {"loop": Watched(lambda: 0.0, 1.0), "keeper": Watched(lambda: silent, 10.0)}
        return Health(readiness=readiness, stopping=stopping, watched=watched)  # type: ignore[arg-type]

    return make


def test_a_part_that_has_been_silent_too_long_is_named(make: Callable[[float], Health]) -> None:
    for silent in (10.5, math.inf):
        health = make(silent)
        health.has_started()
        with pytest.raises(NotWell, match="no sign of life of the keeper"):
            health.check_alive()
    health = make(9.5)
    health.has_started()
    health.check_alive()


def test_waiting_for_the_schema_and_draining_are_alive(
    make: Callable[[float], Health], stopping: threading.Event
) -> None:
    health = make(math.inf)
    health.check_alive()
    with pytest.raises(NotWell, match="schema"):
        health.check_started()
    health.has_started()
    health.check_started()
    stopping.set()
    health.check_alive()
    health.check_started()


def test_liveness_and_start_never_ask_the_database(
    make: Callable[[float], Health], readiness: Answering
) -> None:
    health = make(0)
    health.has_started()
    health.check_alive()
    health.check_started()
    assert readiness.asked == 0


def test_ready_is_who_has_started_reaches_the_database_and_does_not_drain(
    make: Callable[[float], Health], readiness: Answering, stopping: threading.Event
) -> None:
    health = make(0)
    with pytest.raises(NotWell, match="schema"):
        health.check_ready()
    health.has_started()
    health.check_ready()
    readiness.error = errors.UnknownSchema("revision 9999")
    with pytest.raises(errors.UnknownSchema):
        health.check_ready()
    readiness.error = None
    stopping.set()
    with pytest.raises(NotWell, match="shutting down"):
        health.check_ready()
