"""Trace scopes add ids to log lines. Spans never delay the work or make it fail."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from crawljobs import settings
from crawljobs.domain import trace_context
from crawljobs.errors import SettingsError
from crawljobs.runtime import tracing
from crawljobs.runtime.traces import open_telemetry, trace_scope
from support import collector, scripted_server
from support.scripted_server import Exchange
from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
SPANS = 5_000  # more than the sender's queue holds
# A quiet machine takes 0.4 s. With a sender for which callers wait, ten exports take 5 s each.
SPANS_SECONDS = 20.0
STOP_SLACK_SECONDS = 3.0  # allowance for a machine that runs other tests too
SENDERS = ("OtelBatch", "tracing-end")  # names of threads


def ids() -> dict[str, object]:
    """Return the trace ids that a log line would contain."""
    return dict(trace_scope.add_ids(None, "info", {}))


def test_a_scope_has_its_ids_in_the_log_lines_and_gives_back_those_around_it() -> None:
    caller = trace_context.new()
    with tracing.span("outer", tracing.Kind.SERVER, parent=caller) as outer:
        assert outer.context.trace_id == caller.trace_id
        assert ids() == {"trace_id": caller.trace_id, "span_id": outer.context.span_id}
        with tracing.span("inner", tracing.Kind.PRODUCER) as inner:
            assert tracing.traceparent() == str(inner.context)
            assert ids() == {"trace_id": caller.trace_id, "span_id": inner.context.span_id}
        assert ids()["span_id"] == outer.context.span_id
    assert ids() == {}
    assert tracing.current() is None


def test_threads_do_not_share_a_scope() -> None:
    seen = []
    with tracing.span("here", tracing.Kind.CONSUMER):
        other = threading.Thread(target=lambda: seen.append((tracing.current(), ids())))
        other.start()
        other.join()
    assert seen == [(None, {})]


def test_a_scope_ends_with_an_exception_too() -> None:
    with pytest.raises(ZeroDivisionError), tracing.span("here", tracing.Kind.SERVER):
        _ = 1 / 0
    assert tracing.current() is None


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4318",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/v1/traces",
            },
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4318", "OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_spans_are_sent_only_when_a_collector_is_named(
    variables: dict[str, str], named: str | None
) -> None:
    chosen = settings.read_tracing_settings(variables)
    assert (chosen and chosen.named) == named


def test_an_address_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_ENDPOINT='collector:4318'"):
        settings.read_tracing_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"})


def test_a_collector_beyond_this_machine_takes_https_or_an_explicit_word() -> None:
    plain = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_INSECURE=true allows it"):
        settings.read_tracing_settings(plain)
    assert settings.read_tracing_settings({**plain, "OTEL_EXPORTER_OTLP_INSECURE": "true"})


WITHOUT = """
import os, sys
sys.modules["opentelemetry"] = None  # as when the extra is not installed
from crawljobs.runtime import logs, tracing; from crawljobs import settings
logs.configure("test", os.environ)
tracing.start("test", "test-1", settings.read_tracing_settings(os.environ))
with tracing.span("work", tracing.Kind.CONSUMER):
    logs.get_logger("test").info("worked")
tracing.stop()
"""


def test_without_the_extra_the_work_goes_on_and_a_line_says_why_no_span_is_sent() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "shared"),
            "LOG_FORMAT": "json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    warned, worked = (json.loads(line) for line in ran.stderr.splitlines())
    assert warned["action"] == "tracing.unavailable"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra otel is not" in warned["reason"]
    assert worked["action"] == "worked"
    assert len(worked["trace_id"]) == 32


def test_a_variable_that_opentelemetry_refuses_costs_the_spans_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The batch is larger than the sender's queue.
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096")
    with (
        structlog.testing.capture_logs() as told,
        collector.serve() as received,
        sending(monkeypatch, received.url),
        tracing.span("work", tracing.Kind.SERVER) as span,
    ):
        assert tracing.current() == span.context
    assert [one["event"] for one in told] == ["tracing.unavailable"]
    assert received.spans() == []


@contextlib.contextmanager
def sending(monkeypatch: pytest.MonkeyPatch, url: str) -> Iterator[None]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")  # ms
    tracing.start("test", "test-1", settings.read_tracing_settings(os.environ))
    try:
        yield
    finally:
        tracing.stop()


def test_a_span_arrives_with_its_parent_kind_attributes_and_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caller = trace_context.new()
    with collector.serve() as received, sending(monkeypatch, received.url):
        with (
            pytest.raises(ZeroDivisionError),
            tracing.span("work", tracing.Kind.SERVER, parent=caller) as span,
        ):
            span.set_attributes({"crawljobs.job.id": 7})
            _ = 1 / 0
        tracing.begin("not ended", tracing.Kind.SERVER, parent=caller)
        wait_until(received.spans, timeout=20, describe="no span arrived")
        (one,) = received.spans()
        assert (one.name, one.service, one.kind, one.failed) == ("work", "test", 2, True)
        assert (one.trace_id, one.parent_id) == (caller.trace_id, caller.span_id)
        assert one.attributes == {"crawljobs.job.id": 7, "error.type": "ZeroDivisionError"}


def test_a_caller_that_does_not_sample_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = trace_context.TraceContext("1" * 32, "2" * 16, sampled=False)
    with collector.serve() as received:
        with (
            sending(monkeypatch, received.url),
            tracing.span("work", tracing.Kind.SERVER, parent=caller) as span,
        ):
            assert span.context.trace_id == caller.trace_id
            assert not span.context.sampled
        assert received.spans() == []


def test_what_is_left_is_sent_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector.serve() as received:
        with sending(monkeypatch, received.url):
            monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
            for _ in range(3):
                with tracing.span("work", tracing.Kind.SERVER):
                    pass
        assert len(received.spans()) == 3


Dead = Callable[[], "contextlib.AbstractContextManager[str]"]


def refusing() -> "contextlib.AbstractContextManager[str]":
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return contextlib.nullcontext(f"http://127.0.0.1:{listener.getsockname()[1]}")


def failing() -> "contextlib.AbstractContextManager[str]":
    def fail(exchange: Exchange) -> None:
        exchange.send(503, b"", retry_after="3600")

    return scripted_server.serve(fail)


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Yield the address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("dead", [refusing, failing, silent])
def test_a_collector_that_is_away_costs_neither_work_nor_end_anything(
    monkeypatch: pytest.MonkeyPatch,
    dead: Dead,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with dead() as url, structlog.testing.capture_logs() as told:
        with sending(monkeypatch, url):
            began = time.monotonic()
            for _ in range(SPANS):
                with tracing.span("work", tracing.Kind.SERVER):
                    pass
                assert time.monotonic() - began < SPANS_SECONDS
            began = time.monotonic()
        assert time.monotonic() - began < open_telemetry.FLUSH_SECONDS + STOP_SLACK_SECONDS
    assert caplog.records == []
    assert [one["event"] for one in told if one["log_level"] == "warning"] in (
        [],  # the sender has not given up its first attempt yet
        ["tracing.lost"],
    )


def senders() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(SENDERS)]


@pytest.mark.parametrize("dead", [refusing, silent])
def test_a_sender_that_outlives_the_end_logs_nothing_more(
    monkeypatch: pytest.MonkeyPatch, dead: Dead
) -> None:
    """A later log line would appear after its process, or its test, has ended."""
    with dead() as url:
        with (
            structlog.testing.capture_logs() as told,
            sending(monkeypatch, url),
            tracing.span("work", tracing.Kind.SERVER),
        ):
            pass
        assert [one["event"] for one in told if one["log_level"] == "warning"] == ["tracing.lost"]
        with structlog.testing.capture_logs() as told:
            deadline = 2 * open_telemetry.EXPORT_SECONDS + STOP_SLACK_SECONDS
            wait_until(lambda: not senders(), timeout=deadline, describe=senders)
    assert told == []
