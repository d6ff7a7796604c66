"""Converts the job filter of a request to the filter of the repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from admin_api.schemas.job import SUCCESS
from crawljobs.db.database import Connection
from crawljobs.domain.job import ErrorKind, JobSource, JobStatus
from crawljobs.domain.job_filter import JobFilter
from crawljobs.repository.content import subreddit_admin

# No subreddit has this id. It stands for an unknown subreddit, so that the filter matches no job.
_NO_SUBREDDIT = 0


def subreddit_id(conn: Connection, *, name: str) -> int:
    return subreddit_admin.find_id(conn, name=name) or _NO_SUBREDDIT


def parsed(conn: Connection, params: Mapping[str, Any]) -> JobFilter:
    subreddit = params["subreddit"]
    error_kind = params["error_kind"]
    return JobFilter(
        statuses=frozenset(
            JobStatus.SUCCEEDED if status == SUCCESS else JobStatus(status)
            for status in params["status"]
        ),
        subreddit_id=None if subreddit is None else subreddit_id(conn, name=subreddit),
        scheduled_job_id=params["schedule_id"],
        group_id=params["group_id"],
        sources=frozenset(JobSource(source) for source in params["source"]),
        priority_min=params["priority_min"],
        priority_max=params["priority_max"],
        error_kind=None if error_kind is None else ErrorKind(error_kind),
        error_text=params["error"],
        created_after=params["created_after"],
        created_before=params["created_before"],
        finished_after=params["finished_after"],
        finished_before=params["finished_before"],
        worker=params["worker"],
        incomplete=params["incomplete"],
    )
