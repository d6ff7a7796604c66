"""The schema of the progress of a crawl."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import Timestamp, described
from crawljobs.domain import job_progress


class ProgressSchema(DirectDump):
    """The progress of a crawl.

    The numbers of items and requests only grow during the crawl. `total` and `eta` are estimates,
    which may change.
    """

    phase = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "about, posts, comments, trees, authors, discovery or done; null before the first page."
        ),
    )
    page = fields.Integer(required=True, metadata=described("The page number in this phase."))
    posts = fields.Integer(required=True, metadata=described("Posts stored."))
    comments = fields.Integer(required=True, metadata=described("Comments stored."))
    authors = fields.Integer(required=True, metadata=described("Authors stored."))
    requests = fields.Integer(required=True, metadata=described("Requests sent to Reddit."))
    done = fields.Integer(required=True, metadata=described("The part of `total` that is sent."))
    total = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("The estimated requests of the whole crawl; null if unknown."),
    )
    waiting_until = Timestamp(
        required=True, allow_none=True, metadata=described("When a waiting job continues.")
    )
    eta = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The estimated end of the crawl at its current pace; null if unknown."),
    )
    gap = fields.Boolean(
        required=True,
        metadata=described("Items are missing: more were new than Reddit's listings show."),
    )
    missing_parts = fields.Integer(
        required=True,
        metadata=described("The number of parts that Reddit did not deliver."),
    )


class ProgressOfJob(fields.Nested):
    """A field with the progress, which is computed from the whole job."""

    def __init__(self, **options: Any) -> None:
        super().__init__(ProgressSchema, **options)

    def get_value(self, obj: Any, *_: Any, **__: Any) -> job_progress.Progress:
        return job_progress.of_job(obj)
