"""A dead database is detected within two seconds, with and without a connection of the probes."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.db.server_liveness import ANSWER_SECONDS, LATE_SECONDS, ServerLiveness
from crawljobs.db.timeouts import PROBE_TIMEOUTS
from support import tcp_proxy
from support.waiting import wait_until

LOST_SECONDS = 2.0 - LATE_SECONDS  # ServerLiveness starts only when a reply is late
SLACK_SECONDS = 1.0  # allowance for a machine that runs other tests too


@pytest.mark.parametrize("was_connected", [True, False])
def test_a_silent_database_is_lost_with_and_without_a_connection_of_the_probes(
    database_url: str, *, was_connected: bool
) -> None:
    with tcp_proxy.serve(database_url) as proxy:
        probes = Database(proxy.url, pool_size=1, limits=PROBE_TIMEOUTS)
        liveness = ServerLiveness(probes.check_reachable)
        if was_connected:
            probes.check_reachable()
        proxy.stall()
        began = time.monotonic()
        wait_until(liveness.is_lost, timeout=20, describe="the silence to be noticed")
        assert time.monotonic() - began < LOST_SECONDS + SLACK_SECONDS
        proxy.heal(lose=True)
        wait_until(lambda: not liveness.is_lost(), timeout=20, describe="a sign of life")
        probes.close()


def test_a_database_that_refuses_is_not_lost() -> None:
    probes = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1, limits=PROBE_TIMEOUTS)
    liveness = ServerLiveness(probes.check_reachable)
    until = time.monotonic() + ANSWER_SECONDS + LATE_SECONDS
    wait_until(
        lambda: liveness.is_lost() or time.monotonic() > until, timeout=20, describe="its time"
    )
    assert not liveness.is_lost()
    probes.close()


class _Clock:
    """Replaces the module `time`, so that the tests measure to a tenth of a second."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr("crawljobs.db.server_liveness.time", clock)
    return clock


@pytest.fixture
def silent() -> Iterator[Callable[[], None]]:
    """Yield a query that gets no answer until the test ends."""
    ended = threading.Event()
    yield lambda: ended.wait(20) and None
    ended.set()


POLL_SECONDS = 0.1  # a waiting connection checks the server's liveness at this interval
LONGEST_ANSWER_SECONDS = 1.0  # a living database on an overloaded server answers within this time


def test_a_dead_database_is_lost_within_two_seconds_of_a_statement(
    clock: _Clock, silent: Callable[[], None]
) -> None:
    began = clock.now
    liveness = ServerLiveness(silent)
    clock.now += LATE_SECONDS
    assert not liveness.is_lost()
    clock.now = began + LATE_SECONDS + LONGEST_ANSWER_SECONDS
    assert not liveness.is_lost()
    clock.now = began + 2.0 - POLL_SECONDS
    assert liveness.is_lost()


def test_silence_counts_from_the_first_of_the_questions_in_vain(clock: _Clock) -> None:
    """Each query ends at a client's limit, without an answer. The queries start a second apart."""
    took = [0.0]

    def ask() -> None:
        clock.now += took[0]
        raise errors.DatabaseUnavailable("no reply")

    liveness = ServerLiveness(ask)
    took[0] = 0.7
    assert not asked(liveness)
    clock.now += 0.4
    assert not asked(liveness)
    clock.now += 0.1
    assert liveness.is_lost()


@pytest.mark.parametrize("answer", [None, errors.DatabaseUnavailable("refused at once")])
def test_an_answer_of_any_kind_ends_the_silence(clock: _Clock, answer: Exception | None) -> None:
    replies = iter([(1.1, errors.DatabaseUnavailable("no reply")), (0.5, answer)])

    def ask() -> None:
        seconds, error = next(replies)
        clock.now += seconds
        if error is not None:
            raise error

    liveness = ServerLiveness(ask)
    assert not asked(liveness)
    clock.now += 0.05
    assert not asked(liveness)
    assert not liveness.is_lost()  # 1.65 s after the start of the first query


def test_silence_of_long_ago_tells_nothing(clock: _Clock) -> None:
    def ask() -> None:
        clock.now += 1.5
        raise errors.DatabaseUnavailable("no reply")

    liveness = ServerLiveness(ask)
    assert not asked(liveness)
    assert liveness.is_lost()
    for thread in threading.enumerate():
        if thread.name == "server-liveness":
            thread.join(5)
    clock.now += 1.1
    assert not asked(liveness)


def asked(liveness: ServerLiveness) -> bool:
    """Call `is_lost`, wait for the query that this call started, and return the call's result."""
    is_lost = liveness.is_lost()
    for thread in threading.enumerate():
        if thread.name == "server-liveness":
            thread.join(5)
    return is_lost


def test_a_query_whose_thread_cannot_start_says_nothing_about_the_server(
    clock: _Clock, silent: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse = ServerLiveness(silent)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert not pulse.is_lost()
        clock.now += 10
        assert not pulse.is_lost()
    clock.now += 1.1
    assert not pulse.is_lost()  # now a query starts
    clock.now += ANSWER_SECONDS + 0.1
    assert pulse.is_lost()


def test_a_silent_database_keeps_no_process_alive() -> None:
    """Python waits at its exit for threads that are no daemons."""
    program = (
        "import threading; from crawljobs.db.server_liveness import ServerLiveness; "
        "asked = threading.Event(); "
        "liveness = ServerLiveness(lambda: asked.set() or threading.Event().wait()); "
        "liveness.is_lost(); assert asked.wait(10)"
    )
    subprocess.run([sys.executable, "-c", program], timeout=30, check=True)
