"""Schemas of the spending of Reddit's request budget: by minute, by source and by job."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.known import known
from crawljobs.domain.job import JobSource, JobStatus


def _count(text: str) -> fields.Integer:
    return fields.Integer(required=True, validate=validate.Range(min=0), metadata=described(text))


class WindowMinuteSchema(ma.Schema):
    """The requests of one minute of a window."""

    at = Timestamp(required=True, metadata=described("The start of the minute."))
    requests = _count("Requests that workers sent.")
    others = _count("Requests of other programs with the same client id.")
    throttled = _count("Replies with the status 429.")
    failures = _count("Replies with a status of 500 or above, and requests without a reply.")


class SourceSpendingSchema(ma.Schema):
    """The requests of the jobs of one source."""

    source = fields.String(required=True, validate=known(JobSource))
    jobs = _count("Finished jobs in the sample.")
    requests = _count("The requests of these jobs.")


class SpendingJobSchema(ma.Schema):
    """A job, and the requests of its present or last crawl."""

    job_id = identifier("The job.")
    subreddit = fields.String(required=True)
    source = fields.String(required=True, validate=known(JobSource))
    status = fields.String(required=True, validate=known(JobStatus))
    requests = _count("Requests of the crawl until now.")
