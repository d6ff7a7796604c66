"""The errors of the domain. Each message says what the user can do."""

from __future__ import annotations


class CrawljobsError(Exception):
    """Base of all errors of the domain."""


class ClaimLost(CrawljobsError):
    """The job is no longer crawling under this claim token: roll back and stop writing."""


class InvalidSubredditName(CrawljobsError, ValueError):
    """The name cannot be the name of a subreddit."""


class InvalidCron(CrawljobsError, ValueError):
    """The cron expression or the time zone is invalid; `field` names the invalid one.

    `also` is the error of the other one, when both are invalid.
    """

    def __init__(
        self, message: str, *, field: str = "cron_expression", also: InvalidCron | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.also = also


class NotFound(CrawljobsError):
    """There is no row with this id."""


class IllegalTransition(CrawljobsError):
    """The job's state forbids the change; the message names its state and the allowed states."""


class LiveJobExists(CrawljobsError):
    """Another job of the subreddit is live; `job_id` is its id."""

    def __init__(self, message: str, *, job_id: int) -> None:
        super().__init__(message)
        self.job_id = job_id


class Duplicate(CrawljobsError):
    """One request names the same item twice."""


class DuplicateName(CrawljobsError):
    """Another row has this name already."""


class SettingsError(CrawljobsError):
    """A setting is missing or invalid; the message names it and the expected value."""


class UnusableDatabase(SettingsError):
    """The encoding or locale of the database would change names; the message gives the remedy."""


class DatabaseUnavailable(CrawljobsError):
    """Postgres cannot answer now; the same call may succeed later."""


class UnknownSchema(CrawljobsError):
    """This code does not support the schema of the database."""
