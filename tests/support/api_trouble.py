"""Check the responses of a real gunicorn while its database fails, and after the failure."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg

from support.waiting import wait_until

JOBS = "/api/admin/jobs"
WAITS_FOR_A_LOCK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
    """


@contextlib.contextmanager
def connected(url: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def unavailable(response: httpx.Response) -> bool:
    if response.status_code != 503:
        return False
    assert int(response.headers["Retry-After"]) > 0
    assert response.json()["code"] == "database_unavailable"
    return True


def works_again(client: httpx.Client, subreddit: str) -> None:
    wait_until(
        lambda: client.post(JOBS, json={"subreddit": subreddit}).status_code in (200, 201),
        timeout=10,
        describe="requests to be served again",
    )
    wait_until(lambda: client.get("/readyz").status_code == 200, timeout=10, describe="readiness")
