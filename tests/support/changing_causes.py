"""Concurrent clients that make random changes of pauses, gaps and other causes of waiting jobs."""

import random
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import ErrorKind, JobSource, WaitReason
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import (
    crawl_history,
    politeness_gaps,
    stored_subreddits,
    subreddit_access,
)
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.repository.queue import (
    job_claim,
    job_completion,
    parked_jobs,
    queue_pauses,
)
from crawljobs.repository.queue.job_completion import WriteResult
from crawljobs.repository.queue.maintenance import job_maintenance, pause_parking
from crawljobs.repository.queue.queue_pauses import EVERYTHING
from scheduler import schedule_firing
from support import enqueueing, schedule_rows
from support.waiting import wait_until

LATER = timedelta(days=1)
HELD_SECONDS = 0.01  # how long a transaction stays open at most, until another client commits
# How long pauses last. Some end while the test's random history goes on, others end after it.
LASTS = (timedelta(milliseconds=5), timedelta(milliseconds=40), timedelta(hours=1))


def sweep(database: Database, *, now: datetime | None = None) -> None:
    """Run the sweeps of waiting jobs as a worker does, each in its own transaction."""
    database.run(lambda conn: pause_parking.park_paused_jobs(conn, now=now))
    database.run(lambda conn: parked_jobs.settle_parked_jobs(conn, now=now))
    database.run(lambda conn: job_maintenance.requeue_due_jobs(conn, now=now))


class Causes:
    """Subreddits with one schedule each, and random changes that can make their jobs wait.

    Each object chooses at random which changes its clients make, how often, and how long pauses
    last.
    """

    def __init__(self, database: Database, names: Sequence[str], dice: random.Random) -> None:
        self.database = database
        self._share_later = dice.choice([0.1, 0.9])
        self._share_crawls = dice.choice([0.0, 0.3])
        self._share_held = dice.choice([0.0, 0.5, 0.9])
        self._lasts = dice.choice([[None, *LASTS], LASTS[:2], [None, LASTS[2]]])
        others = [self.resume, self.tick, self.change_gap, self.change_access, self.sweep]
        self._changes = [
            *[self.pause, self.enqueue] * 3,
            *dice.sample(others, dice.randint(1, len(others))) * 2,
        ]
        self.asked_for: set[datetime] = set()  # the start times that requests for later crawls set
        self._other_is_done = threading.Condition()
        with database.begin() as conn:
            self.ids = stored_subreddits.ensure(conn, names=names, discovered_from=None, depth=0)
            self.schedules = {
                name: schedule_rows.create(conn, f"of {name}", subreddit=name).id for name in names
            }

    def scope(self, dice: random.Random) -> int:
        """Return the pause scope of one subreddit, or sometimes of the whole queue."""
        return EVERYTHING if dice.random() < 0.1 else dice.choice(list(self.ids.values()))

    # The changes that clients make. Each change is one transaction.

    def pause(self, conn: Connection, dice: random.Random) -> None:
        scope = self.scope(dice)
        lasts = LASTS[0] if scope == EVERYTHING else dice.choice(self._lasts)
        until = None if lasts is None else datetime.now(UTC) + lasts
        queue_pauses.pause(conn, scope=scope, reason="r", paused_by="ops", until=until)

    def resume(self, conn: Connection, dice: random.Random) -> None:
        queue_pauses.resume(conn, scope=self.scope(dice))

    def change_gap(self, conn: Connection, dice: random.Random) -> None:
        gap = dice.choice([None, 0.0, 0.02, 3600.0])
        politeness_gaps.set_politeness(
            conn,
            subreddit_id=dice.choice(list(self.ids.values())),
            request_gap=None,
            crawl_gap=gap,
        )

    def change_access(self, conn: Connection, dice: random.Random) -> None:
        chosen = dice.choice(list(self.ids.values()))
        if dice.random() < 0.5:
            subreddit_access.record_access(conn, subreddit_id=chosen, access=AccessState.PRIVATE)
        else:
            crawl_history.finish_crawl(conn, subreddit_id=chosen, marks=Marks())

    def enqueue(self, conn: Connection, dice: random.Random) -> None:
        later = None
        if dice.random() < self._share_later:
            later = datetime.now(UTC) + dice.choice([timedelta(milliseconds=20), LATER])
            self.asked_for.add(later)
        enqueueing.enqueue_many(
            conn,
            subreddits_named=dice.sample(list(self.ids), dice.randint(1, len(self.ids))),
            priority=dice.randint(0, 100),
            source=dice.choice(list(JobSource)),
            visible_at=later,
        )

    def tick(self, conn: Connection, dice: random.Random) -> None:
        conn.execute(
            text("UPDATE scheduled_jobs SET next_run_at = clock_timestamp() WHERE id = :id"),
            {"id": self.schedules[dice.choice(list(self.ids))]},
        )
        schedule_firing.fire_due_schedules(conn, at_most=10)

    def sweep(self, conn: Connection, dice: random.Random) -> None:
        dice.choice(
            [
                pause_parking.park_paused_jobs,
                parked_jobs.settle_parked_jobs,
                job_maintenance.requeue_due_jobs,
            ]
        )(conn)

    def crawl(self, dice: random.Random) -> None:
        """Claim a job, perhaps make other changes, and end the claim, in several transactions."""
        claimed = self.database.run(
            lambda conn: job_claim.claim_jobs(
                conn, worker="w", claim_token=uuid.uuid4(), at_most=1, lease_seconds=30
            )
        )
        for claim in claimed:
            for _ in range(dice.randint(0, 2)):
                self.do(dice.choice([self.enqueue, self.pause, self.resume]), dice)
            if dice.random() < 0.5:
                self.database.run(
                    lambda conn, of=claim: crawl_history.finish_crawl(  # type: ignore[misc]
                        conn, subreddit_id=of.subreddit_id, marks=Marks()
                    )
                )
            end = _end(claim, dice)
            self._end(end)

    def _end(self, end: completion.Completion) -> None:
        """Write the completion, and try again while another transaction locks the job."""

        def is_written() -> bool:
            (fate,) = self.database.run(
                lambda conn: job_completion.complete_claims(conn, completions=[end])
            )
            return fate is not WriteResult.LOCKED

        wait_until(is_written, timeout=30, describe=f"{end} to be written")

    def do(self, change: Callable[[Connection, random.Random], None], dice: random.Random) -> None:
        """Make the change. After a conflict with another client, make the same change again.

        Some transactions stay open for up to HELD_SECONDS, until another client has committed.
        """
        state = dice.getstate()

        def again(conn: Connection) -> None:
            dice.setstate(state)
            change(conn, dice)
            if dice.random() < self._share_held:
                with self._other_is_done:
                    self._other_is_done.wait(HELD_SECONDS)

        self.database.run(again)
        with self._other_is_done:
            self._other_is_done.notify_all()

    def change_at_random(self, dice: random.Random, steps: int) -> None:
        """Make this number of random changes and crawls as one client."""
        for _ in range(steps):
            if dice.random() < self._share_crawls:
                self.crawl(dice)
            else:
                self.do(dice.choice(self._changes), dice)

    def lift(self) -> None:
        """Request a crawl of each subreddit while it is paused, then end all pauses and gaps."""
        for subreddit_id in self.ids.values():
            self.database.run(
                lambda conn, of=subreddit_id: queue_pauses.pause(  # type: ignore[misc]
                    conn, scope=of, reason="r", paused_by="ops"
                )
            )
        self.database.run(
            lambda conn: enqueueing.enqueue_many(
                conn, subreddits_named=list(self.ids), priority=50, source=JobSource.USER
            )
        )
        with self.database.begin() as conn:
            for subreddit_id in self.ids.values():
                politeness_gaps.set_politeness(
                    conn, subreddit_id=subreddit_id, request_gap=None, crawl_gap=None
                )
            for scope in (EVERYTHING, *self.ids.values()):
                queue_pauses.resume(conn, scope=scope)


def _end(claim: Claim, dice: random.Random) -> completion.Completion:
    kind = ErrorKind.RETRYABLE
    short = timedelta(milliseconds=10)
    return dice.choice(
        [
            completion.completed(claim, "crawled"),
            completion.completed(claim, "private"),
            completion.failed(claim, kind=ErrorKind.PERMANENT, message="no"),
            completion.retried(claim, delay=short, kind=kind, message="503"),
            completion.deferred(
                claim,
                delay=dice.choice([short, timedelta(hours=1)]),
                reason=dice.choice(
                    [WaitReason.RATE_LIMIT, WaitReason.OUTAGE, WaitReason.POLITENESS]
                ),
                message="not now",
            ),
            completion.released(claim),
        ]
    )
