"""A request has one deadline, however many statements it sends to the database."""

import time

import flask.testing
import psycopg
import pytest

from admin_api.http import streaming
from admin_api.http.request import request_deadline
from admin_api.resources import audit
from support import admin_api
from support.waiting import wait_until

JOBS = "/api/admin/jobs"
Client = flask.testing.FlaskClient


def test_a_change_that_waits_for_lock_after_lock_is_503_at_the_deadline(
    client: Client, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.post(JOBS, json={"subreddit": "python"}).get_json()["job"]["id"]
    # Shorter than the lock timeout, so that the deadline ends the wait.
    monkeypatch.setattr(request_deadline, "SECONDS", 0.6)
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM crawl_jobs FOR UPDATE")
        began = time.monotonic()
        answer = client.post(f"{JOBS}/{job}/cancel")
        assert time.monotonic() - began < 1.5
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.get_json()["code"] == "database_unavailable"
    assert client.post(f"{JOBS}/{job}/cancel").status_code == 200


def test_who_has_waited_for_a_thread_for_so_long_is_not_kept_waiting_for_the_database(
    client: Client,
) -> None:
    before = request_deadline.arrived_at.set(time.monotonic() - request_deadline.SECONDS)
    try:
        answers = [client.get(JOBS), client.post(JOBS, json={"subreddit": "python"})]
        alive = client.get("/healthz")
    finally:
        request_deadline.arrived_at.reset(before)
    # Only the threads are busy. The code must not report the database as unavailable.
    for answer in answers:
        assert (answer.status_code, answer.get_json()["code"]) == (503, "service_unavailable")
        assert answer.headers["Retry-After"] == "2"
        assert answer.get_json()["type"] == "/docs#service_unavailable"
    assert alive.status_code == 200
    assert client.get(JOBS).status_code == 200


@pytest.mark.parametrize(
    ("waited", "code"), [(0.3, "database_unavailable"), (0.5, "service_unavailable")]
)
def test_the_longer_wait_gives_the_code(
    client: Client, database_url: str, monkeypatch: pytest.MonkeyPatch, waited: float, code: str
) -> None:
    """The request waits for a thread, and then for a lock.

    The code names the longer of both waits.
    """
    job = client.post(JOBS, json={"subreddit": "python"}).get_json()["job"]["id"]
    monkeypatch.setattr(request_deadline, "SECONDS", 0.8)
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM crawl_jobs FOR UPDATE")
        before = request_deadline.arrived_at.set(time.monotonic() - waited)
        try:
            answer = client.post(f"{JOBS}/{job}/cancel")
        finally:
            request_deadline.arrived_at.reset(before)
    assert (answer.status_code, answer.get_json()["code"]) == (503, code)


def test_an_export_may_take_as_long_as_its_client_reads(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        assert client.post(JOBS, json={"subreddit": f"sub_{number}"}).status_code == 201
    monkeypatch.setattr(audit, "EXPORT_BATCH", 1)
    monkeypatch.setattr(streaming, "PIECE_BYTES", 1)
    monkeypatch.setattr(request_deadline, "SECONDS", 0.3)
    app = client.application
    # CheckedClient would read the whole export at once. This client reads piece by piece.
    unchecked = Client(app, app.response_class)
    answer = unchecked.get(
        "/api/admin/audit-log/export?format=jsonl",
        headers={"Authorization": f"Bearer {admin_api.TOKEN}"},
    )
    pages = iter(answer.response)
    lines = [next(pages)]
    late = time.monotonic() + request_deadline.SECONDS
    wait_until(lambda: time.monotonic() > late, timeout=20, describe="the deadline to be over")
    lines += list(pages)
    assert len([line for line in lines if b'"action": "enqueue"' in line]) == 4
