"""The fields of a job in the audit log."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from crawljobs.domain.job import Job


def audited(job: Job) -> dict[str, Any]:
    """Return the fields of a job for the audit log, as JSON values."""
    before = job.not_before
    return {
        "subreddit": job.subreddit,
        "status": job.status,
        "wait_reason": job.wait_reason,
        "priority": job.priority,
        "base_priority": job.base_priority,
        "max_retries": job.max_retries,
        "retry_count": job.retry_count,
        "visible_at": before and before.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "rerun_requested": job.rerun_requested,
    }
