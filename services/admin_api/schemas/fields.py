"""Fields that more than one resource uses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.http import problems
from crawljobs.domain import job, names
from crawljobs.domain import subreddit as subreddits
from crawljobs.errors import InvalidSubredditName

INT8_MAX = 2**63 - 1
NAME_MAX_CHARACTERS = 200
# As the domain checks names, for the document.
NAME_PATTERN = "^/?(r/)?([A-Za-z0-9_]{2,21}|u_[A-Za-z0-9_-]{2,20})$"

_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


class Timestamp(fields.AwareDateTime):
    """RFC 3339, in UTC when written; a time without an offset is refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            raise ma.ValidationError("expected an RFC 3339 time, such as 2031-05-17T09:30:00Z")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # 30 February; a year 9999 that UTC makes 10000
            raise ma.ValidationError("no such time") from None


class Flag(fields.Boolean):
    """true or false; not 1, "yes" or "on", which marshmallow would take for them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise ma.ValidationError("expected true or false")
        return value


def truth(**options: Any) -> fields.Boolean:
    """true or false in a query string."""
    return fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": "expected true or false"},
        **options,
    )


class Whole(fields.Integer):
    """A JSON number without a fraction, 60.0 included; not a text or a truth value."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ma.ValidationError("Not a valid integer.")
        if isinstance(value, float) and not value.is_integer():
            raise ma.ValidationError("Not a valid integer.")
        return super()._deserialize(value, attr, data, **options)


def rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def described(text: str, **more: Any) -> dict[str, Any]:
    """Metadata that goes into the OpenAPI document."""
    return {"description": text, **more}


def identifier(text: str, *, nullable: bool = False) -> fields.Integer:
    return fields.Integer(
        required=True, allow_none=nullable, metadata=described(text, format="int64")
    )


class SubredditName(fields.String):
    """A name that the domain accepts, without r/."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        name = super()._deserialize(value, attr, data, **options)
        try:
            return subreddits.checked_name(name)
        except InvalidSubredditName as error:
            raise ma.ValidationError(str(error)) from None


def subreddit(**options: Any) -> SubredditName:
    return SubredditName(
        metadata=described(
            "A subreddit's name, with or without r/: 2 to 21 letters, digits or underscores, or "
            "u_ and a user's name. Case does not matter.",
            example="python",
            pattern=NAME_PATTERN,
        ),
        **options,
    )


class Name(fields.String):
    """A name of somebody's choice, in normal form NFKC and without blanks at its ends."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        given = super()._deserialize(value, attr, data, **options)
        if len(given) > NAME_MAX_CHARACTERS:
            raise ma.ValidationError(f"Length must be between 1 and {NAME_MAX_CHARACTERS}.")
        if found := names.unseen(given):
            raise ma.ValidationError(f"holds {found}, a character that cannot be seen")
        return names.normalized(given)


def priority(default: int) -> fields.Integer:
    return Whole(
        load_default=default,
        validate=validate.Range(min=job.PRIORITY_MIN, max=job.PRIORITY_MAX),
        metadata=described("Higher is crawled first. People use 50 to 70, schedules 10 to 30."),
    )


def max_retries() -> fields.Integer:
    return Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=0, max=100),
        metadata=described(
            "How many failed attempts are followed by another one; absent: MAX_RETRIES of the "
            "server (3)."
        ),
    )


class PageParameters(ma.Schema):
    """What every list takes."""

    limit = fields.Integer(
        load_default=100,
        validate=validate.Range(min=1, max=500),
        metadata=described("How many to list at most."),
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(min=1, max=512),
        metadata=described("The `next` of the page before; with the same filters."),
    )


def next_cursor() -> fields.String:
    return fields.String(
        required=True,
        allow_none=True,
        metadata=described("The cursor of the next page; null on the last one."),
    )


def refuse_value(pointer: str, message: str) -> problems.Problem:
    """A value that only the domain could judge."""
    return refuse_values([(pointer, message)])


def refuse_values(wrong: Iterable[tuple[str, str]]) -> problems.Problem:
    """The pointer of each, and what is wrong with it."""
    return problems.Problem(
        "invalid_request",
        "See errors for each of them.",
        [problems.FieldError(pointer, message) for pointer, message in wrong],
    )
