"""The span of a request: its name, its parent, its status, and whether it failed."""

import os

import flask
import flask.testing
import pytest

from admin_api.http import access_log
from crawljobs import settings
from crawljobs.domain import trace_context
from crawljobs.runtime import tracing
from support import collector
from support.admin_api import TOKEN

Client = flask.testing.FlaskClient
JOBS = "/api/admin/jobs"
SERVER = 2


def test_a_request_is_a_span_that_fails_from_500_on(
    offline: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = trace_context.new()

    def show(job_id: int) -> flask.Response:
        return flask.Response(status={1: 499, 2: 500}[job_id])

    monkeypatch.setitem(offline.application.view_functions, "jobs.show_job", show)
    # The client's own check of responses asks for the document, too.
    client = Client(offline.application, offline.application.response_class)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    with collector.serve() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        tracing.start("test", "test-1", settings.read_tracing_settings(os.environ))
        try:
            client.get("/healthz")
            client.get("/readyz")
            client.get(f"{JOBS}/1", headers={"traceparent": str(caller)})
            assert tracing.current() is None
            client.get(f"{JOBS}/2", headers={"traceparent": "odd"})
            client.open("/nowhere", method="BREW")
        finally:
            tracing.stop()
        first, second, third = received.spans()
    about = [(span.name, span.kind, span.failed) for span in (first, second, third)]
    assert about == [
        (f"GET {JOBS}/<id:job_id>", SERVER, False),
        (f"GET {JOBS}/<id:job_id>", SERVER, True),
        ("other none", SERVER, False),
    ]
    assert (first.trace_id, first.parent_id) == (caller.trace_id, caller.span_id)
    assert second.parent_id == ""
    assert len({span.trace_id for span in (first, second, third)}) == 3
    assert [dict(span.attributes) for span in (first, third)] == [
        {
            "http.request.method": "GET",
            "http.route": f"{JOBS}/<id:job_id>",
            "http.response.status_code": 499,
        },
        {
            "http.request.method": "other",
            "http.route": "none",
            "http.response.status_code": 404,
        },
    ]


@pytest.mark.parametrize(("seconds", "milliseconds"), [(1.23456, 1234.6), (0.00004, 0.0)])
def test_a_log_line_has_the_milliseconds_of_its_request(
    offline: Client, monkeypatch: pytest.MonkeyPatch, seconds: float, milliseconds: float
) -> None:
    lines: list[dict[str, object]] = []
    times = iter((1_000.0, 1_000.0 + seconds))
    monkeypatch.setattr(access_log.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(access_log.log, "info", lambda _event, **line: lines.append(line))
    app = offline.application
    with app.test_request_context("/nowhere"):
        access_log._start()
        access_log._write(flask.Response())
    assert [line["milliseconds"] for line in lines] == [milliseconds]
