"""Writes refused changes (4xx) to the audit log, after the request's own transaction has ended."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any

import flask

from admin_api.http import api_counters, auth, state
from admin_api.http.refusal_counts import RefusalCount
from admin_api.http.request import request_id, shown_path
from crawljobs.db.database import Connection
from crawljobs.domain import plain_text
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.operations import audit_log
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PATH_MAX_CHARACTERS = 200
CHECK_INTERVAL_SECONDS = 5.0  # time between two writes of refusal counts to the audit log
STOP_SECONDS = 1.0  # maximum wait for the thread's final write, when the process stops

# Maps the name of a path parameter to the resource type in the audit row.
_RESOURCE_TYPES = {
    "job_id": "crawl_job",
    "schedule_id": "scheduled_job",
    "group_id": "job_group",
    "token_id": "api_token",
    "subreddit": "subreddit",
}


class RefusalWriter:
    """Runs a thread that writes the counts of refused changes to the audit log.

    The thread writes a count when the count's time window has ended, or when the process stops.
    """

    def __init__(self, app_state: state.State) -> None:
        self._state = app_state
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refusals", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(CHECK_INTERVAL_SECONDS):
            write_counts(self._state)
        write_counts(self._state, include_open=True)


def write_counts(app_state: state.State, *, include_open: bool = False) -> None:
    """Write one audit row for each count of refusals. Keep all counts if the database fails.

    `include_open`: also write the counts whose time window has not ended.
    """
    counts = app_state.refusals.pop_finished(include_open=include_open)
    if not counts:
        return
    try:
        app_state.database.in_own_transaction(lambda conn: _record_counts(conn, counts))
    except DatabaseUnavailable as error:
        app_state.refusals.put_back(counts)
        log.warning("audit.write_failed", reason=str(error), rows=len(counts))


def _record_counts(conn: Connection, counts: list[RefusalCount]) -> None:
    for count in counts:
        audit_log.record(
            conn,
            actor=count.actor,
            action=audit_log.REFUSED,
            resource_type="request",
            resource_id=None,
            after=count.as_json(),
        )


def _record(response: flask.Response) -> flask.Response:
    request = flask.request
    if (
        request.method in CHANGING_METHODS
        and request.endpoint is not None
        and 400 <= response.status_code < 500
        # Audit rows for the status 429 would add load, so a refusal for too many requests gets no
        # row.
        and response.status_code != HTTPStatus.TOO_MANY_REQUESTS
        and "identity" in flask.g
    ):
        _write(request, response)
    return response


def _write(request: flask.Request, response: flask.Response) -> None:
    """Write an audit row for the first refusal in a time window. Count further refusals only.

    The row holds neither the query string nor the body, because both may hold secrets.
    """
    counts = state.current().refusals
    actor = auth.current_actor()
    problem = response.get_json(silent=True) or {}
    code = str(problem.get("code"))
    api_counters.refused_change(code)
    key = counts.opens_window(
        actor, (request.method, str(request.url_rule), code), response.status_code
    )
    if key is None:
        return
    after = {
        "method": request.method,
        "path": plain_text.one_line(
            shown_path.shown_path(PATH_MAX_CHARACTERS), limit=PATH_MAX_CHARACTERS
        ),
        "status": response.status_code,
        "code": code,
    }

    def work(conn: Connection) -> None:
        resource_type, resource_id = _resource(conn, request.view_args or {})
        audit_log.record(
            conn,
            actor=actor,
            action=audit_log.REFUSED,
            resource_type=resource_type,
            resource_id=resource_id,
            after=after,
        )

    written = False
    try:
        state.current().database.in_own_transaction(work)
        written = True
    except DatabaseUnavailable as error:
        # The client still gets the response. Only the audit row of the refusal is missing.
        log.warning("audit.write_failed", reason=str(error), request_id=request_id.current())
    finally:
        if not written:
            counts.close_window(key)


def _resource(conn: Connection, arguments: dict[str, Any]) -> tuple[str, str | None]:
    """Return the resource type and the id that the path of the request contains."""
    parameter = next((name for name in _RESOURCE_TYPES if name in arguments), None)
    if parameter is None:
        return "request", None
    value = str(arguments[parameter])[:100]
    if parameter == "subreddit" and not value.isdigit():
        found = subreddit_admin.find_id(conn, name=value)
        return _RESOURCE_TYPES[parameter], None if found is None else str(found)
    return _RESOURCE_TYPES[parameter], value


def install(app: flask.Flask) -> None:
    app.after_request(_record)
