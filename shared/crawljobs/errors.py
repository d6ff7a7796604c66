"""The errors that crawljobs raises. Each message explains how the user can correct the problem."""

from __future__ import annotations


class CrawljobsError(Exception):
    """The base class of all errors of crawljobs."""


class ClaimLost(CrawljobsError):
    """The worker no longer owns the job, so it must roll back and stop writing.

    The claim token of the worker does not match the job, or the job is not in the state `crawling`.
    """


class InvalidSubredditName(CrawljobsError, ValueError):
    """The text cannot be the name of a subreddit."""


class InvalidCron(CrawljobsError, ValueError):
    """The cron expression or the time zone is invalid. `field` names the invalid field.

    If both fields are invalid, `also` is the error of the time zone.
    """

    def __init__(
        self, message: str, *, field: str = "cron_expression", also: InvalidCron | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.also = also


class NotFound(CrawljobsError):
    """The database has no row with the requested id."""


class IllegalTransition(CrawljobsError):
    """The job's state forbids the change. The message names this state and the allowed states."""


class LiveJobExists(CrawljobsError):
    """The subreddit has another live job, so the change is refused. `job_id` is that job's id."""

    def __init__(self, message: str, *, job_id: int) -> None:
        super().__init__(message)
        self.job_id = job_id


class StepDependsOnJob(CrawljobsError):
    """An open step of a group follows the job or waits for it, so the job is not deleted."""


class Duplicate(CrawljobsError):
    """One request names the same job more than once."""


class DuplicateName(CrawljobsError):
    """Another schedule already has the requested name."""


class SettingsError(CrawljobsError):
    """A setting is missing or invalid. The message names the setting and the expected value."""


class UnusableDatabase(SettingsError):
    """The database's encoding or locale would alter stored names. The message gives a remedy."""


class DatabaseUnavailable(CrawljobsError):
    """Postgres does not answer now. The same call may succeed later."""


class ContentKeyRequired(CrawljobsError):
    """Authors were erased, and this process does not have the key that recognizes their names."""


class UnknownSchema(CrawljobsError):
    """The schema of the database has a version that this code does not support."""
