"""Pauses of the queue."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described, subreddit

REASON_MAX_CHARACTERS = 500


class PauseBodySchema(ma.Schema):
    """What to pause, and why."""

    subreddit = subreddit(load_default=None)
    reason = fields.String(
        required=True,
        validate=[
            validate.Length(min=1, max=REASON_MAX_CHARACTERS),
            validate.Regexp(r"[\s\S]*\S", error="must not be blank"),
        ],
        metadata=described("For whoever wonders later.", example="Reddit asked us to slow down"),
    )
    until = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described("When it ends by itself; absent: when somebody resumes."),
    )


class ResumeBodySchema(ma.Schema):
    """What to resume."""

    subreddit = subreddit(load_default=None)


class PauseSchema(ma.Schema):
    """Work that nobody may begin."""

    subreddit = fields.String(
        required=True, allow_none=True, metadata=described("Null: everything.")
    )
    reason = fields.String(required=True)
    until = Timestamp(
        required=True, allow_none=True, metadata=described("Null: until somebody resumes.")
    )
    paused_by = fields.String(required=True)
    paused_at = Timestamp(required=True)


class PauseListSchema(ma.Schema):
    items = fields.List(
        fields.Nested(PauseSchema),
        required=True,
        metadata=described("That of everything first; at most 500."),
    )
