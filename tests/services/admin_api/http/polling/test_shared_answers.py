"""A process computes a shared answer once for all requests, and again after its time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from admin_api.http.polling.shared_answers import SharedAnswers
from support.waiting import wait_until


class Work:
    """A computation that waits until it may end, and counts its runs."""

    def __init__(self, *, fails: bool = False) -> None:
        self.runs = 0
        self.fails = fails
        self.may_end = threading.Event()

    def __call__(self) -> int:
        self.runs += 1
        assert self.may_end.wait(10)
        if self.fails:
            raise ValueError("no answer")
        return self.runs


def results(shared: SharedAnswers, work: Work, readers: int) -> list[object]:
    def read(_: int) -> object:
        try:
            return shared.get("x", work)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(readers) as pool:
        futures = [pool.submit(read, number) for number in range(readers)]
        wait_until(
            lambda: all(future.running() for future in futures),
            timeout=5,
            describe="the readers do not run",
        )
        work.may_end.set()
        return [future.result() for future in futures]


def test_many_readers_cost_one_computation() -> None:
    work = Work()
    assert results(SharedAnswers(), work, 8) == [1] * 8
    assert work.runs == 1


def test_an_answer_is_computed_again_after_its_time() -> None:
    now = [100.0]
    shared = SharedAnswers(clock=lambda: now[0])
    found = iter(range(9))
    read = [shared.get("x", lambda: next(found))]
    now[0] += 0.999
    read.append(shared.get("x", lambda: next(found)))
    now[0] += 0.001
    read.append(shared.get("x", lambda: next(found)))
    assert read == [0, 0, 1]
    assert shared.get("y", lambda: "other") == "other"
    now[0] += 59
    assert shared.get("x", lambda: next(found), seconds=60) == 1


def test_an_error_reaches_all_that_wait_and_is_not_kept() -> None:
    shared = SharedAnswers(clock=lambda: 0.0)
    work = Work(fails=True)
    found = results(shared, work, 4)
    assert found == ["no answer"] * 4
    assert work.runs <= 4
    assert shared.get("x", lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        shared.get("z", lambda: 1 // 0)
    assert shared.get("z", lambda: 8) == 8
