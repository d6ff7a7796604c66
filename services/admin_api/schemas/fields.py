"""Schema fields that several resources share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from crawljobs.domain import job, names
from crawljobs.domain import subreddit as subreddits
from crawljobs.errors import InvalidSubredditName

INT8_MAX = 2**63 - 1
NAME_MAX_CHARACTERS = 200
DESCRIPTION_MAX_CHARACTERS = 1_000
# The limit of a cursor's length. The longest cursor holds one name (200 characters of 4 bytes, in
# Base64) and the signature.
CURSOR_MAX_CHARACTERS = 2_048
# This pattern is only for the OpenAPI document. crawljobs.domain.subreddit checks the names.
NAME_PATTERN = "^/?(r/)?([A-Za-z0-9_]{2,21}|u_[A-Za-z0-9_-]{2,20})$"

_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


class Timestamp(fields.AwareDateTime):
    """A time in RFC 3339 format. Responses use UTC. A time without a UTC offset is not valid."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            raise ma.ValidationError("expected an RFC 3339 time, such as 2031-05-17T09:30:00Z")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # a time that does not exist, such as 30 February
            raise ma.ValidationError("this time does not exist") from None


class Flag(fields.Boolean):
    """Accepts only true and false. marshmallow would also accept 1, "yes" or "on"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise ma.ValidationError("expected true or false")
        return value


def truth(**options: Any) -> fields.Boolean:
    """Return a Boolean field for query strings. It accepts only `true` and `false`."""
    return fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": "expected true or false"},
        **options,
    )


class Whole(fields.Integer):
    """Accepts a JSON number without a fraction, such as 60 or 60.0, but no string or Boolean."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ma.ValidationError("Not a valid integer.")
        if isinstance(value, float) and not value.is_integer():
            raise ma.ValidationError("Not a valid integer.")
        return super()._deserialize(value, attr, data, **options)


def rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def described(text: str, **more: Any) -> dict[str, Any]:
    """Return the metadata of a field for the OpenAPI document."""
    return {"description": text, **more}


def identifier(text: str, *, nullable: bool = False) -> fields.Integer:
    return fields.Integer(
        required=True, allow_none=nullable, metadata=described(text, format="int64")
    )


class SubredditName(fields.String):
    """A valid subreddit name. Loading removes the prefix r/."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        name = super()._deserialize(value, attr, data, **options)
        try:
            return subreddits.checked_name(name)
        except InvalidSubredditName as error:
            raise ma.ValidationError(str(error)) from None


def subreddit(**options: Any) -> SubredditName:
    return SubredditName(
        metadata=described(
            "The name of a subreddit, with or without r/: 2 to 21 letters, digits or underscores, "
            "or u_ and a user name. Case does not matter.",
            example="python",
            pattern=NAME_PATTERN,
        ),
        **options,
    )


class Name(fields.String):
    """A freely chosen name. Loading converts it to the Unicode form NFKC and trims spaces."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        given = super()._deserialize(value, attr, data, **options)
        if len(given) > NAME_MAX_CHARACTERS:
            raise ma.ValidationError(f"Length must be between 1 and {NAME_MAX_CHARACTERS}.")
        if found := names.unseen(given):
            raise ma.ValidationError(f"holds {found}, an invisible character")
        return names.normalized(given)


def priority(default: int) -> fields.Integer:
    return Whole(
        load_default=default,
        validate=validate.Range(min=job.PRIORITY_MIN, max=job.PRIORITY_MAX),
        metadata=described(
            "A higher priority is crawled first. Usual: 50 to 70 for people, 10 to 30 for "
            "schedules."
        ),
    )


def max_retries() -> fields.Integer:
    return Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=0, max=100),
        metadata=described(
            "The number of retries after failed attempts. Absent or null: the server's "
            "MAX_RETRIES (3)."
        ),
    )


class PageParameters(ma.Schema):
    """The query parameters that every list has."""

    limit = fields.Integer(
        load_default=100,
        validate=validate.Range(min=1, max=500),
        metadata=described("The maximum number of items."),
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(min=1, max=CURSOR_MAX_CHARACTERS),
        metadata=described("`next` of the previous page, with the same filters."),
    )


def next_cursor() -> fields.String:
    return fields.String(
        required=True,
        allow_none=True,
        metadata=described("The cursor of the next page; null on the last page."),
    )
