"""The readiness probes that wait together for one check of the database."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest

from admin_api.server import probe_replies, waiting_probes
from admin_api.server.waiting_probes import WaitingProbes
from crawljobs.errors import DatabaseUnavailable, UnknownSchema

HEAD = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"


class Probes:
    """Waiting probes with a clock, a database check and a list of the replies."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.replies: list[tuple[str, int, bool]] = []
        self.check: Future[None] = Future()
        self.has_drain = False
        self.deferred: list[Callable[[], None]] = []
        self.waiting = WaitingProbes(self._reply)

    def _reply(self, name: str, reply: bytes, keeps: bool) -> None:
        self.replies.append((name, int(reply.split()[1]), keeps))

    def add(self, name: str, *, keeps: bool = True) -> None:
        probe = probe_replies.parse(HEAD, may_keep=keeps)
        assert probe is not None
        state = SimpleNamespace(
            drain=SimpleNamespace(has_begun=self.has_drain),
            readiness=SimpleNamespace(start_check=lambda: self.check),
        )
        self.waiting.add(name, probe, cast(Any, state), self._defer)

    def _defer(self, function: Callable[..., None], *given: object) -> None:
        self.deferred.append(lambda: function(*given))

    def turn(self) -> None:
        deferred, self.deferred = self.deferred, []
        for call in deferred:
            call()

    def end_check(self, error: Exception | None = None, *, turns: bool = True) -> None:
        ended, self.check = self.check, Future()
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)
        if turns:
            self.turn()


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Probes]:
    made = Probes()
    clock = SimpleNamespace(monotonic=lambda: made.now)
    monkeypatch.setattr(waiting_probes, "time", clock)
    monkeypatch.setattr(probe_replies, "time", clock)
    yield made


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, 200),
        (DatabaseUnavailable("no route"), 503),
        (UnknownSchema("too new"), 503),
        (ZeroDivisionError(), 500),
    ],
)
def test_the_probes_of_one_check_get_its_result_once_and_in_order(
    probes: Probes, error: Exception | None, status: int
) -> None:
    for name in "abc":
        probes.add(name, keeps=name != "b")
    assert (probes.replies, len(probes.waiting)) == ([], 3)
    probes.end_check(error)
    assert probes.replies == [("a", status, True), ("b", status, False), ("c", status, True)]
    assert len(probes.waiting) == 0
    probes.add("d")
    probes.end_check()
    assert probes.replies[3:] == [("d", 200, True)]


def test_a_result_is_taken_once(probes: Probes) -> None:
    """A probe that arrives afterwards waits for the next check."""
    for name in "ab":
        probes.add(name)
    probes.end_check(turns=False)
    first, *others = probes.deferred
    first()
    assert [name for name, *_ in probes.replies] == ["a", "b"]
    probes.add("c")
    for call in others:
        call()
    assert len(probes.waiting) == 1
    probes.deferred = []
    probes.end_check(DatabaseUnavailable("no route"))
    assert probes.replies[2:] == [("c", 503, True)]


def test_a_process_that_stops_is_not_ready(probes: Probes) -> None:
    probes.has_drain = True
    probes.add("a")
    assert probes.replies == [("a", 503, True)]
    assert len(probes.waiting) == 0


def test_a_check_that_is_over_answers_at_once(probes: Probes) -> None:
    probes.check.set_result(None)
    probes.add("a")
    assert probes.replies == [("a", 200, True)]
    assert len(probes.waiting) == 0


def test_a_probe_waits_1_5_seconds(probes: Probes) -> None:
    assert probes.waiting.seconds_left() is None
    probes.add("a")
    probes.now += 0.5
    probes.add("b")
    assert probes.waiting.seconds_left() == 1.0
    probes.now += 0.75
    probes.waiting.give_up()
    assert (probes.waiting.seconds_left(), probes.replies) == (0.25, [])
    probes.now += 0.25
    assert probes.waiting.seconds_left() == 0.0
    probes.waiting.give_up()
    assert probes.replies == [("a", 503, True), ("b", 503, True)]
    assert probes.waiting.seconds_left() is None
    probes.add("c")
    probes.now += 9.0
    assert probes.waiting.seconds_left() == 0.0
    probes.waiting.give_up()
    assert [name for name, *_ in probes.replies] == ["a", "b", "c"]


@pytest.mark.parametrize(("age", "is_repeated"), [(0.0, True), (1.0, True), (1.125, False)])
def test_a_success_is_repeated_to_the_oldest_for_a_second(
    probes: Probes, age: float, is_repeated: bool
) -> None:
    probes.add("first")
    probes.end_check()
    probes.now += age
    assert not probes.waiting.repeat_to_oldest()  # no probe waits
    for name in "ab":
        probes.add(name)
    assert probes.waiting.repeat_to_oldest() is is_repeated
    assert probes.replies[1:] == ([("a", 200, True)] if is_repeated else [])
    assert len(probes.waiting) == (1 if is_repeated else 2)


def test_nothing_is_repeated_before_a_success_and_after_a_failure(
    probes: Probes,
) -> None:
    probes.now = 0.0625  # a machine that has just started
    probes.add("first")
    assert not probes.waiting.repeat_to_oldest()
    probes.end_check()
    probes.add("second")
    probes.end_check(DatabaseUnavailable("no route"))
    probes.add("third")
    assert not probes.waiting.repeat_to_oldest()


def test_the_oldest_probe_is_removed_first(probes: Probes) -> None:
    assert probes.waiting.remove_oldest() is None
    for name in "abc":
        probes.add(name)
    assert [probes.waiting.remove_oldest() for _ in range(2)] == ["a", "b"]
    probes.end_check()
    assert probes.replies == [("c", 200, True)]
