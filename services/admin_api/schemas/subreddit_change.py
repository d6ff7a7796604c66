"""Schemas of requests that change a subreddit or enqueue a crawl of it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import described, max_retries, priority
from crawljobs.repository.content.politeness_gaps import (
    CRAWL_GAP_MAX_SECONDS,
    REQUEST_GAP_MAX_SECONDS,
)

# Field descriptions that the schemas of requests and of responses share.
REQUEST_GAP = "Minimum seconds between two requests of a crawl; null: the workers' setting applies."
CRAWL_GAP = "Minimum seconds between two crawls; null: no minimum."


class Gap(fields.Float):
    """A minimum time in seconds. Accepts a JSON number, but no string and no Boolean."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ma.ValidationError("Not a valid number.")
        return super()._deserialize(value, attr, data, **options)


class PolitenessSchema(ma.Schema):
    """The minimum times between requests and between crawls. Absent fields stay unchanged."""

    min_request_gap_seconds = Gap(
        allow_none=True,
        validate=validate.Range(min=0, max=REQUEST_GAP_MAX_SECONDS),
        metadata=described(REQUEST_GAP),
    )
    min_crawl_gap_seconds = Gap(
        allow_none=True,
        validate=validate.Range(min=0, max=CRAWL_GAP_MAX_SECONDS),
        metadata=described(CRAWL_GAP),
    )


class EnqueueNowSchema(ma.Schema):
    """The options of a crawl that is enqueued now."""

    priority = priority(default=60)
    max_retries = max_retries()
