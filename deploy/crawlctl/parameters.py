"""Types of options: durations, times, pairs, ids."""

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.output.times import parsed

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,3})?[smhdw])+|\d{1,9}(?:\.\d{1,3})?")
_NAME = re.compile(r"[\w.:-]+", re.ASCII)
_PART = re.compile(r"([\d.]+)([smhdw]?)")
IDS_MAX = 1_000_000


class Duration(click.ParamType[float]):
    """Reads a duration such as `90`, `90s` or `1h30m`. The value is its number of seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        if isinstance(value, int | float):
            return float(value)
        if not _DURATION.fullmatch(value):
            self.fail(f"{value!r}: expected a duration such as 90s, 5m or 1h30m", param, ctx)
        return sum(float(number) * _SECONDS[unit or "s"] for number, unit in _PART.findall(value))


class Moment(click.ParamType[str]):
    """Reads a time in ISO 8601, or a duration. The value is an ISO 8601 text.

    A duration means a time before now, or with `sign` 1 a time after now.
    """

    name = "time"

    def __init__(self, sign: int = -1) -> None:
        self._sign = sign

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the time in ISO 8601, in UTC."""
        text = str(value).strip()
        if _DURATION.fullmatch(text) and not text.isdigit():
            seconds = DURATION.convert(text, param, ctx)
            return (datetime.now(UTC) + self._sign * timedelta(seconds=seconds)).isoformat()
        moment = parsed(text)
        if moment is None or text.isdigit():
            example = "2026-05-04T12:00:00Z, or a duration such as 2h"
            self.fail(f"{value!r}: expected a time such as {example}", param, ctx)
        return moment.isoformat()


class Pair(click.ParamType[tuple[str, str]]):
    """Reads a text NAME=VALUE. The value is the pair of both parts."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return the name and the value."""
        if isinstance(value, tuple):
            return value
        name, separator, text = str(value).partition("=")
        if not separator or not name:
            self.fail(f"{value!r}: expected NAME=VALUE", param, ctx)
        return name, text


class Name(click.ParamType[str]):
    """Reads a name at Reddit, with or without a prefix such as in `r/python` or `/u/ada`.

    The value is the name without the prefix.
    """

    name = "name"

    def __init__(self, *prefixes: str) -> None:
        self._prefixes = prefixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        text = str(value).strip("/")
        for prefix in self._prefixes:
            if text.lower().startswith(f"{prefix}/"):
                text = text[len(prefix) + 1 :]
                break
        if not _NAME.fullmatch(text):
            self.fail(
                f"{value!r}: expected a name of letters, digits, _ or -, such as "
                f"{self._prefixes[0]}/name",
                param,
                ctx,
            )
        return text


DURATION, BEFORE_NOW, AFTER_NOW, PAIR = Duration(), Moment(), Moment(1), Pair()
SUBREDDIT_NAME, AUTHOR_NAME = Name("r"), Name("u", "user")


def words(given: tuple[str, ...]) -> list[str]:
    """Return the arguments, each once.

    For the argument `-`, read standard input, and take the first word of each line.
    """
    found: dict[str, None] = {}
    for one in given:
        for word in _lines() if one == "-" else [one]:
            found[word] = None
            if len(found) > IDS_MAX:
                raise CommandFailed(f"More than {IDS_MAX:,} arguments.", ExitCode.USAGE)
    return list(found)


def ids(given: tuple[str, ...]) -> list[int]:
    """Return the ids, each once. Raises CommandFailed if one is no positive integer."""
    found = words(given)
    for word in found:
        if not re.fullmatch(r"[1-9]\d{0,18}", word, re.ASCII):
            raise CommandFailed(f"{word!r} is no id: expected a number.", ExitCode.USAGE)
    return [int(word) for word in found]


def _lines() -> list[str]:
    return [line.split()[0] for line in sys.stdin if line.strip() and line[0] != "#"]
