"""A request that enqueues a job and writes its audit row takes few round trips to Postgres."""

import threading
from collections.abc import Callable, Iterator

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from support import admin_api, enqueueing, locks, tcp_proxy
from support.round_trips import RoundTrips
from support.tcp_proxy import TcpProxy

JOBS = "/api/admin/jobs"
DEADLINE_SECONDS = 20
# The four round trips are BEGIN, the enqueue, the audit row and COMMIT.
MOST = 4


@pytest.fixture
def proxy(database_url: str) -> Iterator[TcpProxy]:
    with tcp_proxy.serve(database_url) as serving:
        yield serving


@pytest.fixture
def client(make_app: Callable[..., flask.Flask], proxy: TcpProxy) -> flask.testing.FlaskClient:
    return admin_api.with_token(make_app(proxy.url))


def enqueued(client: flask.testing.FlaskClient, path: str, body: object, *, status: int) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text


def counted(proxy: TcpProxy) -> RoundTrips:
    proxy.rule = counts = RoundTrips()
    return counts


@pytest.mark.parametrize("path", [JOBS, "/api/crawl"])
def test_an_enqueue_takes_at_most_four_round_trips(
    client: flask.testing.FlaskClient, proxy: TcpProxy, database: Database, path: str
) -> None:
    # The first request opens the connection, which would count too.
    enqueued(client, path, {"subreddit": "other"}, status=201)
    unknown = counted(proxy)
    enqueued(client, path, {"subreddit": "python"}, status=201)
    merged = counted(proxy)
    enqueued(client, path, {"subreddit": "Python"}, status=200)
    with database.begin() as conn:
        conn.execute(text("UPDATE crawl_jobs SET status = 'cancelled', finished_at = now()"))
    stored = counted(proxy)
    enqueued(client, path, {"subreddit": "python"}, status=201)
    refused = counted(proxy)
    enqueued(client, path, {"subreddit": "not a name"}, status=422)
    assert (unknown.counts, merged.counts, stored.counts) == ([MOST], [MOST], [MOST])
    # The three round trips are BEGIN, the audit row of the refusal, and COMMIT.
    assert refused.counts == [MOST - 1]
    with database.begin() as conn:
        enqueues = "SELECT before FROM admin_audit_log WHERE action = 'enqueue' ORDER BY id"
        rows = conn.execute(text(enqueues)).all()
    assert [row.before is None for row in rows] == [True, True, False, True]


def test_a_list_of_subreddits_takes_one_round_trip_more(
    client: flask.testing.FlaskClient, proxy: TcpProxy
) -> None:
    """The additional round trip writes the audit row of the whole request."""
    enqueued(client, f"{JOBS}/bulk", {"subreddits": ["known", "other"]}, status=200)
    counts = counted(proxy)
    names = ["known", *(f"new_{number}" for number in range(200))]
    enqueued(client, f"{JOBS}/bulk", {"subreddits": names}, status=200)
    assert counts.counts == [MOST + 1]


def test_an_enqueue_beside_another_of_the_same_subreddit_merges_into_its_job(
    client: flask.testing.FlaskClient, proxy: TcpProxy, database: Database
) -> None:
    """The statement runs again after the other enqueue's commit, and merges into its job."""
    enqueued(client, JOBS, {"subreddit": "other"}, status=201)
    counts = counted(proxy)
    answers: list[int] = []

    def ask() -> None:
        answers.append(client.post(JOBS, json={"subreddit": "python"}).status_code)

    thread = threading.Thread(target=ask)
    with database.begin() as conn:
        made = enqueueing.enqueue(conn, subreddit="python", priority=7, source=JobSource.USER)
        thread.start()
        locks.wait_until_blocked(database)
    thread.join(DEADLINE_SECONDS)
    assert answers == [200]
    assert counts.counts == [MOST + 1]
    with database.begin() as conn:
        last = conn.execute(text("SELECT * FROM admin_audit_log ORDER BY id DESC LIMIT 1")).one()
    assert (last.resource_id, last.before["priority"]) == (str(made.job_id), 7)
