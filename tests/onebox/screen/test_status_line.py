"""The lines that describe the whole system while the demo runs."""

from datetime import UTC, datetime, timedelta

import pytest

from crawljobs.domain.job import LIVE
from onebox.postgres.latest_events import Event
from onebox.postgres.overview import LIVE_MAX, Overview
from onebox.screen import status_line

NOW = datetime(2031, 5, 17, 12, 0, 7, tzinfo=UTC)
BUSY = Overview(
    live={"queued": 1234, "crawling": 16, "waiting": 2},
    finished={"succeeded": 900, "failed": 12},
    stored=(123_456, 1_234_567, 98_765),
    requests_per_second=57.04,
    next_run=(NOW + timedelta(minutes=2, seconds=53), "demo: Pottery every five minutes"),
    events=(Event(("job", 7, NOW - timedelta(seconds=9)), "r/Pottery succeeded: 2 posts"),),
)


def clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M:%S}"


def test_the_lines_have_each_total_and_fit_80_columns() -> None:
    schedule = 'schedule "demo: Pottery every five minutes"'
    lines = status_line.lines(BUSY, NOW)
    assert lines == [
        f"now     {clock(NOW)}  1,234 queued, 16 crawling, 2 waiting, 912 finished",
        "stored  123,456 posts, 1,234,567 comments, 98,765 authors; 57.0 requests/s",
        f"next    {clock(NOW + timedelta(seconds=173))} (in 2:53) {schedule}",
        f"last    {clock(NOW - timedelta(seconds=9))} r/Pottery succeeded: 2 posts",
    ]
    assert max(map(len, lines)) <= 80


def test_one_line_has_the_same_totals() -> None:
    assert status_line.line(BUSY, NOW) == (
        f"{clock(NOW)} 1,234 queued, 16 crawling, 2 waiting, 912 finished; 57.0 requests/s; "
        "stored: 123,456 posts, 1,234,567 comments, 98,765 authors; "
        f"next: {clock(NOW + timedelta(seconds=173))} (in 2:53) "
        'schedule "demo: Pottery every five minutes"'
    )


def test_only_the_states_of_a_job_are_shown() -> None:
    live = dict.fromkeys((*LIVE, "blocked"), 3)
    assert status_line.jobs(Overview(live=live)) == ("3 queued, 3 crawling, 3 waiting, 0 finished")


def test_one_line_leaves_out_zeros() -> None:
    shown = status_line.line(Overview(live={"queued": 10}, stored=(100, 0, 0)), NOW)
    assert shown == f"{clock(NOW)} 10 queued; stored: 100 posts; next: no schedule is enabled"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "in 0:00"), (59, "in 0:59"), (3600, "in 1:00:00"), (90_061, "25:")]
)
def test_the_time_until_a_due_time(seconds: int, shown: str) -> None:
    later = Overview(next_run=(NOW + timedelta(seconds=seconds), "x"))
    assert shown in status_line.next_run(later, NOW)


def test_a_due_schedule_that_waits_for_its_last_group_shows_no_time() -> None:
    waiting = Overview(next_run=(NOW - timedelta(minutes=2), "map"), next_run_waits_for=4)
    shown = 'schedule "map" is due; it waits for the end of group 4'
    assert status_line.next_run(waiting, NOW) == shown


def test_an_overview_without_schedules_and_with_too_many_rows() -> None:
    lines = "\n".join(status_line.lines(Overview(live={"queued": LIVE_MAX}), NOW))
    assert "over 9,999 live jobs" in lines
    assert "too many rows to count" in lines
    assert "no schedule is enabled" in lines
    assert "last" not in lines
