"""F1: kill -9 at every step of a crawl: before a page is stored, after it, and before the end.

Real workers crawl the same job, one after the other. Each worker is killed at the next step.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from support import crew, gated_reddit
from support.crawls import DEFAULTS, Contents, Crawler
from support.crew import Crew
from support.databases import Databases
from support.gated_reddit import GatedReddit
from support.reddit_sandbox import RunningSandbox
from support.waiting import wait_until

NAME = "tiny_mill"
SETTINGS = {
    "WORKER_CONCURRENCY": "1",
    "LEASE_SECONDS": "1",
    "USER_SUB_FETCH_LIMIT": "2",
    "USER_SUB_ENQUEUE_MAX": "3",
    "DISCOVERY_MAX_DEPTH": "1",
    "MAX_POSTS_PER_SUB": "1000",
}
SMALL = replace(DEFAULTS, user_sub_fetch_limit=2, user_sub_enqueue_max=3, discovery_max_depth=1)
END_LOCK = 4711  # an advisory lock; a job cannot end while the test holds the lock


@pytest.fixture(scope="module")
def undisturbed(sandbox: RunningSandbox, databases: Databases) -> Iterator[tuple[Contents, int]]:
    """The stored data and the number of requests of a crawl without faults."""
    with databases.clone() as url, contextlib.closing(Database(url)) as database:
        crawler = Crawler(database, sandbox.url, SMALL)
        crawler.crawl(NAME)
        yield crawler.contents(), crawler.checkpoint()["requests"]


class Scene:
    """One job, the workers that crawl it one after the other, and the requests that they send."""

    def __init__(self, database: Database, workers: Crew, reddit: GatedReddit) -> None:
        self.crawler = Crawler(database, "", SMALL)
        self.workers = workers
        self.reddit = reddit
        self.kills = 0
        self._come = threading.Event()
        self.job_id = self.crawler.enqueue(NAME, max_retries=100)

    def start(self) -> None:
        """Start a worker. Reset the job's counts, so that it need not wait after earlier kills."""
        self.crawler.rows(
            "UPDATE crawl_jobs SET retry_count = 0, rescues_in_a_row = 0 WHERE id = :id "
            "RETURNING id",
            id=self.job_id,
        )
        self.workers.start(crew.PRODUCTION, **SETTINGS)

    def kill(self) -> None:
        self.workers.workers[-1].kill()
        self.kills += 1

    def kill_after_page(self) -> bool:
        """Start a worker, and kill it at its first request after it has stored a page.

        Return False if the crawl finished before. A page takes two requests if the crawler also
        requests the account of an author whose history is missing.
        """
        begun = self.stored()
        come = threading.Event()

        def on_request(_number: int) -> bool:
            if self.stored() == begun:
                return True
            come.set()
            return False

        self.reddit.on_request, self.reddit.on_reply = on_request, gated_reddit.go_on
        self.start()
        self.wait(lambda: come.is_set() or self.is_done())
        if self.is_done():
            return False
        self.kill()
        return True

    def kill_before_commit(self) -> bool:
        """Start a worker, and kill it while it stores a page. Return False if the crawl is done."""
        self.reddit.on_request = gated_reddit.go_on
        with self.crawler.database.begin() as conn:
            locked = threading.Event()

            def on_reply(_number: int) -> bool:
                conn.execute(text("SELECT id FROM crawl_jobs WHERE id = :id FOR UPDATE"),
                             {"id": self.job_id})  # fmt: skip
                locked.set()
                return True

            self.reddit.on_reply = on_reply
            self.start()
            self.wait(lambda: locked.is_set() or self.is_done())
            if not locked.is_set():
                return False
            self.wait(lambda: is_somebody_blocked(self.crawler.database))
            self.kill()
        return True

    @contextlib.contextmanager
    def without_end(self) -> Iterator[None]:
        """Hold END_LOCK, so that a worker can store all pages but cannot complete the job."""
        with self.crawler.database.begin() as conn:
            conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            conn.execute(text(f"SELECT pg_advisory_xact_lock({END_LOCK})"))
            yield

    def kill_at_end(self) -> None:
        """Kill the worker while it completes the job, after it has stored all pages.

        The server has already received the worker's statement, and executes it after the kill.
        """
        self.wait(self.is_done)
        self.wait(lambda: is_somebody_blocked(self.crawler.database))
        self.kill()

    def finish(self) -> None:
        self.reddit.on_request = self.reddit.on_reply = gated_reddit.go_on
        self.start()
        self.wait(self.is_ended)

    def stored(self) -> object:
        """Return the job's checkpoint, which each stored page changes."""
        return self.crawler.value(
            "SELECT checkpoint FROM crawl_jobs WHERE id = :id", id=self.job_id
        )

    def is_done(self) -> bool:
        phase = "SELECT checkpoint->>'phase' FROM crawl_jobs WHERE id = :id"
        return bool(self.crawler.value(phase, id=self.job_id) == "done")

    def is_ended(self) -> bool:
        status = self.crawler.value("SELECT status FROM crawl_jobs WHERE id = :id", id=self.job_id)
        return bool(status == "succeeded")

    def wait(self, predicate) -> None:  # type: ignore[no-untyped-def]
        wait_until(predicate, timeout=30, describe=self.workers.log)


def is_somebody_blocked(database: Database) -> bool:
    with database.begin() as conn:
        query = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(conn.execute(text(query)).scalar_one())


def hold_ends(conn: Connection) -> None:
    """Create triggers: the end of a job waits for END_LOCK, and jobs of a discovery stay parked.

    Otherwise a worker would crawl the jobs of the discovery before the killed worker's job.
    """
    conn.execute(
        text(f"""
        CREATE FUNCTION hold_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_advisory_xact_lock_shared({END_LOCK}); RETURN NEW; END $$;
        CREATE FUNCTION park() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.status = 'waiting'; NEW.wait_reason = 'later'; NEW.visible_at = '9999-01-01Z';
            RETURN NEW; END $$;
        CREATE TRIGGER park BEFORE INSERT ON crawl_jobs FOR EACH ROW
            WHEN (NEW.source = 'discovery') EXECUTE FUNCTION park();
        CREATE TRIGGER hold_end BEFORE UPDATE ON crawl_jobs FOR EACH ROW
            WHEN (NEW.status = 'succeeded') EXECUTE FUNCTION hold_end()
        """)
    )


@pytest.fixture
def scene(database: Database, crew: Crew, sandbox: RunningSandbox) -> Iterator[Scene]:
    with database.begin() as conn:
        hold_ends(conn)
    with gated_reddit.serve(sandbox.url) as (reddit, url):
        crew.sandbox_url = url
        yield Scene(database, crew, reddit)
        crew.close()


def check(scene: Scene, undisturbed: tuple[Contents, int]) -> None:
    contents, requests = undisturbed
    found = scene.crawler.contents()
    for kind, rows in contents.items():
        extra, missing = set(found[kind]) - set(rows), set(rows) - set(found[kind])
        assert (extra, missing) == (set(), set()), f"{kind}\n{scene.workers.log()}"
    assert requests <= scene.reddit.forwarded <= requests + 2 * scene.kills
    attempts = scene.crawler.rows(
        "SELECT outcome FROM crawl_job_attempts WHERE job_id = :id ORDER BY id", id=scene.job_id
    )
    expired = scene.kills - 1  # the server completed the job for the last killed worker
    assert [row.outcome for row in attempts] == ["lease_expired"] * expired + ["succeeded"]


def test_a_crawl_killed_at_each_kind_of_boundary_ends_as_if_nothing_had_happened(
    scene: Scene, undisturbed: tuple[Contents, int]
) -> None:
    assert scene.kill_after_page()
    assert scene.kill_before_commit()
    scene.reddit.on_request = scene.reddit.on_reply = gated_reddit.go_on
    with scene.without_end():
        scene.start()
        scene.kill_at_end()
    scene.finish()
    check(scene, undisturbed)


@pytest.mark.deep
def test_a_crawl_killed_at_every_boundary_ends_as_if_nothing_had_happened(
    scene: Scene, undisturbed: tuple[Contents, int]
) -> None:
    with scene.without_end():
        while scene.kill_before_commit() and scene.kill_after_page():
            pass
        scene.kill_at_end()
    scene.finish()
    assert scene.kills >= undisturbed[1]  # two kills per page, and few pages take two requests
    check(scene, undisturbed)
