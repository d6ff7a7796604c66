"""Retry-After is a number of seconds or a date, and other texts have no effect."""

from datetime import UTC, datetime, timedelta

import pytest

from crawljobs.domain import retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("999999999", 999_999_999),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
        ("Fri, 02 Jan 2026 04:05:05 +0100", 60),
        ("Fri, 02 Jan 2026 03:05:05 -0000", 60),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0),
        *((text, None) for text in ("", "-1", "1.5", "9" * 10, "soon", "1 2", "\u0663", "0x10")),
        ("Fri, 99 Jan 2026 03:05:05 GMT", None),
        ("Fri, 02 Jan 99999999999 03:05:05 GMT", None),
        ("x" * 101, None),
    ],
)
def test_a_header_is_read(text: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after.parse(text, now=NOW) == expected
