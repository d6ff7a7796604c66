"""The exact sentence of a cron expression, at the limits between two ways to say it."""

from datetime import timedelta

import pytest

from crawljobs.domain import cron, cron_words

# Minutes and hours, and the sentence for every day.
TIMES = {
    # Up to eight times of a day are listed.
    "0 0-7": "At 00:00, 01:00, 02:00, 03:00, 04:00, 05:00, 06:00 and 07:00 every day",
    "0-45/15 1,2": "At 01:00, 01:15, 01:30, 01:45, 02:00, 02:15, 02:30 and 02:45 every day",
    "0 0-8": "Every hour from 00:00 through 08:00 every day",
    "5 0-16/2": "Every second hour from 00:05 through 16:05 every day",
    "5 0-7,9": "At minute 5 of hours 0 through 7 and 9",
    "0 *": "At the start of every hour",
    "5 *": "At minute 5 of every hour",
    "* *": "Every minute",
    "* 9": "Every minute from 09:00 through 09:59 every day",
    # From three hours in a row a range is written, and from four hours its first and last minute.
    "* 9-10": "Every minute of hours 9 and 10",
    "* 9-11": "Every minute of hours 9 through 11",
    "* 9-12": "Every minute from 09:00 through 12:59 every day",
    "*/5 9": "Every fifth minute from 09:00 through 09:59 every day",
    "*/5 9-12": "Every fifth minute from 09:00 through 12:59 every day",
    "*/5 8-14/2": "Every fifth minute of every second hour from hour 8 through hour 14",
    "3-58/5 9": "Every fifth minute from minute 3 through minute 58 of hour 9",
    "0-50/5 9": "Every fifth minute from minute 0 through minute 50 of hour 9",
    "*/7 9-20": "Every seventh minute from minute 0 through minute 56 of hours 9 through 20",
    "*/15 *": "Every 15th minute of every hour",
    "*/20 *": "At minutes 0, 20 and 40 of every hour",
    "1-59/15 *": "Every 15th minute from minute 1 through minute 46 of every hour",
    "1,2,4 *": "At minutes 1, 2 and 4 of every hour",
    "1,2,3,4 9-11": "At minutes 1 through 4 of hours 9 through 11",
    "1,2,3,4 9": "At 09:01, 09:02, 09:03 and 09:04 every day",
    "1,2,3 9-12": "At minutes 1 through 3 of hours 9 through 12",
    "0-58 *": "At minutes 0 through 58 of every hour",
}
# The days, months and weekdays, and the end of the sentence for 05:00.
DAYS = {
    "1,2 * *": "on the first and the second day of every month",
    "1-3 * *": "on the first through the third day of every month",
    "2-31 * *": "on the second through the 31st day of every month",
    "1-30 * *": "on the first through the 30th day of every month",
    "9,10,30 * *": "on the ninth, the 10th and the 30th day of every month",
    "*/2 * *": "on every second day from the first through the 31st of every month",
    "*/9 * *": "on every ninth day from the first through the 28th of every month",
    "L * *": "on the last day of every month",
    "LW 2 *": "on the last weekday of February",
    "1-2,L,LW * *": (
        "on the first day, the second day, the last day and the last weekday of every month"
    ),
    "1,3,5,7,L 4 *": (
        "on the first day, the third day, the fifth day, the seventh day and the last day of April"
    ),
    "* * 5L": "on the last Friday of the month",
    "* * 0L": "on the last Sunday of the month",
    "* * 7#1": "on the first Sunday of the month",
    "* * 1#2,3#5,TUE": "on Tuesday, the second Monday and the fifth Wednesday of the month",
    "* * 1,1#2": "on Monday",
    "* * 7,7#2": "on Sunday",
    "* * 6,0": "on Saturday and Sunday",
    "* * 1-6": "on Monday through Saturday",
    "* * 2-7": "on Tuesday through Sunday",
    "* * 0-6": "every day",
    "1 * 1": "on the first day of every month or on Monday",
    "1 2-4 1": "on the first day of the month or on Monday, in February through April",
    "*/7 2 1": "on every seventh day from the first through the 29th of February if it is Monday",
    "*/20 * 3-7/3": "on the first and the 21st day of every month if it is Wednesday or Saturday",
    "* 2,3 1": "on Monday in February and March",
    "* 10-12 *": "every day in October through December",
    "* 9,10 *": "every day in September and October",
    "* 1-11 *": "every day in January through November",
    "* 1-12 *": "every day",
}  # fmt: skip


def test_a_sentence_names_the_times_of_a_day() -> None:
    assert {times: cron.describe(f"{times} * * *") for times in TIMES} == TIMES


def test_a_sentence_names_the_days() -> None:
    described = {days: cron.describe(f"0 5 {days}") for days in DAYS}
    assert described == {days: f"At 05:00 {sentence}" for days, sentence in DAYS.items()}


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("*/15 * * 3 *", "Every 15th minute of every hour every day in March"),
        ("0 * * 3 *", "At the start of every hour every day in March"),
        ("*/15 * * * 1", "Every 15th minute of every hour on Monday"),
    ],
)
def test_a_sentence_without_a_time_of_the_clock_names_its_limits(
    expression: str, sentence: str
) -> None:
    assert cron.describe(expression) == sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (60, "Every 1 minute"),
        (121, "Every 2 minutes 1 second"),
        (86_399, "Every 23 hours 59 minutes 59 seconds"),
        (777_602, "Every 1 week 2 days 2 seconds"),
    ],
)
def test_a_duration_is_described_in_whole_units(seconds: int, text: str) -> None:
    assert cron_words.interval(timedelta(seconds=seconds)) == text
