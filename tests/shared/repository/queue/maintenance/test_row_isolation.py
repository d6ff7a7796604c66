"""A sweep skips the rows that cannot be changed, within limits, and logs them."""

from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest
import structlog

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.repository.queue.maintenance.row_isolation import RowIsolation, RowIsolations


class Rows:
    """The rows of a table. A sweep changes all rows except the rows in `bad`."""

    def __init__(self, count: int, bad: Iterable[int] = (), error: str = "bad") -> None:
        self.left = list(range(count))
        self.bad = set(bad)
        self.error = error
        self.calls: list[tuple[int, int]] = []  # (at_most, skip) of each call

    def sweep(self, _conn: Connection, *, at_most: int, skip: int) -> int:
        self.calls.append((at_most, skip))
        chosen = self.left[skip : skip + at_most]
        for row in chosen:
            if row in self.bad:
                raise ValueError(self.error)
        self.left = [row for row in self.left if row not in chosen]
        return len(chosen)

    def follow(self, _conn: Connection, *, at_most: int, skip: int) -> int:
        """Sweep, and let the next call start after the last changed row."""
        changed = self.sweep(_conn, at_most=at_most, skip=skip)
        self.left = self.left[skip:]
        return changed


class Fake:
    """Replaces the database, and only calls the work."""

    def run(self, work: Callable[[Any], int]) -> int:
        return work(None)


class Clock:
    def __init__(self) -> None:
        self.now = 5_000.0

    def __call__(self) -> float:
        return self.now


def isolation(at_most: int = 10, clock: Clock | None = None) -> RowIsolation:
    database = cast(Database, Fake())
    if clock is None:
        return RowIsolation(database, task="t", at_most=at_most)
    return RowIsolation(database, task="t", at_most=at_most, clock=clock)


def test_without_a_bad_row_a_sweep_goes_on_until_a_chunk_is_not_full() -> None:
    rows, commits = Rows(25), []
    assert isolation().run(rows.sweep, then=lambda: commits.append(1)) == 25
    assert rows.calls == [(10, 0), (10, 0), (10, 0)]
    assert len(commits) == 3
    assert isolation().run(Rows(0).sweep) == 0


def test_a_bad_row_is_found_in_ever_smaller_chunks_and_then_skipped() -> None:
    rows, commits = Rows(150, bad=[1]), []
    with structlog.testing.capture_logs() as logged:
        assert isolation(100).run(rows.sweep, then=lambda: commits.append(1)) == 149
    assert rows.left == [1]
    assert rows.calls == [(100, 0), (10, 0), (1, 0), (10, 0), (1, 0), (1, 1), (10, 1), (100, 1),
                          (100, 1)]  # fmt: skip
    assert len(commits) == 5
    assert [(line["log_level"], line["task"], line["reason"]) for line in logged] == [
        ("error", "t", "ValueError")
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.InvalidCron("no cron", field="cron_expression"), "no cron"),
        (OverflowError("beyond the calendar"), "OverflowError"),
    ],
)
def test_the_log_names_the_error_of_the_skipped_row(error: Exception, reason: str) -> None:
    def refuse(_conn: Connection, *, at_most: int, skip: int) -> int:
        if skip == 0:
            raise error
        return 0

    with structlog.testing.capture_logs() as logged:
        assert isolation(1).run(refuse) == 0
    assert [line["reason"] for line in logged] == [reason]


def test_a_sweep_that_follows_its_last_row_skips_only_from_there() -> None:
    rows = Rows(30, bad=[0, 1])
    with structlog.testing.capture_logs():
        assert isolation(10).run(rows.follow, follows=True) == 28
    assert rows.calls == [(10, 0), (1, 0), (1, 1), (1, 2), (10, 0), (10, 0), (10, 0)]


@pytest.mark.parametrize(("may_go_on", "total"), [([True, False], 20), ([False], 10)])
def test_a_sweep_ends_after_a_chunk_when_it_may_not_go_on(
    may_go_on: list[bool], total: int
) -> None:
    assert isolation().run(Rows(50).sweep, may_continue=lambda: may_go_on.pop(0)) == total


def test_a_sweep_ends_after_a_failure_when_it_may_not_go_on() -> None:
    rows = Rows(50, bad=[3])
    assert isolation().run(rows.sweep, may_continue=lambda: False) == 0
    assert rows.calls == [(10, 0)]


@pytest.mark.parametrize("error", [KeyError("a bug"), errors.DatabaseUnavailable("away")])
def test_an_error_that_no_row_causes_is_raised_at_once(error: Exception) -> None:
    calls = []

    def refuse(_conn: Connection, *, at_most: int, skip: int) -> int:
        calls.append(at_most)
        raise error

    with pytest.raises(type(error)):
        isolation().run(refuse)
    assert calls == [10]


@pytest.mark.parametrize(("bad", "raises"), [(50, False), (51, True)])
def test_the_error_is_raised_when_more_than_50_rows_cannot_be_changed(
    bad: int, *, raises: bool
) -> None:
    rows = Rows(60, bad=range(bad))
    sweep = isolation(1)
    with structlog.testing.capture_logs():
        if raises:
            with pytest.raises(ValueError, match="bad"):
                sweep.run(rows.sweep)
        else:
            assert sweep.run(rows.sweep) == 10


@pytest.mark.parametrize(("seconds", "is_tried"), [(29.9, False), (30.0, True)])
def test_skipped_rows_are_tried_again_after_half_a_minute(
    seconds: float, *, is_tried: bool
) -> None:
    clock = Clock()
    rows, sweep = Rows(3, bad=[0]), isolation(1, clock)
    clock.now += 1
    with structlog.testing.capture_logs():
        assert sweep.run(rows.sweep) == 2
        rows.bad.clear()
        clock.now += seconds
        sweep.run(rows.sweep)
        assert rows.left == ([] if is_tried else [0])
        rows.left, rows.bad = [0, 1], {0}
        sweep.run(rows.sweep)
        rows.bad.clear()
        clock.now += 29.9  # the half minute is counted from the last try
        sweep.run(rows.sweep)
    assert rows.left == ([0] if is_tried else [])


@pytest.mark.parametrize(("seconds", "lines"), [(3_599.9, 1), (3_600.0, 2)])
def test_the_same_failure_is_logged_once_an_hour(seconds: float, lines: int) -> None:
    clock = Clock()
    rows, sweep = Rows(3, bad=[0]), isolation(1, clock)
    with structlog.testing.capture_logs() as logged:
        sweep.run(rows.sweep)
        clock.now += seconds
        sweep.run(rows.sweep)
    assert len(logged) == lines


@pytest.mark.parametrize(("others", "lines"), [(99, 0), (100, 1)])
def test_the_log_remembers_the_last_100_failures(others: int, lines: int) -> None:
    clock = Clock()
    sweep = isolation(1, clock)

    def fail(reason: str) -> None:
        clock.now += 30  # the row is tried again

        def refuse(_conn: Connection, *, at_most: int, skip: int) -> int:
            if skip == 0:
                raise errors.NotFound(reason)
            return 0

        sweep.run(refuse)

    with structlog.testing.capture_logs() as logged:
        for number in range(others + 1):
            fail(f"reason {number}")
        assert len(logged) == others + 1
        fail("reason 0")
    assert len(logged) - others - 1 == lines


def test_each_task_of_a_process_has_its_own_skipped_rows() -> None:
    sweeps = RowIsolations(cast(Database, Fake()), at_most=7)
    one = sweeps.of("one")
    assert sweeps.of("one") is one
    assert sweeps.of("two") is not one
    rows = Rows(8)
    assert one.run(rows.sweep) == 8
    assert rows.calls == [(7, 0), (7, 0)]
