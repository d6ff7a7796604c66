"""What a request says about which jobs, as a filter of the repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from admin_api.schemas.job import SUCCESS
from crawljobs.db.database import Connection
from crawljobs.domain.job import ErrorKind, JobSource, JobStatus
from crawljobs.domain.job_filter import JobFilter
from crawljobs.repository.content import subreddit_admin

# Nobody's id: a subreddit that we do not know has no jobs.
_NO_SUBREDDIT = 0


def subreddit_id(conn: Connection, *, name: str) -> int:
    return subreddit_admin.find_id(conn, name=name) or _NO_SUBREDDIT


def asked_for(conn: Connection, asked: Mapping[str, Any]) -> JobFilter:
    subreddit = asked["subreddit"]
    error_kind = asked["error_kind"]
    return JobFilter(
        statuses=frozenset(
            JobStatus.SUCCEEDED if status == SUCCESS else JobStatus(status)
            for status in asked["status"]
        ),
        subreddit_id=None if subreddit is None else subreddit_id(conn, name=subreddit),
        scheduled_job_id=asked["schedule_id"],
        sources=frozenset(JobSource(source) for source in asked["source"]),
        priority_min=asked["priority_min"],
        priority_max=asked["priority_max"],
        error_kind=None if error_kind is None else ErrorKind(error_kind),
        error_text=asked["error"],
        created_after=asked["created_after"],
        created_before=asked["created_before"],
        finished_after=asked["finished_after"],
        finished_before=asked["finished_before"],
        worker=asked["worker"],
        incomplete=asked["incomplete"],
    )
