"""Writes one log line for each request: actor, method, path, status, duration."""

from __future__ import annotations

import time

import flask

from admin_api.http import api_counters, auth, state
from admin_api.http.request import request_id, shown_path
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

PATH_MAX_CHARACTERS = 200


def _start() -> None:
    flask.g.started = time.monotonic()


def _write(response: flask.Response) -> flask.Response:
    seconds = time.monotonic() - flask.g.started
    rule = flask.request.url_rule
    api_counters.observe_request(
        route=None if rule is None else rule.rule,
        method=flask.request.method,
        status=response.status_code,
        seconds=seconds,
    )
    if rule is not None:
        state.current().durations.add(
            flask.request.method,
            shown_path.template(rule.rule),
            status=response.status_code,
            seconds=seconds,
        )
    # The log line has neither the query string nor the headers, because both may hold secrets.
    if flask.request.endpoint not in auth.PUBLIC_ENDPOINTS:
        log.info(
            "http.request",
            method=flask.request.method,
            path=shown_path.shown_path(PATH_MAX_CHARACTERS),
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
            actor=auth.current_name(),
            request_id=request_id.current(),
        )
    return response


def install(app: flask.Flask) -> None:
    app.before_request(_start)
    app.after_request(_write)
