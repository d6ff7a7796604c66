"""Exceptions as text for logs and rows: bounded, printable, and without what a driver quotes."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from crawljobs.domain import masking, plain_text

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

TEXT_MAX = 2_000  # characters of one exception
CHAIN_MAX = 10  # exceptions of one chain, the members of groups included
FRAMES_MAX = 50  # of one exception: the outermost and innermost halves
_DRIVERS = ("psycopg", "psycopg_pool", "sqlalchemy")


def text_of(error: BaseException) -> str:
    """What the exception says; a driver's is worded by `db.driver_errors`."""
    if type(error).__module__.split(".", 1)[0] in _DRIVERS:
        from crawljobs.db import failures  # late: a process without a database has no driver

        return failures.describe(error)
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - an exception whose own text fails
        return "(no text)"
    return masking.mask(plain_text.one_line(said, limit=TEXT_MAX))


def as_dicts(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """The chain for JSON, the exception itself first."""
    return [
        {
            "exc_type": type(error).__name__,
            "exc_value": text_of(error),
            "is_cause": is_cause,
            "frames": [
                {"filename": frame.filename, "lineno": frame.lineno, "name": frame.name}
                for frame in _frames(error)
            ],
        }
        for error, is_cause in _chain(exc_info[1])
    ]


def as_lines(exc_info: ExcInfo) -> str:
    """The chain for people, the first cause first."""
    parts = []
    for error, is_cause in reversed([*_chain(exc_info[1])]):
        frames = "".join(
            f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
            for frame in _frames(error)
        )
        link = "\nWhich caused:\n\n" if is_cause else ""
        if error is exc_info[1]:
            link = ""
        parts.append(
            f"Traceback (most recent call last):\n{frames}{type(error).__name__}: "
            f"{text_of(error)}\n{link}"
        )
    return "\n".join(parts)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    found = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), lookup_lines=False
    )
    if len(found) <= FRAMES_MAX:
        return found
    half = FRAMES_MAX // 2
    return [*found[:half], *found[-half:]]


def _chain(error: BaseException) -> Iterator[tuple[BaseException, bool]]:
    """Each exception once, and whether it is the declared cause of the one before."""
    seen: set[int] = set()
    waiting: list[tuple[BaseException, bool]] = [(error, False)]
    while waiting and len(seen) < CHAIN_MAX:
        one, is_cause = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one, is_cause
        if one.__cause__ is not None:
            waiting.append((one.__cause__, True))
        elif one.__context__ is not None and not one.__suppress_context__:
            waiting.append((one.__context__, False))
        if isinstance(one, BaseExceptionGroup):
            waiting.extend((member, False) for member in reversed(one.exceptions[:CHAIN_MAX]))
