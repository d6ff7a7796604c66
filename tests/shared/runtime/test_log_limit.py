"""The number of log lines that clients cause is limited, and the dropped lines are counted."""

from crawljobs.runtime.log_limit import BURST_LINES, LINES_PER_SECOND, LogLimit


def test_a_burst_is_written_and_a_flood_is_counted() -> None:
    now = 100.0
    limit = LogLimit(lambda: now)
    assert [limit.lines_left_out() for _ in range(BURST_LINES)] == [0] * BURST_LINES
    assert [limit.lines_left_out() for _ in range(500)] == [None] * 500
    now += 1 / LINES_PER_SECOND
    assert [limit.lines_left_out() for _ in range(3)] == [500, None, None]
    now += 10_000
    assert limit.lines_left_out() == 2
    written = [limit.lines_left_out() for _ in range(BURST_LINES + 50)]
    assert written.count(None) == 51


def test_a_clock_that_stands_still_gains_nothing() -> None:
    limit = LogLimit(lambda: 0.0)
    assert sum(limit.lines_left_out() is not None for _ in range(1_000)) == BURST_LINES
