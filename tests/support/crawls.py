"""Crawl a sandbox with the worker's code, in the test's process."""

import dataclasses
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from crawler_worker.crawl import phases
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.exchange import transfer
from crawler_worker.reddit.stop import Stop
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from crawljobs.repository.queue import job_claim, job_completion
from crawljobs.settings import CrawlSettings, RedditSettings
from support import enqueueing

# All phases of a crawl, but few authors' histories, because the sandbox takes long to create one.
DEFAULTS = dataclasses.replace(settings.read_crawl_settings({}), user_sub_fetch_limit=5)
Contents = dict[str, list[Any]]
CLIENT_ID = "tests"
LEASE_SECONDS = 300


class Transport(transfer.Transport):
    """Sends real requests. Before each API request, it calls `before` with the number, from 1."""

    def __init__(self, before: Callable[[int], None] = lambda _number: None) -> None:
        super().__init__(user_agent="tests")
        self.before = before
        self.paths: list[str] = []

    def send(self, request: transfer.Request) -> transfer.Exchange:
        if not request.path.endswith("/access_token"):
            self.paths.append(request.path)
            self.before(len(self.paths))
        return super().send(request)


@dataclasses.dataclass
class Crawler:
    """Crawls subreddits as one worker, with its database, its settings and a sandbox's address."""

    database: Database
    url: str
    settings: CrawlSettings = DEFAULTS
    counted: Counter[str] = dataclasses.field(default_factory=Counter)  # counts for the history

    def enqueue(self, name: str, **options: Any) -> int:
        with self.database.begin() as conn:
            options = {"priority": 50, "source": JobSource.USER, **options}
            return enqueueing.enqueue(conn, subreddit=name, **options).job_id

    def claim(self) -> Claim:
        with self.database.begin() as conn:
            (claim,) = job_claim.claim_jobs(
                conn,
                worker="tests",
                claim_token=uuid.uuid4(),
                at_most=1,
                lease_seconds=LEASE_SECONDS,
            )
        return claim

    def run(
        self, claim: Claim, *, transport: Transport | None = None, stop: Stop | None = None
    ) -> str:
        reddit = RedditSettings(CLIENT_ID, "secret", "tests", self.url, self.url)
        client = RedditClient(
            reddit,
            database=self.database,
            try_again_seconds=0.01,
            transport=transport or Transport(),
        )
        try:
            return phases.run(
                claim,
                database=self.database,
                client=client,
                settings=self.settings,
                stop=stop or threading.Event(),
            )
        finally:
            self.counted.update(client.tally.take())
            client.close()

    def crawl(self, name: str, *, transport: Transport | None = None, **options: Any) -> str:
        """Enqueue, claim, crawl and complete a job, and return the outcome."""
        self.enqueue(name, **options)
        claim = self.claim()
        outcome = self.run(claim, transport=transport)
        with self.database.begin() as conn:
            job_completion.complete_claim(conn, completion.completed(claim, outcome))
        return outcome

    def release(self, claim: Claim) -> None:
        with self.database.begin() as conn:
            job_completion.complete_claim(conn, completion.released(claim))

    def checkpoint(self, job_id: int | None = None) -> dict[str, Any]:
        """Return the checkpoint of this job, or of the newest job that has a checkpoint."""
        rows = self.rows(
            "SELECT checkpoint FROM crawl_jobs WHERE checkpoint IS NOT NULL "
            f"AND {'true' if job_id is None else f'id = {job_id}'} ORDER BY id DESC LIMIT 1"
        )
        return dict(rows[0].checkpoint)

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.database.begin() as conn:
            return list(conn.execute(text(query), values))

    def value(self, query: str, **values: Any) -> Any:
        ((value,),) = self.rows(query, **values)
        return value

    def contents(self) -> Contents:
        """Return the crawled content, without ids and times that differ from run to run."""
        return {
            "posts": self.rows(
                "SELECT post.id, lower(author.name), lower(subreddit.name), post.title, body, "
                "score, num_comments, created_at, deleted_at IS NULL FROM posts AS post "
                "JOIN subreddits AS subreddit ON subreddit.id = post.subreddit_id "
                "LEFT JOIN authors AS author ON author.id = post.author_id ORDER BY post.id"
            ),
            "comments": self.rows(
                "SELECT comment.id, lower(author.name), lower(subreddit.name), post_id, parent_id, "
                "body, score, created_at, deleted_at IS NULL FROM comments AS comment "
                "JOIN subreddits AS subreddit ON subreddit.id = comment.subreddit_id "
                "LEFT JOIN authors AS author ON author.id = comment.author_id ORDER BY comment.id"
            ),
            "edges": self.rows(
                "SELECT lower(author.name), lower(subreddit.name), posts, comments, first_at, "
                "last_at FROM author_subreddits AS edge "
                "JOIN subreddits AS subreddit ON subreddit.id = edge.subreddit_id "
                "JOIN authors AS author ON author.id = edge.author_id ORDER BY 1, 2"
            ),
            "subreddits": self.rows(
                "SELECT name, access, subscribers, depth, high_water_post, high_water_comment, "
                "last_crawled_at IS NULL FROM subreddits ORDER BY lower(name)"
            ),
            "jobs": self.rows(
                "SELECT subreddit.name, source, priority, job.depth FROM crawl_jobs AS job "
                "JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id ORDER BY 1"
            ),
        }
