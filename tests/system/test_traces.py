"""An HTTP request, and its claim and crawl in other processes, are one trace at the collector."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from crawljobs.domain import trace_context
from support import admin_api, collector, crew, reddit_sandbox
from support.collector import Collector
from support.crew import Crew

DEADLINE_SECONDS = 40  # limit for an overloaded machine
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5


@pytest.fixture
def received() -> Iterator[Collector]:
    with collector.serve() as running:
        yield running


def test_a_request_and_the_crawl_it_asked_for_are_one_trace(
    database_url: str, tmp_path: Path, received: Collector
) -> None:
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    caller = trace_context.new()
    with reddit_sandbox.serve("--rate-limit", 10_000_000) as sandbox:
        workers = Crew(tmp_path, database_url, sandbox_url=sandbox.url)
        api = admin_api.start_gunicorn(tmp_path, database_url, **traced)
        try:
            worker = workers.started(crew.PRODUCTION, **traced)
            job_id = enqueue(api, str(caller))
            completed = worker.wait_for("job.completed", timeout=DEADLINE_SECONDS, job_id=job_id)
            assert worker.terminate()[0] == 0
        finally:
            workers.close()
            api.stop()
    spans = received.of_trace(caller.trace_id)
    assert {"claim", "crawl"} <= spans.keys(), received.spans()
    request, enqueued, claim, crawl = (
        spans[name] for name in ("POST /api/admin/jobs", "enqueue", "claim", "crawl")
    )
    assert [one.service for one in (request, enqueued, claim, crawl)] == [
        *("admin-api", "admin-api"),
        *("crawler-worker", "crawler-worker"),
    ]
    assert [one.kind for one in (request, enqueued, claim, crawl)] == [
        *(SERVER, PRODUCER),
        *(CONSUMER, CONSUMER),
    ]
    assert request.parent_id == caller.span_id
    assert enqueued.parent_id == request.span_id
    assert claim.parent_id == enqueued.span_id
    assert crawl.parent_id == claim.span_id
    assert request.attributes["http.response.status_code"] == 201
    for span, outcome in ((enqueued, "created"), (crawl, "succeeded")):
        assert span.attributes["crawljobs.job.id"] == job_id
        assert span.attributes["crawljobs.subreddit"] == "BirdingNotes"
        assert span.attributes["crawljobs.outcome"] == outcome
    page = spans["GET about"]
    assert (page.kind, page.parent_id) == (CLIENT, crawl.span_id)
    (line,) = [one for one in api.log_lines() if one.get("method") == "POST"]
    assert line["trace_id"] == completed["trace_id"] == caller.trace_id
    assert not any("healthz" in one.name for one in received.spans())
    sent = b"".join(received.bodies).decode(errors="replace")
    for secret in (admin_api.TOKEN, "bearer", database_url.rpartition("@")[0]):
        assert secret.lower() not in sent.lower()


def enqueue(api: admin_api.Gunicorn, traceparent: str) -> int:
    with api.client() as client:
        headers = {"traceparent": traceparent}
        answer = client.post("/api/admin/jobs", json={"subreddit": "BirdingNotes"}, headers=headers)
        assert answer.status_code == 201, answer.text
        hostile: httpx.Response = client.get(
            "/api/admin/jobs", headers={"traceparent": f"{traceparent}-{'x' * 1000}"}
        )
        assert hostile.status_code == 200
        return int(answer.json()["job"]["id"])
