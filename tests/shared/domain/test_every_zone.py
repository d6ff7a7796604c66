"""Due times near the clock changes of all IANA zones, 2020 to 2040, compared with Vixie cron."""

import functools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crawljobs.domain import cron, tick_count, zones
from support import vixie

YEARS = range(2020, 2041)
NEW_YEAR = datetime(YEARS.start, 1, 1, tzinfo=UTC)
SAMPLE = 12  # each run tests this number of zones, each in one year
PARTS = 12  # parts of the full run, which several processes can share

# Expressions that are due every few minutes are tested close to a clock change. The others are
# tested for about a day before and after it.
DENSE = ["* * * * *", "*/7 * * * *", "*/10 0-5 * * *", "* 2 * * *", "*/20 1,23 * * *"]
SPARSE = [
    "0 * * * *",
    "30 */2 * * *",
    "0 0 * * *",
    "30 0 * * *",
    "30 1 * * *",
    "0,15,30,45 1,2,3 * * *",
    "59 23 * * *",
    "5/20 2 * * *",
    "0 2 * * 0",
    "45 0,1,2,3,4 * * 6,7",
    "10 0,23 1,15,30 * 6",
]
NEAR, FAR = timedelta(hours=3), timedelta(hours=26)


def ours(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    parsed = cron.parse(expression, zone)
    found = list(tick_count.walk(parsed, after=start, until=end, anchor=start))
    assert tick_count.count(parsed, after=start, until=end, anchor=start) == len(found)
    return found


def check(zone: str, change: datetime) -> None:
    for expressions, around in ((SPARSE, FAR), (DENSE, NEAR)):
        start, end = change - around, change + around
        for expression in expressions:
            expected = vixie.due_times(expression, zone, start, end)
            assert ours(expression, zone, start, end) == expected, (zone, expression, change)


Behaviour = tuple[tuple[datetime, timedelta | None], ...]


def behaviour(zone: str) -> Behaviour:
    """Return the hours at which the offset changes, and the new offsets.

    Zones with the same result are tested once.
    """
    tz = ZoneInfo(zone)
    day, offset = NEW_YEAR, NEW_YEAR.astimezone(tz).utcoffset()
    found = [(NEW_YEAR, offset)]
    while day.year < YEARS.stop:
        day += timedelta(days=1)
        if day.astimezone(tz).utcoffset() != offset:
            hours = (day - timedelta(hours=back) for back in range(23, -1, -1))
            change = next(hour for hour in hours if hour.astimezone(tz).utcoffset() != offset)
            offset = change.astimezone(tz).utcoffset()
            found.append((change, offset))
    return tuple(found)


@functools.cache
def behaviours() -> dict[Behaviour, str]:
    return {behaviour(zone): zone for zone in sorted(zones.known_zones(), reverse=True)}


def sample() -> Iterator[tuple[str, datetime]]:
    dice = random.Random(2040)
    for zone in dice.sample(sorted(zones.known_zones()), 4 * SAMPLE):
        year = dice.choice(YEARS)
        if changes := vixie.clock_changes(zone, range(year, year + 1)):
            yield zone, dice.choice(changes)


def test_a_sample_of_all_changes_agrees_with_vixie_cron() -> None:
    tried = list(sample())[:SAMPLE]
    assert len(tried) == SAMPLE
    for zone, change in tried:
        check(zone, change)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(PARTS))
def test_every_change_of_every_zone_agrees_with_vixie_cron(part: int) -> None:
    every = behaviours()
    assert len(zones.known_zones()) > 500
    assert sum(len(changes) - 1 for changes in every) > 1_000
    todo = [
        (zone, change) for changes, zone in every.items() for change, _ in changes[1:] or changes
    ]
    for zone, change in todo[part::PARTS]:
        check(zone, change)
