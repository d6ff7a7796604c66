"""Exceptions as text for log lines and database rows.

The text is printable and of limited length. It leaves out the row values and parameters that a
database driver's message contains.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from crawljobs.domain import masking, plain_text

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

TEXT_MAX = 2_000  # limit of one exception's message in characters
CHAIN_MAX = 10  # limit of exceptions in one chain, including members of exception groups
# Limit of the frames in one traceback. Of more frames, the first 25 and the last 25 are kept.
FRAMES_MAX = 50
_DRIVERS = ("psycopg", "psycopg_pool", "sqlalchemy")


def text_of(error: BaseException) -> str:
    """Return the message of an exception.

    For an exception of a database driver, `db.failures` composes a message without values.
    """
    if type(error).__module__.split(".", 1)[0] in _DRIVERS:
        from crawljobs.db import failures  # imported late: only an error of a driver needs it

        return failures.describe(error)
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - __str__ of an exception may raise anything
        return "(no text)"
    return masking.mask(plain_text.one_line(message, limit=TEXT_MAX))


def as_dicts(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """Return the exception chain as values for JSON. The exception itself comes first."""
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
    """Return the exception chain as text for people. The root cause comes first."""
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
    """Yield each exception of the chain, at most CHAIN_MAX, and whether it is a `__cause__`."""
    seen: set[int] = set()
    pending: list[tuple[BaseException, bool]] = [(error, False)]
    while pending and len(seen) < CHAIN_MAX:
        member, is_cause = pending.pop()
        if id(member) in seen:
            continue
        seen.add(id(member))
        yield member, is_cause
        if member.__cause__ is not None:
            pending.append((member.__cause__, True))
        elif member.__context__ is not None and not member.__suppress_context__:
            pending.append((member.__context__, False))
        if isinstance(member, BaseExceptionGroup):
            pending.extend((each, False) for each in reversed(member.exceptions[:CHAIN_MAX]))
