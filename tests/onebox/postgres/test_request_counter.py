"""The demo counts the requests of this run over successive budget windows."""

from datetime import UTC, datetime, timedelta

from onebox.postgres.request_counter import RequestCounter

FIRST = datetime(2031, 5, 17, 12, 0, tzinfo=UTC)
SECOND = FIRST + timedelta(minutes=10)


def test_the_requests_before_the_first_reading_do_not_count() -> None:
    counter = RequestCounter()
    counter.add([("one", FIRST, 100)], 0.0)
    assert (counter.total, counter.per_second) == (0, 0.0)
    counter.add([("one", FIRST, 130), ("two", FIRST, 10)], 2.0)
    assert (counter.total, counter.per_second) == (40, 20.0)


def test_a_new_window_starts_at_0() -> None:
    counter = RequestCounter()
    counter.add([("one", FIRST, 100)], 0.0)
    counter.add([("one", SECOND, 7)], 1.0)
    counter.add([("one", SECOND, 9)], 2.0)
    assert counter.total == 9


def test_a_correction_downwards_takes_nothing_off() -> None:
    counter = RequestCounter()
    for second, reserved in enumerate((100, 110, 90, 95)):
        counter.add([("one", FIRST, reserved)], float(second))
    assert counter.total == 15


def test_the_rate_falls_to_0_ten_seconds_after_the_last_request() -> None:
    counter = RequestCounter()
    counter.add([("one", FIRST, 0)], 0.0)
    for second in range(1, 14):
        counter.add([("one", FIRST, 50)], float(second))
    assert counter.per_second == 0.0
