"""Schedule expressions: which are accepted, why the others are refused, and their due times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawljobs import errors
from crawljobs.domain import cron
from support import vixie

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday


def next_after(
    expression: str, after: datetime = NEW_YEAR, zone: str = "UTC", anchor: datetime = NEW_YEAR
) -> datetime:
    return cron.next_after(cron.parse(expression, zone), after, anchor=anchor)


def due_times(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    parsed = cron.parse(expression, zone)
    found = []
    due = cron.next_after(parsed, start, anchor=start)
    while due <= end:
        found.append(due)
        due = cron.next_after(parsed, due, anchor=start)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@yearly", "2025-01-01T00:00"),
        ("@annually", "2025-01-01T00:00"),
        ("@monthly", "2024-02-01T00:00"),
        ("@weekly", "2024-01-07T00:00"),
        ("@daily", "2024-01-02T00:00"),
        ("@midnight", "2024-01-02T00:00"),
        ("@hourly", "2024-01-01T01:00"),
        ("  @Daily ", "2024-01-02T00:00"),
    ],
)
def test_names_stand_for_their_usual_times(name: str, expected: str) -> None:
    assert next_after(name) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 6 * * *", "2024-01-01T06:30"),
        ("*/20 * * * *", "2024-01-01T00:20"),
        ("5/20 * * * *", "2024-01-01T00:05"),
        ("10-12,40 3 * * *", "2024-01-01T03:10"),
        ("0 0 * FEB-mar *", "2024-02-01T00:00"),
        ("0 0 * * 0", "2024-01-07T00:00"),
        ("0 0 * * 7", "2024-01-07T00:00"),
        ("0 0 * * sun", "2024-01-07T00:00"),
        ("0 0 * * 5-7", "2024-01-05T00:00"),
        ("0 0 * * SAT-SUN", "2024-01-06T00:00"),
        ("0 0 L * *", "2024-01-31T00:00"),
        ("0 0 LW 3 *", "2024-03-29T00:00"),
        ("0 0 * * 5L", "2024-01-26T00:00"),
        ("0 0 * * 5#2", "2024-01-12T00:00"),
        ("0 0 29 2 *", "2024-02-29T00:00"),
        ("0 0 13 * FRI", "2024-01-05T00:00"),  # the date or the weekday must match
        ("0 0 */13 * FRI", "2024-03-01T00:00"),  # with a star in either field, both must match
        (" 0  0 * * * ", "2024-01-02T00:00"),
        ("0 0 * * FRI-5/2", "2024-01-05T00:00"),  # Friday only: the range ends where it begins
    ],
)
def test_five_fields_know_names_ranges_steps_lists_and_last(expression: str, expected: str) -> None:
    assert next_after(expression) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_range_to_sunday_is_not_the_whole_week() -> None:
    week = due_times("0 0 * * FRI-SUN", "UTC", NEW_YEAR, NEW_YEAR + timedelta(days=7))
    assert [due.strftime("%a") for due in week] == ["Fri", "Sat", "Sun"]
    assert cron.parse("0 0 * * SUN-SUN", "UTC").fields == "0 0 * * 0-0"


def test_every_counts_from_the_anchor_and_does_not_drift() -> None:
    anchor = NEW_YEAR + timedelta(seconds=7, microseconds=250)
    late = anchor + timedelta(days=400, minutes=13)
    due = next_after("@every 1h30m", late, anchor=anchor)
    assert (due - anchor) % timedelta(minutes=90) == timedelta(0)
    assert timedelta(0) < due - late <= timedelta(minutes=90)


def test_every_is_not_due_at_its_anchor_or_before_it() -> None:
    for after in (NEW_YEAR, NEW_YEAR - timedelta(days=5)):
        assert next_after("@every 7d", after) == NEW_YEAR + timedelta(days=7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60s", timedelta(seconds=60)),
        ("1w2d3h4m5s", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ("90m", timedelta(minutes=90)),
        ("366d", timedelta(days=366)),
        ("1H30M", timedelta(minutes=90)),
    ],
)
def test_every_understands_compounds(text: str, expected: timedelta) -> None:
    assert cron.parse(f"@every {text}", "UTC").every == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("* * * *", "got 4"),
        ("* * * * * *", r"seconds are not supported"),
        ("* * * * * * *", "got 7"),
        ("@reboot", "unknown name '@reboot'"),
        ("@fortnightly", "unknown name"),
        ("@every", "expected a duration"),
        ("@every 0s", "between 60s and 366d"),
        ("@every 59s", "between 60s and 366d"),
        ("@every 366d1s", "between 60s and 366d"),
        ("@every -5m", "expected a duration"),
        ("@every 1.5h", "expected a duration"),
        ("@every 5", "expected a duration"),
        ("@every " + "9" * 200 + "w", "between 60s and 366d"),
        ("60 * * * *", "minute '60'"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day-of-month '0'"),
        ("* * 15W * *", "day-of-month '15W'"),
        ("* * * 13 *", "month '13'"),
        ("* * * FOO *", "month 'FOO'"),
        ("* * * * 8", "day-of-week '8'"),
        ("* * * * L", "day-of-week 'L'"),
        ("*/0 * * * *", r"minute '\*/0'"),
        ("5-1 * * * *", "minute '5-1'"),
        ("1,,2 * * * *", "minute '1,,2'"),
        ("? * * * *", "minute"),
        ("0-99999999999 * * * *", "minute '0-99999999999'"),
        ("-1 * * * *", "minute '-1'"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("0 0 */50 2 MON#5", "never comes"),
        ("0 0 \u0661 * *", "plain ASCII"),
        ("\u017fUN * * * *", "plain ASCII"),
        ("0 0 * *\x00 *", "plain ASCII"),
        ("0 0 * * *\n", "plain ASCII"),
        ("0," * 200 + "0 * * * *", "too long"),
        ("*" * 1_000_000, "too long"),
    ],
)
def test_refuses_what_it_cannot_use_and_says_why(expression: str, reason: str) -> None:
    with pytest.raises(errors.InvalidCron, match=reason) as refused:
        cron.parse(expression, "UTC")
    assert refused.value.field == "cron_expression"
    assert len(str(refused.value)) < 300


def test_an_expression_may_be_256_characters_long_and_no_longer() -> None:
    longest = "0," * 123 + "10" + " * * * *"
    assert len(longest) == cron.LONGEST_EXPRESSION == 256
    assert cron.parse(longest, "UTC").fields == longest
    for longer in (longest.replace("0,10", "0,010"), f"{longest} ", f" {longest}"):
        assert len(longer) == 257
        with pytest.raises(errors.InvalidCron, match="too long: at most 256 characters"):
            cron.parse(longer, "UTC")


@pytest.mark.parametrize(
    "zone",
    ["", "Nowhere", "utc", "America", "../UTC", "/etc/passwd", "posix/UTC", "localtime", "\x00"],
)
def test_refuses_unknown_zones(zone: str) -> None:
    with pytest.raises(errors.InvalidCron, match="unknown time zone") as refused:
        cron.parse("@daily", zone)
    assert refused.value.field == "timezone"


def test_a_zone_in_another_case_is_named() -> None:
    with pytest.raises(errors.InvalidCron, match=r"unknown time zone 'utc': write UTC$"):
        cron.parse("@daily", "utc")


@settings(deadline=2000)  # ms for each example, on a busy machine
@given(st.text(max_size=40) | st.text("*/-,LW#@ 0123456789SUNMOev", max_size=256))
@example("L/L * * * *")
def test_whatever_is_typed_is_understood_or_refused(expression: str) -> None:
    try:
        parsed = cron.parse(expression, "Europe/Berlin")
    except errors.InvalidCron:
        return
    assert cron.next_after(parsed, NEW_YEAR, anchor=NEW_YEAR) > NEW_YEAR
    assert cron.describe(expression)


def test_the_end_of_the_calendar_is_an_error_of_the_schedule() -> None:
    last_day = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    for expression in ("@yearly", "* * 1 1 *", "@every 366d"):
        with pytest.raises(errors.InvalidCron, match="no date after"):
            next_after(expression, last_day)


def test_a_rare_date_is_found_across_a_century_without_its_leap_day() -> None:
    found = next_after("0 0 * 2 MON#5", datetime(2072, 3, 1, tzinfo=UTC))
    assert found == datetime(2112, 2, 29, tzinfo=UTC)
    assert next_after("* * 29 2 *", datetime(2096, 3, 1, tzinfo=UTC)).year == 2104


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("@daily", "At 00:00 every day"),
        ("@every 1h30m", "Every 1 hour 30 minutes"),
        ("@every 2w", "Every 2 weeks"),
        ("*/5 * * * *", "Every fifth minute of every hour"),
        ("30 2 1 * MON", "At 02:30 on the first day of every month or on Monday"),
        ("0 0 31 * *", "At 00:00 on the 31st day of every month"),
        ("0 0 11,22 * *", "At 00:00 on the 11th and the 22nd day of every month"),
        ("@every 90s", "Every 1 minute 30 seconds"),
        ("0 12 LW 1,7 *", "At 12:00 on the last weekday of January and July"),
        ("0 9 * * 5#2", "At 09:00 on the second Friday of the month"),
    ],
)
def test_describes_in_plain_english(expression: str, expected: str) -> None:
    assert cron.describe(expression) == expected


def at(zone: str, wall: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def test_a_fixed_time_in_the_skipped_hour_runs_once_right_after_it() -> None:
    zone = "Europe/Berlin"  # on 2024-03-31 the clock moves from 02:00 to 03:00
    end = at(zone, "2024-04-01T01:00")
    found = due_times("0,30 2 * * *", zone, at(zone, "2024-03-31T00:00"), end)
    assert found == [at(zone, "2024-03-31T03:00")]


def test_a_fixed_time_in_the_repeated_hour_runs_the_first_time_only() -> None:
    zone = "Europe/Berlin"  # on 2024-10-27 the clock moves from 03:00 to 02:00
    found = due_times(
        "30 2 * * *", zone, at(zone, "2024-10-27T00:00"), at(zone, "2024-10-28T02:00")
    )
    assert found == [at(zone, "2024-10-27T02:30", fold=0)]
    in_second_pass = at(zone, "2024-10-27T02:15", fold=1)
    assert next_after("30 2 * * *", in_second_pass, zone) == at(zone, "2024-10-28T02:30")


def test_wildcards_and_intervals_go_by_elapsed_time_when_clocks_change() -> None:
    zone = "America/New_York"
    for start in (at(zone, "2024-03-10T00:00"), at(zone, "2024-11-03T00:00")):
        end = start + timedelta(hours=6)
        for expression in ("@hourly", "@every 60m"):
            found = due_times(expression, zone, start, end)
            assert found == [start + timedelta(hours=hour) for hour in range(1, 7)]


EXPRESSIONS = [
    "* * * * *",
    "*/7 * * * *",
    "0 * * * *",
    "30 */2 * * *",
    "*/10 5 * * *",
    "*/20 0-3 * * *",
    "* 2 * * *",
    "0 0 * * *",
    "30 0 * * *",
    "30 1 * * *",
    "0,15,30,45 1,2,3 * * *",
    "59 23 * * *",
    "5/20 2 * * *",
    "0 2 * * 0",
    "10 0,23 1 * 6,7",
    "*/15 23 */2 * *",
]
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Santiago",  # changes at midnight
    "America/Havana",  # changes at midnight, and back to midnight
    "Africa/Casablanca",  # changes around Ramadan, in some years four times
    "Africa/Cairo",
    "Asia/Beirut",
    "Antarctica/Troll",  # changes by two hours
    "Pacific/Apia",
    "Asia/Kathmandu",  # an offset with 45 minutes, no change
]


@pytest.mark.parametrize("zone", ZONES)
def test_agrees_with_vixie_cron_around_every_clock_change(zone: str) -> None:
    years = range(2020, 2021) if zone == "Pacific/Apia" else range(2024, 2025)
    for change in vixie.clock_changes(zone, years) or [NEW_YEAR]:
        start, end = change - timedelta(hours=30), change + timedelta(hours=30)
        for expression in EXPRESSIONS:
            expected = vixie.due_times(expression, zone, start, end)
            assert due_times(expression, zone, start, end) == expected, (expression, change)


def fields(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    term = st.one_of(
        number.map(str),
        span,
        st.tuples(st.one_of(span, number.map(str), st.just("*")), st.integers(1, 12)).map(
            lambda pair: f"{pair[0]}/{pair[1]}"
        ),
    )
    return st.one_of(st.just("*"), st.lists(term, min_size=1, max_size=3).map(",".join))


@given(
    expression=st.tuples(
        fields(0, 59), fields(0, 23), fields(1, 28), st.just("*"), fields(0, 7)
    ).map(" ".join),
    zone=st.sampled_from(ZONES),
    change=st.integers(0, 3),
    offset=st.integers(-240, 240),
)
def test_any_expression_agrees_with_vixie_cron(
    expression: str, zone: str, change: int, offset: int
) -> None:
    changes = CHANGES[zone]
    start = changes[change % len(changes)] + timedelta(minutes=offset, seconds=offset % 60)
    end = start + timedelta(hours=6)
    assert due_times(expression, zone, start, end) == vixie.due_times(expression, zone, start, end)


CHANGES = {zone: vixie.clock_changes(zone, range(2020, 2021)) or [NEW_YEAR] for zone in ZONES}
