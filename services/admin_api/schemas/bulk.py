"""Changes of many jobs at once, and what became of each."""

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
from crawljobs.domain import job

ITEMS_MAX = 1_000  # in one request: some 300 ms of one transaction


class BulkSchema(ma.Schema):
    """Which jobs: `job_ids`, or a `filter` with the number of jobs it is expected to match."""

    job_ids = fields.List(
        Whole(validate=validate.Range(min=1, max=INT8_MAX)),
        validate=validate.Length(min=1, max=ITEMS_MAX),
        metadata=described("The jobs, at most 1,000."),
    )
    filter = fields.Nested(
        JobFilterSchema, metadata=described("As for the list; must match at most 1,000 jobs.")
    )
    expected_count = Whole(
        validate=validate.Range(min=0, max=ITEMS_MAX),
        metadata=described(
            "How many jobs the filter shall match; when there are others, nothing is changed. A "
            "dry run tells the number."
        ),
    )
    dry_run = Flag(
        load_default=False, metadata=described("Only tell what would become of each job.")
    )

    @ma.validates_schema(skip_on_field_errors=True)
    def _says_which(self, asked: dict[str, Any], **_: Any) -> None:
        if ("job_ids" in asked) == ("filter" in asked):
            raise ma.ValidationError({"job_ids": ["give either job_ids or filter"]})
        if "filter" in asked and "expected_count" not in asked and not asked["dry_run"]:
            raise ma.ValidationError(
                {"expected_count": ["say how many jobs the filter shall match, or dry_run"]}
            )


class BulkStatusSchema(BulkSchema):
    """Which jobs, and the state to bring about."""

    status = settable_status()


class BulkBoostSchema(BulkSchema):
    """Which jobs, and how much to add."""

    boost = Whole(
        required=True,
        validate=validate.Range(min=1, max=job.PRIORITY_MAX),
        metadata=described("Points for base and effective priority; both stop at 100."),
    )


class BulkItemSchema(ma.Schema):
    """What became of one job."""

    id = fields.Integer(required=True, metadata=described("The job.", format="int64"))
    status = fields.Integer(
        required=True, metadata=described("As the answer to a request for this job alone.")
    )
    code = fields.String(
        required=True, metadata=described("`ok`, or the code of a problem.", example="ok")
    )
    detail = fields.String(required=True, metadata=described("For people."))
    other_job_id = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("The live job in its way; of several, the one retried.", format="int64"),
    )


class BulkResultSchema(ma.Schema):
    """One item a job, in the order asked for."""

    dry_run = fields.Boolean(required=True, metadata=described("Nothing was changed."))
    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    items = fields.List(fields.Nested(BulkItemSchema), required=True)


class ImportSchema(ma.Schema):
    """Subreddits to crawl."""

    subreddits = fields.List(
        fields.String(validate=validate.Length(min=1, max=100)),
        required=True,
        validate=validate.Length(min=1, max=ITEMS_MAX),
        metadata=described("Names, with or without r/; one that cannot be spoils only its item."),
    )
    priority = priority(default=60)
    max_retries = max_retries()
    visible_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described("Not to be crawled before this time; at once when absent."),
    )


class ImportItemSchema(ma.Schema):
    """What became of one name."""

    subreddit = fields.String(required=True, metadata=described("As it was asked for."))
    status = fields.Integer(
        required=True, metadata=described("As the answer to a request for this one alone.")
    )
    code = fields.String(
        required=True,
        metadata=described(
            "`created`, `merged`, `rerun_requested`; `duplicate`: named before in this list; "
            "`invalid_request`: not a name."
        ),
    )
    detail = fields.String(required=True)
    job_id = fields.Integer(
        required=True, allow_none=True, metadata=described("The job.", format="int64")
    )


class ImportResultSchema(ma.Schema):
    """One item a name, in the order asked for."""

    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    items = fields.List(fields.Nested(ImportItemSchema), required=True)
