"""The query parameters of the list of subreddits."""

from __future__ import annotations

import re

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import PageParameters, Timestamp, described, truth
from admin_api.schemas.known import known
from crawljobs.domain.subreddit import AccessState


class OnlyNameCharacters(validate.Validator):
    """Checks the characters of a name.

    This class replaces validate.Regexp, which would add a pattern in Python's syntax to the OpenAPI
    document.
    """

    def __call__(self, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.:-]+", value):
            raise ma.ValidationError("holds characters that no subreddit name contains")
        return value


class SubredditParameters(PageParameters):
    access = fields.String(
        load_default=None,
        validate=known(AccessState),
        metadata=described("Only subreddits with this access state."),
    )
    name_contains = fields.String(
        load_default=None,
        validate=[validate.Length(min=1, max=24), OnlyNameCharacters()],
        metadata=described(
            "Only subreddits whose name contains this text; case does not matter.",
            pattern="^[A-Za-z0-9_.:-]+$",
        ),
    )
    incomplete = truth(
        load_default=None,
        metadata=described("true: only subreddits with missing parts; false: only the others."),
    )
    crawled_before = Timestamp(
        load_default=None,
        metadata=described("Only subreddits without a crawl since this time."),
    )
