"""The values that the shared fields accept and refuse, and the loaded values."""

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
import pytest

from admin_api.schemas.fields import Flag, Name, Timestamp, Whole
from admin_api.schemas.subreddit_change import Gap
from admin_api.schemas.subreddit_filter import OnlyNameCharacters

ACCEPTED: list[tuple[ma.fields.Field[Any], Any, Any]] = [
    (Timestamp(), "2031-05-17T09:30:00Z", datetime(2031, 5, 17, 9, 30, tzinfo=UTC)),
    (Timestamp(), "2031-05-17t09:30:00.5z", datetime(2031, 5, 17, 9, 30, 0, 500_000, UTC)),
    (Timestamp(), "2031-05-17T09:30:00+02:00", datetime(2031, 5, 17, 7, 30, tzinfo=UTC)),
    (Flag(), True, True),
    (Flag(), False, False),
    (Whole(), 60, 60),
    (Whole(), 60.0, 60),
    (Gap(), 2, 2.0),
    (Gap(), 2.5, 2.5),
    (Name(), "  nightly ", "nightly"),
    (Name(), "x" * 200, "x" * 200),
]
REFUSED: list[tuple[ma.fields.Field[Any], Any]] = [
    (Timestamp(), 1_936_000_000),
    (Timestamp(), "2031-05-17"),
    (Timestamp(), "2031-05-17T09:30:00"),
    (Timestamp(), "2031-02-30T00:00:00Z"),
    (Timestamp(), "2031-05-17T24:00:01Z"),
    (Timestamp(), "9999-12-31T23:59:59-01:00"),
    (Timestamp(), "0001-01-01T00:00:00+01:00"),
    (Flag(), 1),
    (Flag(), "true"),
    (Whole(), True),
    (Whole(), "60"),
    (Whole(), 60.5),
    (Gap(), True),
    (Gap(), "2"),
    (Name(), "x" * 201),
    (Name(), "night\u200bly"),
    (Name(), 7),
]


@pytest.mark.parametrize(("field", "value", "loaded"), ACCEPTED)
def test_a_field_loads_a_valid_value(field: ma.fields.Field[Any], value: Any, loaded: Any) -> None:
    found = field.deserialize(value)
    assert (found, type(found)) == (loaded, type(loaded))


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_a_field_refuses_another_value(field: ma.fields.Field[Any], value: Any) -> None:
    with pytest.raises(ma.ValidationError):
        field.deserialize(value)


@pytest.mark.parametrize(
    ("text", "is_valid"), [("py_t-h.o:n7", True), ("a b", False), ("é", False)]
)
def test_a_part_of_a_name_holds_only_characters_of_names(text: str, *, is_valid: bool) -> None:
    if is_valid:
        assert OnlyNameCharacters()(text) == text
        return
    with pytest.raises(ma.ValidationError):
        OnlyNameCharacters()(text)
