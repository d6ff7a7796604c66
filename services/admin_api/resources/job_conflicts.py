"""The problem codes of refused job changes, such as the 409 for a second live job."""

from __future__ import annotations

from crawljobs.errors import CrawljobsError, Duplicate, IllegalTransition, LiveJobExists, NotFound

_CODES: dict[type[CrawljobsError], str] = {
    NotFound: "not_found",
    IllegalTransition: "illegal_transition",
    LiveJobExists: "live_job_exists",
    Duplicate: "duplicate",
}


def code_of(error: CrawljobsError) -> str:
    """Return the key in KINDS for an error of a job change. Raises KeyError for other errors."""
    return _CODES[type(error)]
