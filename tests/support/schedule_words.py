"""Read the English sentences that describe schedules, without the code that writes them.

This code knows English and the calendar, but not cron. An unknown word is an error.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

MONTHS = list(calendar.month_name)[1:]
WEEKDAYS = list(calendar.day_name)
ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
ORDINALS += [
    "10th",
    "11th",
    "12th",
    "13th",
    "14th",
    "15th",
    "16th",
    "17th",
    "18th",
    "19th",
    "20th",
    "21st",
    "22nd",
    "23rd",
    "24th",
]
ORDINALS += ["25th", "26th", "27th", "28th", "29th", "30th", "31st"]

OfDays = Callable[[date], bool]


@dataclass(frozen=True)
class Meaning:
    times: frozenset[time]
    on: OfDays

    def after(self, start: datetime) -> Iterator[datetime]:
        """Yield the wall-clock times after `start`, in order."""
        times = sorted(self.times)
        day = start.date()
        while True:
            if self.on(day):
                found = (datetime.combine(day, one) for one in times)
                yield from (one for one in found if one > start)
            day += timedelta(days=1)


def read(sentence: str) -> Meaning:
    told, on = _split(sentence)
    return Meaning(_times(told), on)


def _split(sentence: str) -> tuple[str, OfDays]:
    if match := re.fullmatch(r"(.+?) every day(?: in (.+))?", sentence):
        if match[2] is None:
            return match[1], lambda _: True
        return match[1], _in_months(match[2])
    if " on " not in sentence:
        return sentence, lambda _: True
    told, days = sentence.split(" on ", 1)
    return told, _days(days)


def _times(told: str) -> frozenset[time]:
    clock = r"(\d\d):(\d\d)"
    if told.startswith("At ") and re.search(clock, told):
        return frozenset(time.fromisoformat(one) for one in _listed(told[3:]))
    if match := re.fullmatch(rf"Every (?:(\w+) )?hour from {clock} through {clock}", told):
        step = _ordinal(match[1]) if match[1] else 1
        assert match[3] == match[5], told
        hours = range(int(match[2]), int(match[4]) + 1, step)
        assert hours[-1] == int(match[4]), told
        return _clock(hours, [int(match[3])])
    if match := re.fullmatch(rf"(Every .*?minute) from {clock} through {clock}", told):
        assert (match[3], match[5]) == ("00", "59"), told
        return _clock(range(int(match[2]), int(match[4]) + 1), _minutes(match[1]))
    if told == "Every minute":
        return _clock(range(24), range(60))
    if told == "At the start of every hour":
        return _clock(range(24), [0])
    minutes, hours = told.split(" of ", 1)
    return _clock(_hours(hours), _minutes(minutes))


def _clock(hours: range | list[int], minutes: range | list[int]) -> frozenset[time]:
    return frozenset(time(hour, minute) for hour in hours for minute in minutes)


def _minutes(told: str) -> range | list[int]:
    if match := re.fullmatch(r"At minutes? (.+)", told):
        return _numbers(match[1], int)
    match = re.fullmatch(
        r"Every(?: (\w+))? minute(?: from minute (\d+) through minute (\d+))?", told
    )
    assert match, told
    first, last = int(match[2] or 0), int(match[3] or 59)
    minutes = range(first, last + 1, _ordinal(match[1]) if match[1] else 1)
    assert match[3] is None or minutes[-1] == last, told
    return minutes


def _hours(told: str) -> range | list[int]:
    if told == "every hour":
        return range(24)
    if match := re.fullmatch(r"every (\w+) hour from hour (\d+) through hour (\d+)", told):
        hours = range(int(match[2]), int(match[3]) + 1, _ordinal(match[1]))
        assert hours[-1] == int(match[3]), told
        return hours
    match = re.fullmatch(r"hours? (.+)", told)
    assert match, told
    return _numbers(match[1], int)


def _days(told: str) -> OfDays:
    if match := re.fullmatch(r"(.+) of the month or on (.+?)(?:, in (.+))", told):
        by_date, by_weekday, months = _dates(match[1]), _weekdays(match[2]), _in_months(match[3])
        return lambda day: months(day) and (by_date(day) or by_weekday(day))
    if match := re.fullmatch(r"(.+) of every month or on (.+)", told):
        by_date, by_weekday = _dates(match[1]), _weekdays(match[2])
        return lambda day: by_date(day) or by_weekday(day)
    if match := re.fullmatch(r"(.* day .*|.* day|.*weekday) of (.+?)(?: if it is (.+))?", told):
        months = (lambda _: True) if match[2] == "every month" else _in_months(match[2])
        by_date, too = _dates(match[1]), _weekdays(match[3]) if match[3] else lambda _: True
        return lambda day: months(day) and by_date(day) and too(day)
    match = re.fullmatch(r"(.+?)(?: in (.+))?", told)
    assert match, told
    by_weekday = _weekdays(match[1])
    months = _in_months(match[2]) if match[2] else lambda _: True
    return lambda day: months(day) and by_weekday(day)


def _dates(told: str) -> OfDays:
    if match := re.fullmatch(r"every (\w+) day from the (\w+) through the (\w+)", told):
        dates = range(_ordinal(match[2]), _ordinal(match[3]) + 1, _ordinal(match[1]))
        assert dates[-1] == _ordinal(match[3]), told
        return lambda day: day.day in dates
    found: set[int] = set()
    special: list[OfDays] = []
    for one in _listed(told):
        word = one.removesuffix(" day").removeprefix("the ")
        if word == "last":
            special.append(lambda day: _is_last(day))
        elif word == "last weekday":
            special.append(_is_last_weekday)
        else:
            first, _, last = word.partition(" through the ")
            found.update(range(_ordinal(first), _ordinal(last or first) + 1))
    return lambda day: day.day in found or any(of(day) for of in special)


def _weekdays(told: str) -> OfDays:
    plain: set[int] = set()
    nth: set[tuple[str, int]] = set()
    for one in _listed(told.removesuffix(" of the month")):
        if one.startswith("the "):
            which, weekday = one.removeprefix("the ").split()
            nth.add((which, WEEKDAYS.index(weekday)))
        else:
            plain.update(_numbers(one, WEEKDAYS.index))
    assert bool(nth) == told.endswith(" of the month"), told

    def on(day: date) -> bool:
        names = {ORDINALS[(day.day - 1) // 7]}
        if (day + timedelta(days=7)).month != day.month:
            names.add("last")
        return day.weekday() in plain or any((name, day.weekday()) in nth for name in names)

    return on


def _in_months(told: str) -> OfDays:
    months = _numbers(told, MONTHS.index)
    return lambda day: day.month - 1 in months


def _numbers(told: str, number: Callable[[str], int]) -> list[int]:
    found: list[int] = []
    for one in _listed(told):
        first, _, last = one.partition(" through ")
        found.extend(range(number(first), number(last or first) + 1))
    return found


def _listed(told: str) -> list[str]:
    return re.split(r", | and | or ", told)


def _ordinal(word: str) -> int:
    return ORDINALS.index(word) + 1


def _is_last(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def _is_last_weekday(day: date) -> bool:
    """Return whether the day is the last day of its month from Monday to Friday."""
    rest = (day + timedelta(days=more) for more in range(1, 8))
    left = [one for one in rest if one.month == day.month and one.weekday() < 5]
    return day.weekday() < 5 and not left
