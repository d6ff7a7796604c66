"""Schemas of the steps of groups."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import Timestamp, described, identifier, next_cursor
from admin_api.schemas.known import known
from crawljobs.domain.group import RequiredOutcome, StepState, UpstreamFailure


def on_upstream_failure(**options: Any) -> fields.String:
    return fields.String(
        validate=known(UpstreamFailure),
        metadata=described(
            "The effect of an upstream that did not succeed: `cancel` (the step is skipped), "
            "`proceed`, or `hold` (the step is held until an operator decides)."
        ),
        **options,
    )


def require_outcome(**options: Any) -> fields.String:
    return fields.String(
        validate=known(RequiredOutcome),
        metadata=described(
            "The outcome that the job needs, so that the step succeeds: `any`, `crawled`, or "
            "`complete` (crawled, and no part is missing)."
        ),
        **options,
    )


class StepWaitSchema(DirectDump):
    """An upstream of a step. One of `key`, `job_id` and `group_id` is set, or `all` is true."""

    key = fields.String(
        required=True, allow_none=True, metadata=described("A step of the same group.")
    )
    job_id = identifier("A job.", nullable=True)
    group_id = identifier("Another group.", nullable=True)
    all = fields.Boolean(
        attribute="after_all",
        required=True,
        metadata=described("The step waits for all other steps of its group."),
    )
    state = fields.String(
        required=True,
        allow_none=True,
        validate=known(StepState),
        metadata=described("The state in which the upstream ended; null while the wait is open."),
    )
    reason = fields.String(
        required=True, allow_none=True, metadata=described("Why the upstream did not succeed.")
    )
    ended_at = Timestamp(required=True, allow_none=True)


class StepSchema(DirectDump):
    """A step of a group: a crawl of one subreddit that may wait for upstreams."""

    id = identifier("The step.")
    group_id = identifier("The group.")
    key = fields.String(required=True, metadata=described("The name of the step in its group."))
    subreddit = fields.String(required=True, metadata=described("The subreddit's name."))
    state = fields.String(
        required=True,
        validate=known(StepState),
        metadata=described(
            "`pending` (waits), `enqueued` (follows a job), `held` (an operator decides), "
            "`succeeded`, `failed`, `cancelled` or `skipped` (never ran)."
        ),
    )
    reason = fields.String(
        required=True, allow_none=True, metadata=described("Why the step has its state.")
    )
    job_id = identifier("The job that the step follows; null before its start.", nullable=True)
    follows_rerun = fields.Boolean(
        required=True,
        metadata=described(
            "The job was being crawled when the step started, so the step waits for its follow-up."
        ),
    )
    priority = fields.Integer(required=True)
    max_retries = fields.Integer(required=True)
    visible_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The crawl does not start before this time."),
    )
    on_upstream_failure = on_upstream_failure(required=True)
    require_outcome = require_outcome(required=True)
    changed_at = Timestamp(required=True, metadata=described("When the state last changed."))
    waiting_for = fields.Integer(
        required=True, metadata=described("The number of upstreams that have not ended.")
    )
    waits = fields.List(
        fields.Nested(StepWaitSchema),
        required=True,
        metadata=described("At most 20 upstreams; those that have not ended come first."),
    )


class StepListSchema(ma.Schema):
    items = fields.List(fields.Nested(StepSchema), required=True)
    next = next_cursor()
