"""The problems of refused job changes, such as the 409 for a second live job of a subreddit."""

from __future__ import annotations

from admin_api.http.problems import Problem
from crawljobs.errors import (
    CrawljobsError,
    Duplicate,
    IllegalTransition,
    LiveJobExists,
    NotFound,
    StepDependsOnJob,
)

_CODES: dict[type[CrawljobsError], str] = {
    NotFound: "not_found",
    IllegalTransition: "illegal_transition",
    LiveJobExists: "live_job_exists",
    Duplicate: "duplicate",
    StepDependsOnJob: "job_awaited",
}


def problem_of(error: CrawljobsError) -> Problem:
    """Return the problem for an error of a job change. Raises KeyError for other errors."""
    return Problem(_CODES[type(error)], str(error))
