"""Describe a cron expression in plain English.

The sentence describes the sets of minutes, hours, days and months that the expression matches. So
`1-31`, `*/1` and `*`, which match the same days, give the same sentence.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from datetime import timedelta

from cronsim import CronSim

_UNITS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}  # in seconds
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September"]
_MONTHS += ["October", "November", "December"]
_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

_EVERY_MINUTE = range(60)
_EVERY_HOUR = range(24)
_EVERY_DATE = range(1, 32)
_EVERY_MONTH = range(1, 13)
_EVERY_WEEKDAY = range(1, 8)

LISTED = 8  # the maximum number of clock times in one sentence, to keep it readable
_RUN = 3  # the minimum number of consecutive values that are written as "a through c"
_STEPS = 4  # the minimum number of values that are written as "every second minute"

_LAST_DATES = {CronSim.LAST: "the last day", CronSim.LAST_WEEKDAY: "the last weekday"}

# A weekday, and its number within the month (2 for the second Monday) or CronSim.LAST.
Nth = tuple[int, int]


def interval(every: timedelta) -> str:
    """Return a text such as `Every 1 hour 30 minutes`."""
    rest = int(every.total_seconds())
    parts = []
    for name, unit in _UNITS.items():
        number, rest = divmod(rest, unit)
        if number:
            parts.append(f"{number} {name}{'s' if number > 1 else ''}")
    return f"Every {' '.join(parts)}"


def sentence(sim: CronSim) -> str:
    """Return a text such as `At 02:30 on the first day of every month or on Monday`."""
    times, by_the_clock = _times(sorted(sim.minutes), sorted(sim.hours))
    days = _days(sim)
    if days is None and (by_the_clock or len(sim.months) < len(_EVERY_MONTH)):
        days = f"every day{_in_months(sim)}"
    return times if days is None else f"{times} {days}"


def ordinal(number: int) -> str:
    """Return a text such as `ninth`, `11th` or `22nd`."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def _times(minutes: list[int], hours: list[int]) -> tuple[str, bool]:
    """Return the times of a day as text, and whether the text has clock times such as 02:30."""
    if len(minutes) * len(hours) <= LISTED:
        listed = [_clock(hour, minute) for hour in hours for minute in minutes]
        return f"At {_joined(listed)}", True
    every_hour = hours == list(_EVERY_HOUR)
    step = _step(hours)
    if len(minutes) == 1 and step and not every_hour:
        each = "hour" if step == 1 else f"{ordinal(step)} hour"
        ends = (_clock(hour, minutes[0]) for hour in (hours[0], hours[-1]))
        return f"Every {each} from {' through '.join(ends)}", True
    if minutes == [0] and every_hour:
        return "At the start of every hour", False
    text, regular = _minutes(minutes)
    if every_hour:
        return (text if minutes == list(_EVERY_MINUTE) else f"{text} of every hour"), False
    if regular and (len(hours) == 1 or step == 1):
        return f"{text} from {_clock(hours[0], 0)} through {_clock(hours[-1], 59)}", True
    if step and step > 1:
        span = f"from hour {hours[0]} through hour {hours[-1]}"
        return f"{text} of every {ordinal(step)} hour {span}", False
    return f"{text} of {_numbered('hour', hours)}", False


def _minutes(minutes: list[int]) -> tuple[str, bool]:
    """Return the minutes as text, and whether the interval between them is always the same.

    The interval from an hour's last minute to the next hour's first minute must be equal too.
    """
    if minutes == list(_EVERY_MINUTE):
        return "Every minute", True
    step = _step(minutes)
    if step is None or step == 1:
        return f"At {_numbered('minute', minutes)}", False
    text = f"Every {ordinal(step)} minute"
    if minutes == list(range(0, 60, step)) and 60 % step == 0:
        return text, True
    return f"{text} from minute {minutes[0]} through minute {minutes[-1]}", False


def _days(sim: CronSim) -> str | None:
    """Return the days as text, or None if the expression matches every day of its months."""
    dates = None if sim.days.issuperset(_EVERY_DATE) else sim.days
    weekdays = _distinct(sim.weekdays)
    if not sim.day_and and (dates is None or weekdays is None):
        # One of the two day fields allows every day, and a day needs to match only one field.
        return None
    every_month = len(sim.months) == len(_EVERY_MONTH)
    months = "every month" if every_month else _joined(_month_names(sim))
    if dates is None:
        return None if weekdays is None else f"on {_of_week(weekdays)}{_in_months(sim)}"
    if weekdays is None:
        return f"on {_of_month(dates)} of {months}"
    if sim.day_and:
        return f"on {_of_month(dates)} of {months} if it is {_of_week(weekdays, last='or')}"
    if every_month:
        return f"on {_of_month(dates)} of every month or on {_of_week(weekdays)}"
    either = f"on {_of_month(dates)} of the month or on {_of_week(weekdays)}"
    return f"{either}, in {months}"


def _distinct(weekdays: Iterable[int | Nth]) -> set[int | Nth] | None:
    """Return the distinct weekdays, with Sunday as 7, or None if these are all seven weekdays."""
    plain = {each % 7 or 7 for each in weekdays if isinstance(each, int)}
    if plain.issuperset(_EVERY_WEEKDAY):
        return None
    nth = {(each[0] % 7 or 7, each[1]) for each in weekdays if not isinstance(each, int)}
    return plain | {each for each in nth if each[0] not in plain}


def _of_month(dates: Iterable[int]) -> str:
    numbers = sorted(date for date in dates if date > 0)
    last = [words for date, words in _LAST_DATES.items() if date in dates]
    step = _step(numbers)
    if not last and step and step > 1:
        ends = f"the {ordinal(numbers[0])} through the {ordinal(numbers[-1])}"
        return f"every {ordinal(step)} day from {ends}"
    runs = _runs(numbers, lambda date: f"the {ordinal(date)}")
    if last:
        return _joined([*(f"{date} day" for date in runs), *last])
    return f"{_joined(runs)} day"


def _of_week(weekdays: Iterable[int | Nth], *, last: str = "and") -> str:
    plain = sorted(each for each in weekdays if isinstance(each, int))
    words = _runs(plain, lambda day: _WEEKDAYS[day - 1])
    nth = sorted(each for each in weekdays if not isinstance(each, int))
    if not nth:
        return _joined(words, last=last)
    which = {CronSim.LAST: "last"}
    words += [f"the {which.get(n) or ordinal(n)} {_WEEKDAYS[day - 1]}" for day, n in nth]
    return f"{_joined(words, last=last)} of the month"


def _in_months(sim: CronSim) -> str:
    if len(sim.months) == len(_EVERY_MONTH):
        return ""
    return f" in {_joined(_month_names(sim))}"


def _month_names(sim: CronSim) -> list[str]:
    return _runs(sorted(sim.months), lambda month: _MONTHS[month - 1])


def _numbered(name: str, numbers: list[int]) -> str:
    text = _joined(_runs(numbers, str))
    return f"{name} {text}" if len(numbers) == 1 else f"{name}s {text}"


def _runs(numbers: list[int], word: Callable[[int], str]) -> list[str]:
    """Return the numbers in words. `a through c` replaces three or more consecutive numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words: list[str] = []
    for run in runs:
        if len(run) >= _RUN:
            words.append(f"{word(run[0])} through {word(run[-1])}")
        else:
            words.extend(map(word, run))
    return words


def _step(numbers: list[int]) -> int | None:
    """Return the distance between neighbouring numbers, or None if the distance varies.

    Also returns None for fewer than _STEPS numbers.
    """
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    return steps.pop() if len(numbers) >= _STEPS and len(steps) == 1 else None


def _joined(words: list[str], *, last: str = "and") -> str:
    *others, end = words
    return f"{', '.join(others)} {last} {end}" if others else end


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"
