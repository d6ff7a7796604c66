"""Each description is true: interpreted as English, it gives the schedule's due times."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawljobs.domain import cron, cron_words
from crawljobs.errors import InvalidCron
from support import schedule_words

WEEKDAY_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MONTH_NAMES = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
START = datetime(2024, 1, 1, tzinfo=UTC)
LATEST = START + timedelta(days=5 * 365)
# The wait before each search for a due time. Later searches start days and weeks ahead.
WAITS = [timedelta(0)] * 30 + [timedelta(hours=41)] * 30 + [timedelta(days=9, hours=5)] * 30


def field(least: int, most: int, *others: str) -> st.SearchStrategy[str]:
    """Return a strategy for one field of an expression, in every notation."""
    number = st.integers(least, most)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    whole = st.sampled_from(["*", f"{least}-{most}"])
    step = st.integers(1, 70)  # some steps are larger than the field's range
    stepped = st.tuples(st.one_of(whole, span, number.map(str)), step).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    term = st.one_of(number.map(str), span, stepped, whole, *map(st.just, others))
    return st.one_of(whole, number.map(str), st.lists(term, min_size=1, max_size=4).map(",".join))


dates = field(1, 31, "L", "LW", "l", "31/1", "1-7")
months = field(1, 12, *MONTH_NAMES, "jan-MAR", "Jun/2")
weekdays = field(0, 7, *WEEKDAY_NAMES, "5L", "0L", "7#1", "1#5", "fri-SUN", "MON-FRI/2", "0#3")


@given(
    expression=st.tuples(field(0, 59), field(0, 23), dates, months, weekdays).map(" ".join),
    later=st.integers(0, 400 * 24 * 60),
)
@example("0 7 1-31 * 1", 0)
@example("0 0 15 * 0-7", 0)
@example("0 0 15 * 1-7", 0)
@example("0 0 15 1 */1", 0)
@example("0 0 5,* * 1", 0)
@example("0 0 *,5 * 1", 0)
@example("0 0 */2 * */3", 0)
@example("0 0 */50 * MON", 0)
@example("*/32 * * * *", 0)
@example("*/41 */61 * * *", 0)
@example("*/61 * * * *", 0)
@example("0-59/2 0-23/2 * * *", 0)
@example("* * 1-31 1-12 0-6", 0)
@example("*/15 9-17 * * *", 0)
@example("5 9-17/2 L,LW,1-5 2 1#2,1L,3", 0)
def test_a_description_means_the_due_times(expression: str, later: int) -> None:
    try:
        parsed = cron.parse(expression, "UTC")
    except InvalidCron:
        return
    sentence = cron.describe(expression)
    meaning = schedule_words.read(sentence)
    due = START + timedelta(minutes=later)
    for wait in WAITS:
        after = due + wait
        due = cron.next_after(parsed, after, anchor=START)
        wall = next(meaning.after(after.replace(tzinfo=None)))
        assert wall == due.replace(tzinfo=None), sentence
        if due > LATEST:
            return


@given(st.integers(60, 366 * 86_400))
def test_an_interval_is_described_to_the_second(seconds: int) -> None:
    words = cron.describe(f"@every {seconds}s").removeprefix("Every ").split()
    units = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
    told = zip(map(int, words[::2]), words[1::2], strict=True)
    assert sum(number * units[unit.removesuffix("s")] for number, unit in told) == seconds


@pytest.mark.parametrize(
    ("same", "sentence"),
    [
        (["0 7 1-31 * 1", "0 7 * * *", "0 7 */1 * *", "0 7 1-15,16-31 * 1"], "At 07:00 every day"),
        (["0 0 15 * 0-7", "0 0 15 * 1-7", "@daily", "@midnight"], "At 00:00 every day"),
        (["*/32 * * * *", "0-59/32 * * * *", "0,32 * * * *"], "At minutes 0 and 32 of every hour"),
        (["*/61 * * * *", "*/99 * * * *", "@hourly"], "At the start of every hour"),
        (["0 0 1 1 *", "@yearly", "0 0 */40 JAN *"], "At 00:00 on the first day of January"),
        (["0 0 * * 0", "@weekly", "0 0 * * 7", "0 0 * * SUN,0#2"], "At 00:00 on Sunday"),
        (["0 5 * 3 *", "0 5 1-31 MAR MON"], "At 05:00 every day in March"),
        (["0 9-17 * * 1-5"], "Every hour from 09:00 through 17:00 on Monday through Friday"),
        (["0 0 */20 6 FRI"], "At 00:00 on the first and the 21st day of June if it is Friday"),
        (["0 0 1 6 MON"], "At 00:00 on the first day of the month or on Monday, in June"),
        (["*/41 * * * *"], "At minutes 0 and 41 of every hour"),
        (["*/13 * * * *"], "Every 13th minute from minute 0 through minute 52 of every hour"),
        (
            ["*/5 */2 * * *", "*/5 */2 */1 * *"],
            "Every fifth minute of every second hour from hour 0 through hour 22",
        ),
        (["0 0 1 */3 *"], "At 00:00 on the first day of January, April, July and October"),
    ],
)  # fmt: skip
def test_what_is_due_at_the_same_times_reads_the_same(same: list[str], sentence: str) -> None:
    assert {cron.describe(expression) for expression in same} == {sentence}


def test_ordinals_are_those_of_english() -> None:
    told = [cron_words.ordinal(number) for number in (1, 2, 3, 9, 10, 11, 12, 13, 21, 22, 23, 31)]
    assert told == [
        "first",
        "second",
        "third",
        "ninth",
        "10th",
        "11th",
        "12th",
        "13th",
        "21st",
        "22nd",
        "23rd",
        "31st",
    ]
    assert [cron_words.ordinal(number) for number in (32, 41, 51, 52, 53, 101, 111, 112)] == (
        ["32nd", "41st", "51st", "52nd", "53rd", "101st", "111th", "112th"]
    )
