"""Each request continues its client's trace, or starts a new trace."""

from __future__ import annotations

import contextlib

import flask

from admin_api.http import api_counters
from crawljobs.domain import trace_context
from crawljobs.runtime import metrics, tracing

HEADER = "traceparent"
# These requests get no trace. Load balancers send them every few seconds, so traces would only add
# load.
PROBES = frozenset({"health.healthz", "health.readyz"})
SERVER_ERRORS = 500


def _begin() -> None:
    if flask.request.endpoint in PROBES:
        return
    rule = flask.request.url_rule
    route = api_counters.NO_ROUTE if rule is None else rule.rule
    method = metrics.bounded(flask.request.method, api_counters.METHODS)
    scope = flask.g.trace_scope = contextlib.ExitStack()
    flask.g.span = scope.enter_context(
        tracing.span(
            f"{method} {route}",
            tracing.Kind.SERVER,
            parent=trace_context.parse(flask.request.headers.get(HEADER)),
            attributes={"http.request.method": method, "http.route": route},
        )
    )


def _record_status(response: flask.Response) -> flask.Response:
    span: tracing.Span | None = flask.g.get("span")
    if span is not None:
        span.set_attributes({"http.response.status_code": response.status_code})
        if response.status_code >= SERVER_ERRORS:
            span.fail(str(response.status_code))
    return response


def _end(_error: BaseException | None) -> None:
    scope: contextlib.ExitStack | None = flask.g.pop("trace_scope", None)
    if scope is not None:
        scope.close()


def install(app: flask.Flask) -> None:
    """Trace each request.

    Call this before access_log.install(). Otherwise the log lines of requests have no trace id.
    """
    app.before_request(_begin)
    app.after_request(_record_status)
    app.teardown_request(_end)
