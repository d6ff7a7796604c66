"""Schemas of bulk changes and imports, with a result for each item."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import (
    INT8_MAX,
    Flag,
    Timestamp,
    Whole,
    described,
    max_retries,
    priority,
)
from admin_api.schemas.job_change import settable_status
from admin_api.schemas.job_filter import JobFilterSchema
from admin_api.schemas.reason import reason
from crawljobs.domain import job

ITEMS_MAX = 1_000  # limit of jobs in a request; a transaction changes 1,000 jobs in about 300 ms


class BulkSchema(ma.Schema):
    """The jobs to change: `job_ids`, or a `filter` with the expected number of matching jobs."""

    job_ids = fields.List(
        Whole(validate=validate.Range(min=1, max=INT8_MAX), metadata={"format": "int64"}),
        validate=validate.Length(min=1, max=ITEMS_MAX),
        metadata=described("The jobs, at most 1,000."),
    )
    filter = fields.Nested(
        JobFilterSchema,
        metadata=described("The filters of the job list; at most 1,000 jobs may match."),
    )
    expected_count = Whole(
        validate=validate.Range(min=0, max=ITEMS_MAX),
        metadata=described(
            "The number of jobs that must match the filter. With another number of matches, "
            "nothing changes. A dry run returns the number. It has no effect with `job_ids`."
        ),
    )
    dry_run = Flag(
        load_default=False, metadata=described("Return the result for each job without a change.")
    )
    reason = reason(
        load_default=None,
        metadata=described(
            "The reason for the change. The audit log has it in the field `after` of each row.",
            example="Reddit was down",
        ),
    )

    @ma.validates_schema(skip_on_field_errors=True)
    def _check_selection(self, body: dict[str, Any], **_: Any) -> None:
        if ("job_ids" in body) == ("filter" in body):
            raise ma.ValidationError({"job_ids": ["give either job_ids or filter"]})
        if "filter" in body and "expected_count" not in body and not body["dry_run"]:
            raise ma.ValidationError(
                {"expected_count": ["required with a filter, except for a dry run"]}
            )


class BulkStatusSchema(BulkSchema):
    """The jobs to change, and their new state."""

    status = settable_status()


class BulkBoostSchema(BulkSchema):
    """The jobs to change, and the points to add."""

    boost = Whole(
        required=True,
        validate=validate.Range(min=1, max=job.PRIORITY_MAX),
        metadata=described("Points to add to the base and effective priority, up to 100 each."),
    )


class BulkItemSchema(ma.Schema):
    """The result of a bulk change for one job."""

    id = fields.Integer(required=True, metadata=described("The job.", format="int64"))
    status = fields.Integer(
        required=True, metadata=described("The HTTP status of a request for this job alone.")
    )
    code = fields.String(
        required=True, metadata=described("`ok`, or the code of a problem.", example="ok")
    )
    detail = fields.String(
        required=True, metadata=described("An explanation for people; empty for `ok`.")
    )
    other_job_id = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described(
            "The live job that prevents the change, or the retried job of the same subreddit.",
            format="int64",
        ),
    )


class BulkResultSchema(ma.Schema):
    """The response of a bulk change. It has one item for each job, in the order of the request."""

    dry_run = fields.Boolean(required=True, metadata=described("Whether it was a dry run."))
    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    items = fields.List(fields.Nested(BulkItemSchema), required=True)


class ImportSchema(ma.Schema):
    """A list of subreddits to enqueue."""

    subreddits = fields.List(
        fields.String(validate=validate.Length(min=1, max=100)),
        required=True,
        validate=validate.Length(min=1, max=ITEMS_MAX),
        metadata=described(
            "Names, with or without r/. A name that is not valid fails only its own item."
        ),
    )
    priority = priority(default=60)
    max_retries = max_retries()
    visible_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described("The earliest start of the crawl; absent or null: now."),
    )


class ImportItemSchema(ma.Schema):
    """The result of an import for one name."""

    subreddit = fields.String(required=True, metadata=described("The name in the request."))
    status = fields.Integer(
        required=True, metadata=described("The HTTP status of a request for this name alone.")
    )
    code = fields.String(
        required=True,
        metadata=described(
            "`created`, `merged`, `rerun_requested`; `duplicate`: repeats an earlier name of the "
            "list; `invalid_request`: not a valid name."
        ),
    )
    detail = fields.String(required=True)
    job_id = fields.Integer(
        required=True, allow_none=True, metadata=described("The job.", format="int64")
    )


class ImportResultSchema(ma.Schema):
    """The response of an import. It has one item for each name, in the order of the request."""

    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    items = fields.List(fields.Nested(ImportItemSchema), required=True)
