"""Simulate a day of crawls in minutes, with real services and a fast clock in the database.

A worker crawls some subreddits of a sandbox, one crawl at a time, again and again by schedules.
With a seed, a share of all replies is wrong during the day. After the day, some hours pass with
correct replies. Then the scheduler stops, and the worker finishes all jobs.
"""

import contextlib
import fcntl
import pickle
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from support import enqueueing, invariants, reddit_sandbox, schedule_rows, service_process
from support.crawls import Contents, Crawler
from support.databases import Databases
from support.fast_clock import FastClock
from support.reddit_sandbox import RunningSandbox
from support.service_process import ServiceProcess
from support.waiting import wait_until

LOOK_REQUESTS = 3  # requests of a crawl without new items: description, posts, comments
# The present time of the sandbox's content, so that the newest items need a refresh in this day.
BEGINS = datetime(2026, 6, 1, 0, 20, tzinfo=UTC)
IN_A_ROW = 5  # wrong replies in a row for one page; a request fails after three wrong replies
START_SECONDS = 120  # for the start of a process, while several days start at the same time
REST_SECONDS = 240  # of real time, until the worker has finished all jobs

WORKER = {
    "WORKER_CONCURRENCY": "1",
    "LEASE_SECONDS": "30",
    "POLL_SECONDS": "0.2",
    "RESCUE_SECONDS": "1",
    "REQUEUE_SECONDS": "0.1",
    "DRAIN_SECONDS": "5",
    "RESET_CRAWLING_AFTER_MIN": "1440",
    # No limit on requests and histories, so that the order of the crawls has no effect.
    "MAX_REQUESTS_PER_JOB": "10000",
    "USER_SUB_FETCH_LIMIT": "1000",
    # Discovery checks names of subreddits, but crawls none of them.
    "DISCOVERY_MAX_DEPTH": "1",
    "DISCOVERY_MAX_REQUESTS": "0",
    # If a wrong reply ends a listing early, it seems complete until a crawl reads all of it again.
    "WALK_WHOLE_EVERY": "0.25",
}
SCHEDULER = {"SCHEDULER_TICK_SECONDS": "0.2"}


_MISSING = "SELECT kind, item, reason, failures, next_look_at FROM missing_parts"
_NOT_WALKED = """
    SELECT name, whole_walk_at FROM subreddits
    WHERE lower(name) = ANY(string_to_array('{names}', ',')) AND NOT coalesce(
        whole_walk_at > '{since}', false)
    """
_LIVE = """
    SELECT name, status, wait_reason, error_message
    FROM crawl_jobs AS job JOIN subreddits ON subreddits.id = job.subreddit_id
    WHERE status IN ('waiting', 'queued', 'crawling')
    """


@dataclass(frozen=True)
class Plan:
    """The parameters of a day: `hours` with wrong replies, then `calm` hours without.

    The database's clock runs `rate` times faster than real time.
    """

    communities: tuple[str, ...]
    barred: tuple[str, ...] = ()
    hours: float = 24.0
    calm: float = 3.0
    rate: float = 144.0
    share: float = 0.05  # the share of wrong replies
    wrong_at_least: int = 0  # wrong replies continue until this number was sent
    expression: str = "@hourly"
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Day:
    """The stored content at the end of a day, and the numbers of requests, jobs and replies."""

    contents: Contents
    requests: int
    looks: int  # requests that the schedules' jobs would need without wrong replies
    jobs: Mapping[str, int]  # number of jobs by status
    outcomes: Mapping[str, int]  # number of jobs by outcome
    charged: list[Any]  # attempts that were charged
    failed: list[Any]
    attempts: Mapping[str, int]
    replies: int  # number of replies in the time with wrong replies
    wrong: Mapping[str, int]  # number of wrong replies by kind
    wrong_at: Mapping[str, int]  # number of wrong replies by endpoint

    def ratio(self, undisturbed: "Day") -> float:
        """Return the ratio of this day's requests to the requests of the undisturbed day.

        The number of scheduled crawls depends on the machine's speed, because due times merge into
        a live job. So the ratio is corrected for the difference in scheduled crawls.
        """
        return (self.requests - self.looks + undisturbed.looks) / undisturbed.requests

    @property
    def figures(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "looks": self.looks,
            "jobs": dict(self.jobs),
            "outcomes": dict(self.outcomes),
            "attempts": dict(self.attempts),
            "charged": len(self.charged),
            "wrong": sum(self.wrong.values()),
            "of replies": self.replies,
            "by kind": dict(self.wrong),
            "by endpoint": dict(self.wrong_at),
            "rows": {name: len(rows) for name, rows in self.contents.items()},
        }


def live(databases: Databases, folder: Path, plan: Plan, *, seed: int | None) -> Day:
    """Simulate a day, and return its result. Without a `seed`, all replies are correct."""
    folder.mkdir(parents=True, exist_ok=True)
    with databases.clone() as url:
        clock = FastClock(url, now=BEGINS, rate=plan.rate)
        try:
            with reddit_sandbox.serve("--rate-limit", 10_000_000, "--token-seconds", 300) as box:
                database = Database(url)
                try:
                    return _Living(database, url, folder, plan, clock, box).live(seed)
                finally:
                    database.close()
        finally:
            clock.close()


@dataclass
class _Living:
    database: Database
    url: str
    folder: Path
    plan: Plan
    clock: FastClock
    sandbox: RunningSandbox

    def live(self, seed: int | None) -> Day:
        self._freeze_story()
        self._ask_for_crawls()
        before = self._stats()
        if seed is not None:
            self._reply_wrongly(share=self.plan.share, seed=seed, in_a_row=IN_A_ROW)
        with self._running("worker", "crawler_worker", WORKER) as worker:
            with self._running("scheduler", "scheduler", SCHEDULER):
                self._wait_until(self.plan.hours, worker)
                if seed is not None:
                    self._wait_for_wrong_replies(worker)
                    self._reply_wrongly(share=0)
                over, names = self.clock.now(), ",".join(self.plan.communities).lower()
                self._wait_until(self.plan.hours + self.plan.calm, worker)
                self._wait_for_none(_NOT_WALKED.format(names=names, since=over), worker)
                self._wait_for_none(_MISSING, worker)
            self._wait_for_none(_LIVE, worker)
            self._wait_for_none(_MISSING, worker)
        return self._day(self._stats() - before)

    def _freeze_story(self) -> None:
        """Request each subreddit before the first crawl, so that the order of crawls has no effect.

        The sandbox adds a subreddit outside of its catalogue to authors' histories only after a
        request for this subreddit.
        """
        for name in self.plan.communities:
            assert self.sandbox.get(f"/r/{name}/about").status_code == 200

    def _ask_for_crawls(self) -> None:
        names = [*self.plan.communities, *self.plan.barred]
        with self.database.begin() as conn:
            for name in names:
                schedule_rows.create(
                    conn, f"day: {name}", subreddit=name, cron_expression=self.plan.expression
                )
        with self.database.begin() as conn:
            enqueueing.enqueue_many(
                conn, subreddits_named=names, priority=50, source=JobSource.USER
            )

    @contextlib.contextmanager
    def _running(
        self, name: str, module: str, variables: Mapping[str, str]
    ) -> Iterator[ServiceProcess]:
        process = service_process.start(
            module,
            name=name,
            log=self.folder / f"{name}.log",
            variables={
                "DATABASE_URL": self.url,
                "REDDIT_CLIENT_ID": "day",
                "REDDIT_CLIENT_SECRET": "day",
                "REDDIT_API_URL": self.sandbox.url,
                "REDDIT_AUTH_URL": self.sandbox.url,
                **variables,
                **self.plan.variables,
            },
        )
        try:
            process.wait_for(f"{name}.started", timeout=START_SECONDS)
            yield process
            process.signal(signal.SIGTERM)
            assert process.wait() == 0, process.told()
        finally:
            process.kill()

    def _wait_until(self, hours: float, worker: ServiceProcess) -> None:
        at = BEGINS + timedelta(hours=hours)
        wait_until(
            lambda: not worker.is_alive() or self.clock.now() >= at,
            timeout=(at - self.clock.now()).total_seconds() / self.plan.rate + 30,
            describe=lambda: f"{at}: {self.clock.now()}",
            every=0.2,
        )
        assert worker.is_alive(), worker.told()

    def _wait_for_wrong_replies(self, worker: ServiceProcess) -> None:
        wait_until(
            lambda: (
                not worker.is_alive()
                or sum(self._shown()["wrong"].values()) >= self.plan.wrong_at_least
            ),
            timeout=REST_SECONDS,
            describe=lambda: f"{self._shown()}\n{worker.told()}",
            every=0.1,
        )

    def _shown(self) -> Any:
        return self.sandbox.http.get("/sandbox/wrong-replies").json()

    def _wait_for_none(self, query: str, worker: ServiceProcess) -> None:
        wait_until(
            lambda: not worker.is_alive() or not self._rows(query),
            timeout=REST_SECONDS,
            describe=lambda: f"the queue to rest: {self._rows(query)}\n{worker.told()}",
            every=0.2,
        )
        assert worker.is_alive(), worker.told()

    def _day(self, requests: int) -> Day:
        with self.database.begin() as conn:
            invariants.check(conn, accepted=[])
        shown = self._shown()
        return Day(
            contents=self._contents(),
            requests=requests,
            looks=self._looks(),
            jobs=self._counts("SELECT status, count(*) FROM crawl_jobs GROUP BY 1"),
            outcomes=self._counts(
                "SELECT coalesce(outcome, 'none'), count(*) FROM crawl_jobs GROUP BY 1"
            ),
            charged=self._rows(
                "SELECT job_id, outcome, error_kind, error_message FROM crawl_job_attempts "
                "WHERE outcome IN ('failed', 'lease_expired')"
            ),
            failed=self._rows("SELECT id, error_message FROM crawl_jobs WHERE status = 'failed'"),
            attempts=self._counts("SELECT outcome, sum(times) FROM crawl_job_attempts GROUP BY 1"),
            replies=shown["replies"],
            wrong=shown["wrong"],
            wrong_at={name: sum(kinds.values()) for name, kinds in shown["by_endpoint"].items()},
        )

    def _looks(self) -> int:
        barred = {name.lower() for name in self.plan.barred}
        names = self._rows(
            "SELECT lower(name) FROM crawl_jobs AS job JOIN subreddits ON "
            "subreddits.id = job.subreddit_id WHERE job.source = 'schedule'"
        )
        return sum(1 if name in barred else LOOK_REQUESTS for (name,) in names)

    def _contents(self) -> Contents:
        found = Crawler(self.database, self.sandbox.url).contents()
        found.pop("jobs")
        found["access"] = self._rows(
            "SELECT lower(name), access, access_unconfirmed, gap_at IS NULL "
            "FROM subreddits ORDER BY 1"
        )
        found["coverage"] = self._rows(
            "SELECT lower(name), missing_parts, gaps, oldest_post, oldest_comment, "
            "posts_walk_end, trees_whole, trees_not_whole FROM subreddits ORDER BY 1"
        )
        # Leaves out `tree_fetched_at`, because a tree is also fetched if the comment listing fails.
        found["trees"] = self._rows(
            "SELECT id, coalesce(comments_missing, 0) FROM posts ORDER BY 1"
        )
        found["gaps"] = self._rows("SELECT listing, from_item, to_item FROM crawl_gaps ORDER BY 2")
        found["schedules"] = self._rows(
            "SELECT name, enabled, disabled_reason, version FROM scheduled_jobs ORDER BY 1"
        )
        return {name: [tuple(row) for row in rows] for name, rows in found.items()}

    def _counts(self, query: str) -> Mapping[str, int]:
        return Counter({str(name): int(count) for name, count in self._rows(query)})

    def _rows(self, query: str) -> list[Any]:
        with self.database.begin() as conn:
            return [tuple(row) for row in conn.execute(text(query))]

    def _stats(self) -> int:
        return int(self.sandbox.http.get("/sandbox/stats").json()["requests"])

    def _reply_wrongly(self, **wanted: Any) -> None:
        reply = self.sandbox.http.post("/sandbox/wrong-replies", json=wanted)
        assert reply.status_code == 200, reply.text


def shared(folder: Path, compute: Callable[[], Day]) -> Callable[[], Day]:
    """Return a function that returns the undisturbed day, which all test processes share.

    The first process computes the day at once, and stores it. In other processes, the function
    waits until the day is stored.
    """
    stored, lock = folder / "undisturbed-day.pickle", folder / "undisturbed-day.lock"

    def read() -> Day:
        if not stored.exists():
            stored.write_bytes(pickle.dumps(compute()))
        found: Day = pickle.loads(stored.read_bytes())  # noqa: S301 - a file of this test run
        return found

    def locked(how: int) -> Day:
        with lock.open("w") as held:
            fcntl.flock(held, how)
            return read()

    with contextlib.suppress(BlockingIOError):
        locked(fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lambda: locked(fcntl.LOCK_EX)


def differences(found: Contents, wanted: Contents) -> dict[str, Any]:
    """Return for each table how many rows are in only one of the contents, with some examples."""
    different = {}
    for name in wanted:
        here, there = Counter(map(repr, found[name])), Counter(map(repr, wanted[name]))
        more, less = list((here - there).elements()), list((there - here).elements())
        if more or less:
            different[name] = {
                "only here": len(more),
                "missing": len(less),
                "such as": [each[:300] for each in [*more[:3], *less[:3]]],
            }
    return different
