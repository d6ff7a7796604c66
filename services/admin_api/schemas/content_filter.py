"""The query parameters of the lists of posts, comments and activity."""

from __future__ import annotations

from marshmallow import fields, validate

from admin_api.schemas.fields import INT8_MAX, PageParameters, Timestamp, described, truth
from admin_api.schemas.known import known
from crawljobs.repository.content.reads.item_page_sql import ItemSort


def _score(text: str) -> fields.Integer:
    return fields.Integer(
        load_default=None,
        validate=validate.Range(min=-INT8_MAX - 1, max=INT8_MAX),
        metadata=described(text, format="int64"),
    )


class ItemParameters(PageParameters):
    since = Timestamp(
        load_default=None, metadata=described("Only items created at this time or later.")
    )
    until = Timestamp(load_default=None, metadata=described("Only items created before this time."))
    score_min = _score("The lowest score. An item with a hidden score matches no limit.")
    score_max = _score("The highest score.")
    deleted = truth(
        load_default=None,
        metadata=described("true: only items that were deleted at Reddit; false: only the others."),
    )
    sort = fields.String(
        load_default=ItemSort.NEWEST.value,
        validate=known(ItemSort),
        metadata=described("`-created_at` (newest first) or `created_at`."),
    )


class ActivityParameters(PageParameters):
    since = Timestamp(
        load_default=None,
        metadata=described("Only subreddits with activity at this time or later."),
    )
    until = Timestamp(
        load_default=None, metadata=described("Only subreddits with activity before this time.")
    )
