"""The progress of a crawl, computed from the job and its checkpoint (the stored crawl state)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crawljobs.domain import missing_part
from crawljobs.domain.job import FINAL, Job, JobStatus
from crawljobs.domain.missing_part import MissingPart

LONGEST_ETA = timedelta(days=366)  # if a crawl needs longer, its end is shown as unknown


@dataclass(frozen=True)
class Progress:
    """The progress of a crawl. `phase` is None until a page is stored.

    `done` and `total` count requests to Reddit.
    """

    phase: str | None = None
    page: int = 0
    posts: int = 0
    comments: int = 0
    authors: int = 0
    requests: int = 0
    done: int = 0
    total: int | None = None
    waiting_until: datetime | None = None
    eta: datetime | None = None
    gap: bool = False
    missing_parts: int = 0


def of_job(job: Job) -> Progress:
    """Return the progress of a job. A missing or invalid count in its checkpoint becomes 0."""
    found = job.checkpoint or {}
    phase = found.get("phase")
    requests = _count(found.get("requests"))
    total, pace = _forecast(found.get("forecast"))
    return Progress(
        phase=phase if isinstance(phase, str) else None,
        page=_count(found.get("page")),
        posts=_count(found.get("posts")),
        comments=_count(found.get("comments")),
        authors=_count(found.get("authors")),
        requests=requests,
        done=requests,
        total=None if total is None else max(total, requests),
        waiting_until=job.waits_until if job.status is JobStatus.WAITING else None,
        eta=None if total is None else _eta(job, max(0, total - requests) * pace),
        gap=found.get("gap") is True,
        missing_parts=_count(found.get("given_up")),
    )


def missing_of_job(job: Job) -> list[MissingPart]:
    """Return the given-up parts that the checkpoint lists. Invalid entries are skipped."""
    listed = (job.checkpoint or {}).get("missing")
    found = []
    for row in listed if isinstance(listed, list) else []:
        try:
            found += missing_part.of_json([row])
        except (KeyError, TypeError, ValueError):
            continue
    return found


def requests_per_minute(job: Job) -> float | None:
    """Return the average pace of the crawl while workers crawled, or None before the first request.

    The pace is the average of the attempts since the last retry by an operator, and of the present
    attempt until its last stored page.
    """
    seconds = job.duration_seconds or 0.0
    if job.status is JobStatus.CRAWLING and job.claimed_at and job.progress_at:
        seconds += max(0.0, (job.progress_at - job.claimed_at).total_seconds())
    requests = _count((job.checkpoint or {}).get("requests"))
    return None if seconds <= 0 or not requests else requests / seconds * 60


def _eta(job: Job, seconds: float) -> datetime | None:
    """Return the expected end.

    None if the job is finished or queued, or if the end is too far away.
    """
    begins = {JobStatus.CRAWLING: job.progress_at, JobStatus.WAITING: job.waits_until}
    start = begins.get(job.status)
    if job.status in FINAL or start is None or seconds > LONGEST_ETA.total_seconds():
        return None
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:  # the end of the wait is infinite, because a pause has no end
        return None


def _forecast(saved: Any) -> tuple[int | None, float]:
    """Return the checkpoint's forecast: total requests (None: unknown) and seconds per request."""
    if not isinstance(saved, Mapping):
        return None, 0.0
    total, pace = _count(saved.get("total")), saved.get("pace")
    if not total or isinstance(pace, bool) or not isinstance(pace, int | float):
        return None, 0.0
    return (total, float(pace)) if math.isfinite(pace) and pace >= 0 else (None, 0.0)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
