"""Schemas of erasures of authors and of the content of subreddits."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import described, identifier, truth
from crawljobs.repository.erasure.found_content import COUNT_MAX


class ErasureParameters(ma.Schema):
    dry_run = truth(
        load_default=False, metadata=described("true: only count the rows, and change nothing.")
    )


class ErasureSchema(ma.Schema):
    """The numbers of the rows that an erasure changes or deletes."""

    posts = fields.Integer(required=True, metadata=described("The posts."))
    comments = fields.Integer(required=True, metadata=described("The comments."))
    crossposts = fields.Integer(
        required=True,
        metadata=described(
            "Other authors' crossposts of the author's posts. They lose the author of the original."
        ),
    )
    edges = fields.Integer(
        required=True,
        metadata=described("The rows with the activity of an author in a subreddit."),
    )
    more = fields.Boolean(
        required=True,
        metadata=described(f"true: a number is {COUNT_MAX:,}, and there may be more rows."),
    )
    dry_run = fields.Boolean(required=True, metadata=described("true: nothing was changed."))
    operation_id = identifier(
        "The operation that erases the rows; null in a dry run, or if nothing is stored.",
        nullable=True,
    )
