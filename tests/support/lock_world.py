"""Rows that several transactions lock, for the test of the order of locks."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.actor import Actor
from crawljobs.domain.group_plan import Upstream
from crawljobs.domain.job import JobSource
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason
from crawljobs.domain.operation import OperationKind
from crawljobs.domain.reddit_items import Account
from crawljobs.domain.schedule import ScheduleSpec
from crawljobs.repository.content import (
    stored_subreddits,
)
from crawljobs.repository.groups.batches import group_batches
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.queue import (
    job_claim,
    job_completion,
    queue_pauses,
)
from crawljobs.repository.schedules import (
    schedule_changes,
)
from support import crawled, enqueueing, groups, lock_content, schedule_rows
from support.groups import step

ROOT, ALPHA, BETA, DELTA, OLD, LAST = "root", "alpha", "beta", "delta", "old_one", "last"

LINKED = [ALPHA, BETA, DELTA]  # the nodes of the map

NEW = ["zz_new", "a_new"]  # subreddits that are not stored yet

WRITERS = [Account(name, f"t2_{number}") for number, name in enumerate(["z_z", "zoe", "ann"])]

LEASE = 30.0

PART = MissingPart(
    PartKind.TREE, "p2", PartReason.TROUBLE, "Reddit answered 500", 1, datetime.now(UTC)
)


class World:
    """Creates the rows. The ids of the jobs have another order than the ids of the subreddits."""

    def __init__(self, database: Database) -> None:
        with database.begin() as conn:
            self.ids = stored_subreddits.ensure(
                conn, names=[ROOT, ALPHA, BETA, DELTA, OLD, LAST], discovered_from=None, depth=0
            )
            self._shape(conn)
            crawled.store(
                conn,
                *(crawled.post(f"p{n}", subreddit=ALPHA, author=WRITERS[n % 3]) for n in range(4)),
                *(
                    crawled.comment(f"c{n}", subreddit=BETA, author=WRITERS[n % 3])
                    for n in range(4)
                ),
            )
            for name in (BETA, ALPHA):
                self._enqueue(conn, name, JobSource.DISCOVERY, depth=1)
            claimed = job_claim.claim_jobs(
                conn, worker="w", claim_token=uuid.uuid4(), at_most=9, lease_seconds=LEASE
            )
            self.claims = {claim.subreddit: claim for claim in claimed}
            self.finished = []
            for name in (OLD, DELTA):
                self._enqueue(conn, name, JobSource.USER)
                (claim,) = job_claim.claim_jobs(
                    conn, worker="w", claim_token=uuid.uuid4(), at_most=1, lease_seconds=LEASE
                )
                job_completion.complete_claim(conn, completion.completed(claim, "crawled"))
                self.finished.append(claim.job_id)
            self.live = [claim.job_id for claim in claimed]
            for name in (LAST, ROOT):
                self._enqueue(conn, name, JobSource.USER)
            for name in (LAST, ROOT):
                queue_pauses.pause(conn, scope=self.ids[name], reason="x", paused_by="y")
            self.schedules = [
                schedule_changes.create_schedule(
                    conn, order=ScheduleSpec(name, self.ids[subreddit], "@hourly")
                ).id
                for name, subreddit in (
                    ("one", BETA),
                    ("two", ALPHA),
                    ("three", LAST),
                    ("four", DELTA),
                )
            ]
            conn.execute(text("UPDATE scheduled_jobs SET next_run_at = now() - interval '1 s'"))
            made = schedule_rows.create_with_steps(conn, "map", steps=[("a",), ("b", "a")])
            self.with_steps = made.id
            conn.execute(
                text("""
                    UPDATE scheduled_jobs SET steps_next_run_at = now() - interval '1 s',
                        steps = jsonb_set(steps, '{1,subreddit_id}', to_jsonb(CAST(:id AS bigint)))
                    WHERE steps IS NOT NULL
                    """),
                {"id": self.ids[ALPHA]},
            )
            self._group(conn)
            lock_content.create(conn, self.ids, erased=BETA, linked=LINKED)

    def _group(self, conn: Connection) -> None:
        """Create groups: one follows the live jobs, and one accepts steps. Some ends are open."""
        self.running = groups.group(
            conn, *(step(name, subreddit=name) for name in (BETA, ALPHA)), now=datetime.now(UTC)
        )
        groups.resolve(conn, now=datetime.now(UTC))
        waits = [Upstream(job_id=job_id) for job_id in self.live]
        self.open = groups.group(
            conn,
            step("waiting", Upstream(group_id=self.running), *waits, subreddit=OLD),
            step("ready", subreddit=ROOT),
            sealed=False,
            now=datetime.now(UTC),
        )
        over = groups.group(conn, step("first", subreddit=ROOT), step("next", "first"))
        request = BatchRequest(over, "ada", Actor("ada"))
        group_batches.start(conn, OperationKind.CANCEL_GROUP, request)  # a finished group
        for job_id in (*self.finished, *self.live):
            conn.execute(text("INSERT INTO upstream_changes (job_id) VALUES (:id)"), {"id": job_id})

    def _shape(self, conn: Connection) -> None:
        """Let a discovery from alpha and from beta lead to delta. Both belong to one root."""
        conn.execute(
            text("UPDATE subreddits SET discovered_from = :root WHERE name IN (:a, :b)"),
            {"root": self.ids[ROOT], "a": ALPHA, "b": BETA},
        )
        conn.execute(
            text("""
            UPDATE subreddits SET access = 'public', next_crawl_at = now() WHERE name IN (:d, :l)
            """),
            {"d": DELTA, "l": LAST},
        )
        conn.execute(
            text("""
            INSERT INTO discovery_evidence (found_in, name, crossposts)
            SELECT id, :d, 1000 FROM subreddits
            """),
            {"d": DELTA},
        )
        conn.execute(
            text("INSERT INTO discovery_roots (subreddit_id, requests) VALUES (:root, 5)"),
            {"root": self.ids[ROOT]},
        )

    def _enqueue(self, conn: Connection, name: str, source: JobSource, **options: Any) -> None:
        enqueueing.enqueue(conn, subreddit=name, priority=50, source=source, **options)
