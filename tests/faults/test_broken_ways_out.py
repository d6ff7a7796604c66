"""If Reddit is unreachable, the log, the pause, the jobs and the budget name the cause."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flask.testing
import pytest

from crawljobs.domain.job import JobStatus
from support import admin_api, certificates, scripted_server
from support.certificates import Certificate
from support.crew import PRODUCTION, Crew
from support.scripted_reddit import ScriptedReddit
from support.scripted_server import Exchange
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

SECRET = "canary0123456789"
ELSEWHERE = "https://oauth.reddit.invalid"
JOBS = 5  # with three tries of each job, there are enough failures to open the circuit breaker
Way = Callable[[Path], "contextlib.AbstractContextManager[Broken]"]


@dataclass(frozen=True)
class Broken:
    """A broken connection to Reddit. `cause` is the expected word for it in messages.

    `variables` are the settings of the worker that lead to the broken connection.
    """

    cause: str
    variables: dict[str, str] = field(default_factory=dict)


def both(url: str) -> dict[str, str]:
    return {"REDDIT_API_URL": url, "REDDIT_AUTH_URL": url}


def reddit(it: Exchange) -> None:
    it.send(200, b'{"access_token": "t", "expires_in": 86400}')


def refuses_tunnels(it: Exchange) -> None:
    """Reply to CONNECT with 403, as a proxy that allows no tunnels."""
    it.close_connection = True
    it.send(403, b"no tunnels here", connection="close")


@contextlib.contextmanager
def untrusted_certificate(folder: Path) -> Iterator[Broken]:
    made = certificates.make(folder, "IP:127.0.0.1")
    with scripted_server.serve(reddit, tls=made.context) as url:
        yield Broken("certificate", both(url))


@contextlib.contextmanager
def certificate_of_another_host(folder: Path) -> Iterator[Broken]:
    made = certificates.make(folder, "DNS:example.com")
    with scripted_server.serve(reddit, tls=made.context) as url:
        yield Broken("certificate", {**both(url), "SSL_CERT_FILE": str(made.file)})


@contextlib.contextmanager
def untrusted_certificate_of_the_api_alone(folder: Path) -> Iterator[Broken]:
    made = certificates.make(folder, "IP:127.0.0.1")
    with (
        scripted_server.serve(reddit) as auth,
        scripted_server.serve(reddit, tls=made.context) as api,
    ):
        yield Broken("certificate", {"REDDIT_API_URL": api, "REDDIT_AUTH_URL": auth})


@contextlib.contextmanager
def proxy_without_tunnels(_folder: Path) -> Iterator[Broken]:
    with scripted_server.serve(refuses_tunnels) as proxy:
        proxy = proxy.replace("//", f"//user:{SECRET}@")
        yield Broken("proxy", {**both(ELSEWHERE), "HTTPS_PROXY": proxy})


@contextlib.contextmanager
def dead_proxy(_folder: Path) -> Iterator[Broken]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{unused.getsockname()[1]}"
        yield Broken("proxy", {**both(ELSEWHERE), "HTTPS_PROXY": proxy})


@contextlib.contextmanager
def unknown_name(_folder: Path) -> Iterator[Broken]:
    yield Broken("unknown host", both(ELSEWHERE))


WAYS: list[Way] = [untrusted_certificate, proxy_without_tunnels, unknown_name]
MORE: list[Way] = [
    certificate_of_another_host,
    untrusted_certificate_of_the_api_alone,
    dead_proxy,
]


def ways() -> list[Any]:
    deep = [pytest.param(way, marks=pytest.mark.deep) for way in MORE]
    return [*WAYS, *deep]


@pytest.fixture
def client(database_url: str) -> Iterator[flask.testing.FlaskClient]:
    with admin_api.opened(database_url) as app:
        yield admin_api.with_token(app)


def shown(client: flask.testing.FlaskClient, path: str) -> dict[str, Any]:
    answer = client.get(f"/api/admin/{path}").json
    assert answer is not None
    return answer


@pytest.mark.parametrize("way", ways(), ids=lambda way: way.__name__)
def test_the_cause_is_named_wherever_an_operator_looks(
    queue: WatchedQueue,
    crew: Crew,
    client: flask.testing.FlaskClient,
    tmp_path: Path,
    way: Way,
) -> None:
    jobs = queue.enqueue(*(f"club_{number}" for number in range(JOBS)))
    with way(tmp_path) as broken:
        worker = crew.start(PRODUCTION, REDDIT_CLIENT_SECRET=SECRET, **broken.variables)
        cause = f"({broken.cause})"
        paused = worker.wait_for("reddit.paused", reason="outage")
        wait_until(
            lambda: {queue.job(job_id).status for job_id in jobs} == {JobStatus.WAITING},
            timeout=20,
            describe=crew.log,
        )
    assert cause in paused["detail"]
    assert all(cause in line["error"] for line in worker.logged("job.deferred"))
    (budget,) = shown(client, "budget")["clients"]
    assert (budget["state"], budget["reason"]) == ("paused", "outage")
    assert cause in budget["detail"]
    for job_id in jobs:
        job = queue.job(job_id)
        assert (job.wait_reason, job.retries) == ("outage", 0)
        assert cause in (job.error_message or "")
        explained = shown(client, f"jobs/{job_id}/explain")
        assert cause in explained["summary"]
        assert cause in explained["waits_for"]
        (reddit_available,) = (
            one for one in explained["conditions"] if one["name"] == "reddit_available"
        )
        assert cause in reddit_available["value"]
    queue.check()
    assert SECRET not in crew.log() + json.dumps([budget, explained])


@pytest.mark.deep
def test_a_certificate_that_is_trusted_in_the_end_ends_the_pause(
    queue: WatchedQueue, crew: Crew, tmp_path: Path
) -> None:
    made: Certificate = certificates.make(tmp_path, "IP:127.0.0.1")
    queue.enqueue("python")
    with scripted_server.serve(ScriptedReddit(), tls=made.context) as url:
        worker = crew.start(PRODUCTION, **both(url))
        assert "(certificate)" in worker.wait_for("job.deferred")["error"]
        worker.terminate()
        queue.rows("UPDATE reddit_budgets SET outage_until = now() RETURNING 1")
        queue.rows("UPDATE reddit_tokens SET ask_again_at = NULL RETURNING 1")
        crew.start(PRODUCTION, **both(url), SSL_CERT_FILE=str(made.file))
        queue.wait_until_ended(describe=crew.log)
    queue.check_ended()
    assert queue.value("SELECT count(*) FROM posts") == 1
