"""Clean the values of a log line: limit their length, and remove control characters and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from crawljobs.domain import masking, plain_text

TEXT_MAX = 10_000  # limit of one value in characters; the rest is cut
DEPTH_MAX = 6  # limit of the levels of nested values; deeper levels are cut
ITEMS_MAX = 100  # limit of the items of one list or mapping; the other items are cut
# The values of these keys are exceptions and log records. The renderers convert and clean them.
_UNCHANGED = frozenset({"exc_info", "_record", "_from_structlog", "stack_info"})


def clean(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Return the event with clean names and values. This is a structlog processor.

    It must run before the line is rendered and, for JSON lines, after the traceback is rendered.
    """
    return {
        _name(name): value if name in _UNCHANGED else cleaned(value)
        for name, value in event.items()
    }


def cleaned(value: object, depth: int = 0) -> Any:
    """Return the value with every text in it cleaned. A value of another type becomes its repr."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= DEPTH_MAX:
        return "..."
    if isinstance(value, Mapping):
        pairs = [*value.items()][:ITEMS_MAX]
        return {_name(name): cleaned(item, depth + 1) for name, item in pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return [cleaned(item, depth + 1) for item in [*value][:ITEMS_MAX]]
    return _text(str(value) if isinstance(value, BaseException) else repr(value))


def _name(name: object) -> str:
    return name if isinstance(name, str) and name.isidentifier() else _text(str(name))


def _text(value: str) -> str:
    return masking.mask(plain_text.one_line(value, limit=TEXT_MAX))
