"""Errors that mean something to the caller; each message says what to do."""

from __future__ import annotations


class CrawljobsError(Exception):
    """Any error of the domain."""


class ClaimLost(CrawljobsError):
    """The job is no longer crawling under this claim token: roll back and stop writing."""


class InvalidSubredditName(CrawljobsError, ValueError):
    """Not a name that Reddit would accept."""


class InvalidCron(CrawljobsError, ValueError):
    """A cron expression or time zone that cannot be used; `field` names the part at fault.

    `also` is what is wrong with the other one.
    """

    def __init__(
        self, message: str, *, field: str = "cron_expression", also: InvalidCron | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.also = also


class NotFound(CrawljobsError):
    """No row of this id."""


class IllegalTransition(CrawljobsError):
    """The job's state does not allow this; the message names the state and the allowed ones."""


class LiveJobExists(CrawljobsError):
    """Another job of the subreddit is live; `job_id` is its id."""

    def __init__(self, message: str, *, job_id: int) -> None:
        super().__init__(message)
        self.job_id = job_id


class Duplicate(CrawljobsError):
    """The same thing is asked for twice in one request."""


class DuplicateName(CrawljobsError):
    """Another row has this name already."""


class SettingsError(CrawljobsError):
    """A setting is missing or makes no sense; the message names it and what was expected."""


class UnusableDatabase(SettingsError):
    """The database was made in a way that would change names and texts; the message says how to."""


class DatabaseUnavailable(CrawljobsError):
    """Postgres cannot answer now; the same call may succeed later."""


class UnknownSchema(CrawljobsError):
    """The database's schema is not one this code knows."""
