"""The header Retry-After: a number of seconds, or an HTTP date."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC, datetime, timedelta

_SECONDS = re.compile(r"[0-9]{1,9}")
TEXT_MAX = 100  # limit of the header in characters; a longer text is not parsed


def parse(text: str, *, now: datetime) -> timedelta | None:
    """Return the time to wait, at least 0, or None if the text is neither number nor date."""
    text = text.strip()
    if len(text) > TEXT_MAX:
        return None
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=int(text))
    try:
        until = email.utils.parsedate_to_datetime(text)
        # A date without a zone is in UTC.
        until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
        return max(timedelta(0), until - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
