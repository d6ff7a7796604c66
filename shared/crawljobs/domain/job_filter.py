"""The filter that selects the jobs of a list or of a bulk change, and the order of a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crawljobs.domain.job import FINAL, SHOWS_ERROR, ErrorKind, JobSource, JobStatus

ALL = frozenset(JobStatus)


class JobSort(StrEnum):
    """The order of a job list.

    Some orders read an index that has only jobs in certain states. A list in one of these
    orders has only the jobs of its index.
    """

    NEWEST = "-created_at"
    OLDEST = "created_at"
    ENDED_LAST = "-finished_at"  # the list has only finished jobs
    ENDED_FIRST = "finished_at"  # the list has only finished jobs
    CLAIM_ORDER = "-priority"  # queued jobs only, in the order in which workers claim them
    DUE_FIRST = "visible_at"  # the list has only waiting jobs


_ELIGIBLE: dict[JobSort, frozenset[JobStatus]] = {
    JobSort.ENDED_LAST: FINAL,
    JobSort.ENDED_FIRST: FINAL,
    JobSort.CLAIM_ORDER: frozenset({JobStatus.QUEUED}),
    JobSort.DUE_FIRST: frozenset({JobStatus.WAITING}),
}


@dataclass(frozen=True)
class JobFilter:
    """The conditions that a job must meet. A field that is None or empty is no condition.

    A range of times includes its start and excludes its end.
    """

    statuses: frozenset[JobStatus] = frozenset()
    subreddit_id: int | None = None
    scheduled_job_id: int | None = None
    group_id: int | None = None  # only jobs that a step of this group follows
    sources: frozenset[JobSource] = frozenset()
    priority_min: int | None = None
    priority_max: int | None = None
    error_kind: ErrorKind | None = None
    error_text: str | None = None  # text within the error message; case is ignored
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    worker: str | None = None  # the worker that crawls the job now
    incomplete: bool | None = None  # whether the crawl gave up a part

    def possible_statuses(self, sort: JobSort = JobSort.NEWEST) -> frozenset[JobStatus]:
        """Return the states that a job can have in a list with this filter and this order."""
        possible = (self.statuses or ALL) & _ELIGIBLE.get(sort, ALL)
        if self.finished_after is not None or self.finished_before is not None:
            possible &= FINAL
        if self.error_kind is not None or self.error_text is not None:
            possible &= SHOWS_ERROR
        if self.worker is not None:
            possible &= {JobStatus.CRAWLING}
        return possible
