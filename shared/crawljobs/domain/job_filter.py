"""Which jobs a list or a bulk change is about, and in which order they are listed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crawljobs.domain.job import FINAL, ErrorKind, JobSource, JobStatus

ALL = frozenset(JobStatus)


class JobSort(StrEnum):
    """Each order is that of an index; some are of jobs in certain states only."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    ENDED_LAST = "-finished_at"  # finished jobs
    ENDED_FIRST = "finished_at"
    CLAIM_ORDER = "-priority"  # queued jobs, as they will be claimed
    DUE_FIRST = "visible_at"  # waiting jobs


_ELIGIBLE: dict[JobSort, frozenset[JobStatus]] = {
    JobSort.ENDED_LAST: FINAL,
    JobSort.ENDED_FIRST: FINAL,
    JobSort.CLAIM_ORDER: frozenset({JobStatus.QUEUED}),
    JobSort.DUE_FIRST: frozenset({JobStatus.WAITING}),
}


@dataclass(frozen=True)
class JobFilter:
    """What is None or empty does not restrict; ranges include their start, not their end."""

    statuses: frozenset[JobStatus] = frozenset()
    subreddit_id: int | None = None
    scheduled_job_id: int | None = None
    sources: frozenset[JobSource] = frozenset()
    priority_min: int | None = None
    priority_max: int | None = None
    error_kind: ErrorKind | None = None
    error_text: str | None = None  # anywhere in the message, whatever its case
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    worker: str | None = None  # that crawls it now
    incomplete: bool | None = None  # whether its crawl has given up a part

    def possible_statuses(self, sort: JobSort = JobSort.NEWEST) -> frozenset[JobStatus]:
        """The states that jobs of this filter, in this order, can be in."""
        possible = (self.statuses or ALL) & _ELIGIBLE.get(sort, ALL)
        if self.finished_after is not None or self.finished_before is not None:
            possible &= FINAL
        if self.worker is not None:
            possible &= {JobStatus.CRAWLING}
        return possible
