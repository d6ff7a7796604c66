"""Hide fields of an export: fields that identify an account, and the texts of items."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, null, or_

from crawljobs.domain.subreddit import PROFILE
from crawljobs.repository.exports.export_plan import ExportKind, ExportShape
from crawljobs.repository.exports.flat_fields import Fields
from crawljobs.repository.sql import inline, inline_number

# The fields that identify an author. An export with pseudonyms has null in them.
IDENTIFYING = frozenset(
    {
        *("author_fullname", "reddit_id", "author_flair", "author_flair_text", "extra"),
        *("crosspost_author", "crosspost_parent_list", "created_at_reddit"),
    }
)
# In the shape `reddit`, these fields contain the id of an account and the time at which the account
# was created at Reddit.
_OF_ACCOUNT = frozenset({"id", "created_utc"})
# The kinds of exports whose rows have no author.
_OF_SUBREDDITS = frozenset({ExportKind.SUBREDDITS, ExportKind.LINKS, ExportKind.MAP_NODES})
BODIES = frozenset({"body", "selftext"})
ADDRESSES = frozenset({"url", "permalink", "domain"})
# Matches the parts of an address that come before the name of an account, such as /user/ and
# self.u_. `.2f` matches `%2f`, a slash in percent-encoding. The pattern itself must not contain %,
# because drivers read % as a placeholder.
_PROFILE = "(^|[/.]|.2f)(u_|(u|user)(/|.2f))"


def without_accounts(
    fields: Fields, kind: ExportKind, shape: ExportShape, *, author: ColumnElement[Any]
) -> Fields:
    """Return the fields without the values that identify an account.

    `author` is the name of the author. The value of a field in ADDRESSES is left out if the value
    contains this name or leads to a profile.
    """
    if kind in _OF_SUBREDDITS:
        return {
            name: case((is_no_profile(column), column)) if name == "community" else column
            for name, column in fields.items()
        }
    is_account = kind is ExportKind.AUTHORS and shape is ExportShape.REDDIT
    identifying = IDENTIFYING | (_OF_ACCOUNT if is_account else frozenset())
    hidden = dict(fields)
    for name, column in fields.items():
        if name in identifying:
            hidden[name] = null()
        elif name in ADDRESSES:
            hidden[name] = _without_names(column, author, absent=_absent(shape))
    return hidden


def is_no_profile(name: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether the name of a subreddit is not the name of an account's profile."""
    return func.lower(func.left(name, inline_number(len(PROFILE)))) != inline(PROFILE)


def without_bodies(fields: Fields, shape: ExportShape) -> Fields:
    """Return the fields without the texts of posts and comments."""
    return {name: _absent(shape) if name in BODIES else fields[name] for name in fields}


def _without_names(
    address: ColumnElement[Any], author: ColumnElement[Any], *, absent: ColumnElement[Any]
) -> ColumnElement[Any]:
    has_author = func.strpos(func.lower(address), func.lower(author)) > inline_number(0)
    leads_to_profile = address.regexp_match(inline(_PROFILE), flags="i")
    return case((or_(leads_to_profile, has_author), absent), else_=address)


def _absent(shape: ExportShape) -> ColumnElement[Any]:
    return inline("") if shape is ExportShape.REDDIT else null()
