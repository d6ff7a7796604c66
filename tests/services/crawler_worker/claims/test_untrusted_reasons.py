"""Error texts of Reddit or the driver are stored on one line without control characters."""

import json

import psycopg
import pytest

from crawler_worker.claims import stopped_crawl
from crawler_worker.reddit import crawl_failures, replies
from crawljobs.db.database import Connection
from crawljobs.domain.reply_meaning import Endpoint
from crawljobs.domain.retry import RetryPolicy
from support import jobs

POLICY = RetryPolicy(base_seconds=60, max_hours=24, jitter=0.2)
HOSTILE = [
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m",
    "one\r\ntwo\nforged: line",
    "\u202egpj.exe\u2066",
    "a\u200b\ufeff\u2028b",
    "\x00\x7f\x08",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "x" * 100_000,
]


@pytest.mark.parametrize("reason", HOSTILE)
def test_a_reason_of_reddit_is_stored_harmless_and_bounded(conn: Connection, reason: str) -> None:
    claim = jobs.crawling(conn)
    body = json.dumps({"reason": reason, "message": reason}).encode()
    for status in (400, 403, 404, 418, 429, 500):
        error = replies.failure(Endpoint.ABOUT, status, {"location": reason}, body)
        for raised in (error, crawl_failures.UpstreamTrouble(reason), ValueError(reason)):
            end = stopped_crawl.completion_after(raised, claim, POLICY)
            stored = end.error_message or ""
            assert stored.isprintable(), stored
            assert len(stored) <= 2_000


def test_a_reason_reaches_the_row_and_the_attempt_harmless(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.fail(conn, claim=claim, kind=crawl_failures.BadRequest.kind, message="".join(HOSTILE[:6]))
    shown = jobs.job(conn, claim.job_id).error_message or ""
    assert shown.isprintable()
    assert shown.startswith("[2J]0;title31mone two forged: line")


def test_a_drivers_error_is_stored_without_its_text(conn: Connection) -> None:
    error = psycopg.ProgrammingError("invalid percent-encoded token: canary")
    end = stopped_crawl.completion_after(error, jobs.crawling(conn), POLICY)
    assert end.error_message == "ProgrammingError: the connection failed (ProgrammingError)"
