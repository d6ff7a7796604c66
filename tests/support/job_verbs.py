"""One function for each change of a job by an operator."""

from datetime import datetime

from crawljobs.db.database import Connection
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.queue import operator_changes
from crawljobs.repository.queue.operator_changes import JobChange


def boost(conn: Connection, *, job_id: int, by: int) -> JobChange:
    """Add `by` to the base priority and the priority of a live job; the maximum of both is 100."""
    return operator_changes.change(conn, verb=Verb.BOOST, job_id=job_id, points=by)


def change_priority(conn: Connection, *, job_id: int, priority: int) -> JobChange:
    """Set the base priority and the priority. Later sweeps age the job from this priority."""
    return operator_changes.change(conn, verb=Verb.CHANGE_PRIORITY, job_id=job_id, points=priority)


def wake(conn: Connection, *, job_id: int, now: datetime | None = None) -> JobChange:
    """Make a waiting job claimable now."""
    return operator_changes.change(conn, verb=Verb.WAKE, job_id=job_id, now=now)


def retry(conn: Connection, *, job_id: int, now: datetime | None = None) -> JobChange:
    """Queue a finished job again, with its full number of retries.

    Raises LiveJobExists if its subreddit has a live job, even a job created at the same time.
    """
    return operator_changes.change(conn, verb=Verb.RETRY, job_id=job_id, now=now)


def cancel(conn: Connection, *, job_id: int, now: datetime | None = None) -> JobChange:
    """Cancel a live job. A running crawl stops at its next page."""
    return operator_changes.change(conn, verb=Verb.CANCEL, job_id=job_id, now=now)


def give_up(conn: Connection, *, job_id: int, now: datetime | None = None) -> JobChange:
    """Set a live job to failed."""
    return operator_changes.change(conn, verb=Verb.GIVE_UP, job_id=job_id, now=now)
