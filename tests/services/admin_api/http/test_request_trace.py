"""The span of a request describes the jobs that the request enqueued."""

import os
from typing import Any

import flask.testing
import pytest

from admin_api.resources import enqueueing
from crawljobs import settings
from crawljobs.domain.job import Enqueued, EnqueueResult
from crawljobs.runtime import tracing
from support import collector


class Span:
    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def set_attributes(self, attributes: dict[str, Any]) -> None:
        self.attributes |= attributes


def enqueued(job_id: int) -> Enqueued:
    return Enqueued(job_id=job_id, subreddit=f"sub_{job_id}", result=EnqueueResult.CREATED)


def test_a_span_counts_jobs_and_names_one_that_is_alone() -> None:
    alone, several = Span(), Span()
    enqueueing.describe_results(alone, [enqueued(7)])  # type: ignore[arg-type]
    enqueueing.describe_results(several, [enqueued(7), enqueued(8)])  # type: ignore[arg-type]
    assert alone.attributes == {
        "crawljobs.jobs": 1,
        "crawljobs.job.id": 7,
        "crawljobs.subreddit": "sub_7",
        "crawljobs.outcome": "created",
    }
    assert several.attributes == {"crawljobs.jobs": 2}


def test_the_enqueue_of_a_request_and_of_a_run_is_a_span_that_names_the_job(
    client: flask.testing.FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"name": "nightly", "subreddit": "rust", "cron_expression": "@daily"}
    schedule = client.post("/api/admin/scheduled-jobs", json=asked).headers["Location"]
    with collector.serve() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        tracing.start("test", "test-1", settings.read_tracing_settings(os.environ))
        try:
            ids = [
                client.post("/api/admin/jobs", json={"subreddit": "python"}).get_json(),
                client.post(f"{schedule}/run").get_json(),
            ]
        finally:
            tracing.stop()
        spans = [span.attributes for span in received.spans() if span.name == "enqueue"]
    assert sorted(spans, key=lambda span: str(span["crawljobs.subreddit"])) == [
        {
            "crawljobs.jobs": 1,
            "crawljobs.job.id": body["job"]["id"],
            "crawljobs.subreddit": body["job"]["subreddit"],
            "crawljobs.outcome": "created",
        }
        for body in ids
    ]
