"""Each token has quotas of requests per second, exports and stored responses."""

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import flask
import flask.testing
import httpx
import psycopg
import pytest

from admin_api.http import quotas, streaming
from admin_api.http.quotas import (
    DAY_SECONDS,
    KEY_BYTES,
    SAVED_SHARE,
    Exports,
    RequestRates,
    StoredResponses,
)
from admin_api.http.request.identity import Identity
from support import admin_api
from support.admin_api import TOKEN, Gunicorn, start_gunicorn
from support.waiting import wait_until

JOBS = "/api/admin/jobs"
EXPORT = "/api/admin/audit-log/export?format=jsonl"
Client = flask.testing.FlaskClient
SCOPES = ["read", "audit", "jobs"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def token_of(client: Client, name: str = "one") -> str:
    made = client.post("/api/admin/tokens", json={"name": name, "scopes": SCOPES})
    assert made.status_code == 201, made.text
    token: str = made.get_json()["token"]
    return token


def test_a_token_may_ask_so_often_and_save_up_for_a_second() -> None:
    clock = Clock()
    rates = RequestRates(4, clock)
    assert rates.take(b"one") == 0.0  # an unknown token is not limited
    rates.remember(b"one")
    assert [rates.take(b"one") for _ in range(3)] == [0.0] * 3
    assert rates.take(b"one") == pytest.approx(0.25)
    assert rates.take(b"two") == 0.0
    clock.now += 0.25
    assert [rates.take(b"one") for _ in range(2)] == [0.0, pytest.approx(0.25)]
    clock.now += 3600
    assert [rates.take(b"one") for _ in range(5)] == [*[0.0] * 4, pytest.approx(0.25)]


def test_without_a_quota_a_token_may_ask_as_it_likes() -> None:
    rates = RequestRates(0, Clock())
    rates.remember(b"one")
    assert [rates.take(b"one") for _ in range(1_000)] == [0.0] * 1_000


def test_exports_are_counted_for_one_and_for_all() -> None:
    exports = Exports(per_token=2, in_total=4)
    assert [exports.begin("one", is_exempt=False) for _ in range(3)] == [True, True, False]
    assert [exports.begin("boot", is_exempt=True) for _ in range(3)] == [True, True, False]
    exports.end("one")
    assert not exports.begin("two", is_exempt=False)
    exports.end("one")
    assert exports.begin("two", is_exempt=False)
    assert not exports.begin("one", is_exempt=False)
    free = Exports(per_token=0, in_total=3)
    assert [free.begin("one", is_exempt=False) for _ in range(3)] == [True, True, False]
    assert free.begin("boot", is_exempt=True)
    assert not free.begin("boot", is_exempt=True)
    assert Exports(per_token=0, in_total=1).begin("one", is_exempt=False)


def test_of_too_many_tokens_the_one_unseen_for_longest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A token that has used up its quota is not forgotten.

    Otherwise it would get the quota back.
    """
    monkeypatch.setattr(quotas, "TOKENS_MAX", 2)
    kept = StoredResponses(KEY_BYTES / SAVED_SHARE, Clock())
    for token in ("one", "two", "one", "three"):
        kept.take(token, 0)
    assert [kept.seconds_until_room(token) > 0 for token in ("one", "two", "three")] == [
        True,
        False,
        True,
    ]
    rates = RequestRates(1, Clock())
    for token in (b"one", b"two"):
        rates.remember(token)
    assert rates.take(b"one") > 0
    rates.remember(b"three")
    assert [rates.take(token) > 0 for token in (b"one", b"two", b"three")] == [True, False, True]


def test_a_token_that_asks_too_often_is_429_and_no_other_is(
    make_app: Callable[..., flask.Flask], database_url: str
) -> None:
    app = make_app(database_url, ADMIN_API_REQUESTS_PER_SECOND="5")
    boss = admin_api.with_token(app)
    hasty, calm = (admin_api.with_token(app, token_of(boss, name)) for name in ("hasty", "calm"))
    answers = [hasty.get(f"{JOBS}/1") for _ in range(30)]
    assert {answer.status_code for answer in answers} == {404, 429}
    refused = answers[-1]
    assert refused.get_json()["code"] == "too_many_requests"
    assert refused.headers["Retry-After"] == "1"
    assert "may send 5 requests a second" in refused.get_json()["detail"]
    assert hasty.post(JOBS, json={"subreddit": "python"}).status_code == 429
    assert calm.get(f"{JOBS}/1").status_code == 404
    assert {boss.get(f"{JOBS}/1").status_code for _ in range(30)} == {404}
    (entries,) = [boss.get("/api/admin/audit-log?action=refused").get_json()["items"]]
    assert entries == []  # a request over the quota writes no audit row
    wait_until(lambda: hasty.get(f"{JOBS}/1").status_code == 404, timeout=20, describe="its turn")


def test_a_stranger_uses_up_no_quota(
    make_app: Callable[..., flask.Flask], database_url: str
) -> None:
    app = make_app(database_url, ADMIN_API_REQUESTS_PER_SECOND="5")
    token = token_of(admin_api.with_token(app))
    stranger = admin_api.with_token(app, token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert {stranger.get(JOBS).status_code for _ in range(30)} <= {401, 429}
    assert admin_api.with_token(app, token).get(JOBS).status_code == 200


def test_a_token_has_two_exports_at_once(
    make_app: Callable[..., flask.Flask], database_url: str
) -> None:
    app = make_app(database_url)
    token = token_of(admin_api.with_token(app))
    unread = Client(app, app.response_class)
    headers = {"Authorization": f"Bearer {token}"}

    def begin() -> Any:
        return unread.get(EXPORT, headers=headers)

    one, two = begin(), begin()
    refused = begin()
    assert refused.status_code == 429
    assert refused.get_json()["code"] == "too_many_exports"
    assert int(refused.headers["Retry-After"]) > 0
    two.close()
    three = begin()
    assert three.status_code == 200
    # The responses are closed in this order, because they share contexts of this thread.
    three.close()
    one.close()


def test_an_answer_that_is_lost_before_it_is_sent_gives_its_place_back(
    make_app: Callable[..., flask.Flask], database_url: str
) -> None:
    app = make_app(database_url)
    for _ in range(3):  # one more than the limit of exports at once
        with app.test_request_context():
            flask.g.identity = Identity("one", "0" * 12, frozenset())
            streaming.response(iter(["a line"]), mimetype="text/csv")
        gc.collect()


def test_keys_without_room_lose_their_answers_first_and_are_refused_then() -> None:
    clock = Clock()
    most = 10 * KEY_BYTES
    answers = StoredResponses(most / SAVED_SHARE, clock)
    assert not answers.take("one", most)
    assert answers.take("one", most - 2 * KEY_BYTES)
    assert answers.seconds_until_room("one") == pytest.approx(DAY_SECONDS * SAVED_SHARE / 10)
    assert answers.seconds_until_room("two") == 0.0
    clock.now += DAY_SECONDS * SAVED_SHARE / 10
    assert answers.seconds_until_room("one") == 0.0
    assert not answers.take("one", 1)
    clock.now += 10 * DAY_SECONDS
    assert answers.take("one", most - KEY_BYTES)
    assert StoredResponses(0, clock).take("one", 10**12)
    assert StoredResponses(0, clock).seconds_until_room("one") == 0.0


def test_the_answers_of_a_token_take_bounded_room(
    make_app: Callable[..., flask.Flask], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "SAVED_SHARE", 0.02)
    app = make_app(database_url, ADMIN_API_KEPT_ANSWERS_MIB="1", ADMIN_API_REQUESTS_PER_SECOND="0")
    boss = admin_api.with_token(app)
    greedy = admin_api.with_token(app, token_of(boss))
    body = {"job_ids": list(range(1, 101)), "dry_run": True}
    answers = []
    for number in range(400):
        key = {"Idempotency-Key": f"key-{number}"}
        answers.append(greedy.post(f"{JOBS}/bulk/retry", json=body, headers=key))
        if answers[-1].status_code == 429:
            break
    refused = answers[-1]
    assert refused.get_json()["code"] == "too_many_keys"
    assert int(refused.headers["Retry-After"]) > 0
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("SELECT key, body IS NULL FROM idempotency_keys").fetchall()
        size = conn.execute("SELECT sum(octet_length(body)) FROM idempotency_keys").fetchone()
    assert len(rows) == len(answers) - 1
    assert size is not None
    assert 0 < size[0] < 2**20 * 0.02
    (alone, *_) = [key for key, is_alone in rows if is_alone]
    again = greedy.post(f"{JOBS}/bulk/retry", json=body, headers={"Idempotency-Key": alone})
    assert again.get_json()["code"] == "answer_not_kept"
    assert boss.post(JOBS, json={"subreddit": "a_b"}, headers=key).status_code == 201
    (entry,) = boss.get("/api/admin/audit-log?action=refused").get_json()["items"]
    # The requests that were refused with too_many_keys wrote no audit row.
    assert entry["after"]["code"] == "answer_not_kept"


@pytest.fixture
def full(tmp_path: Path, database_url: str) -> Iterator[Gunicorn]:
    """Yield a server with four threads, whose audit log has about 30 MB."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("""
            INSERT INTO admin_audit_log (actor, action, resource_type, after)
            SELECT 'load', 'refused', 'request', jsonb_build_object('path', repeat('x', 1000))
            FROM generate_series(1, 30000)
            """)
    server = start_gunicorn(tmp_path, database_url, ADMIN_API_WORKERS="1", ADMIN_API_THREADS="4")
    yield server
    server.stop()


def test_readers_that_are_slow_are_cut_off_and_hold_half_of_the_threads_at_most(
    full: Gunicorn,
) -> None:
    host, port = full.url.removeprefix("http://").split(":")
    ask = f"GET {EXPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    over = threading.Event()

    def read_slowly() -> tuple[bytes, float]:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
            client.settimeout(60)
            client.connect((host, int(port)))
            began = time.monotonic()
            client.sendall(ask)
            status = client.recv(13)
            try:
                while not over.wait(0.25) and client.recv(1_024):
                    pass
            except ConnectionError:
                pass
            return status, time.monotonic() - began

    with ThreadPoolExecutor(8) as pool, full.client() as client:
        readers = [pool.submit(read_slowly) for _ in range(8)]
        try:
            for _ in range(10):
                began = time.monotonic()
                assert client.get(JOBS).status_code == 200
                assert time.monotonic() - began < 2
        finally:
            over.set()
        statuses = sorted(reader.result()[0] for reader in readers)
    assert statuses == [b"HTTP/1.1 200 "] * 2 + [b"HTTP/1.1 429 "] * 6


@pytest.mark.deep
def test_a_reader_at_4_kib_a_second_is_cut_off_within_its_deadline(full: Gunicorn) -> None:
    """Socket buffers take the first megabytes.

    The export ends if they take nothing more for 30 s.
    """
    with httpx.stream(
        "GET", full.url + EXPORT, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=120
    ) as answer:
        assert answer.status_code == 200
        wait_until(
            lambda: "Ignoring connection epipe" in full.log_text() or is_idle(full),
            timeout=2 * streaming.PIECE_SECONDS,
            describe="the reader to be cut off",
            every=1.0,
        )
        with pytest.raises(httpx.TransportError):
            for _ in answer.iter_bytes():
                pass


def is_idle(server: Gunicorn) -> bool:
    """Return whether two exports can begin at the same time."""
    with server.client() as client, client.stream("GET", EXPORT) as one:
        if one.status_code != 200:
            return False
        with client.stream("GET", EXPORT) as two:
            return two.status_code == 200
