"""Changes that were asked for and refused are in the audit log too, in a transaction apart."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any

import flask

from admin_api.http import api_counters, auth, state
from admin_api.http.refusal_counts import Counted
from admin_api.http.request import request_id
from crawljobs.db.database import Connection
from crawljobs.domain import plain_text
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.operations import audit_log
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PATH_MAX_CHARACTERS = 200
LOOK_SECONDS = 5.0  # for windows that have ended
STOP_SECONDS = 1.0

# What a path's parameter says that the request is about.
_RESOURCES = {
    "job_id": "crawl_job",
    "schedule_id": "scheduled_job",
    "token_id": "api_token",
    "subreddit": "subreddit",
}


class RefusalWriter:
    """Writes the counts of windows that have ended, in a thread, and all of them at the stop."""

    def __init__(self, of: state.State) -> None:
        self._state = of
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refusals", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            write_counts(self._state)
        write_counts(self._state, all_of_them=True)


def write_counts(of: state.State, *, all_of_them: bool = False) -> None:
    """A row for each count; what cannot be written now is kept for the next time."""
    counted = of.refusals.take(all_of_them=all_of_them)
    if not counted:
        return
    try:
        of.database.apart(lambda conn: _record_counts(conn, counted))
    except DatabaseUnavailable as error:
        of.refusals.give_back(counted)
        log.warning("audit.not_written", reason=str(error), rows=len(counted))


def _record_counts(conn: Connection, counted: list[Counted]) -> None:
    for one in counted:
        audit_log.record(
            conn,
            actor=one.actor,
            action=audit_log.REFUSED,
            resource_type="request",
            resource_id=None,
            after=one.as_json(),
        )


def _record(response: flask.Response) -> flask.Response:
    request = flask.request
    if (
        request.method in CHANGING_METHODS
        and request.endpoint is not None
        and 400 <= response.status_code < 500
        and response.status_code != HTTPStatus.TOO_MANY_REQUESTS  # rows would be what is too much
        and "identity" in flask.g
    ):
        _write(request, response)
    return response


def _write(request: flask.Request, response: flask.Response) -> None:
    """Neither the query nor the body: both may hold what must not be kept."""
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
        "path": plain_text.one_line(request.path, limit=PATH_MAX_CHARACTERS),
        "status": response.status_code,
        "code": code,
    }

    def work(conn: Connection) -> None:
        sort, resource_id = _resource(conn, request.view_args or {})
        audit_log.record(
            conn,
            actor=actor,
            action=audit_log.REFUSED,
            resource_type=sort,
            resource_id=resource_id,
            after=after,
        )

    written = False
    try:
        state.current().database.apart(work)
        written = True
    except DatabaseUnavailable as error:
        # The refusal stands; that it could not be recorded is in the log.
        log.warning("audit.not_written", reason=str(error), request_id=request_id.current())
    finally:
        if not written:
            counts.forget(key)


def _resource(conn: Connection, arguments: dict[str, Any]) -> tuple[str, str | None]:
    """What the request is about, by the id that changes are recorded with."""
    about = next((name for name in _RESOURCES if name in arguments), None)
    if about is None:
        return "request", None
    given = str(arguments[about])[:100]
    if about == "subreddit" and not given.isdigit():
        found = subreddit_admin.find_id(conn, name=given)
        return _RESOURCES[about], None if found is None else str(found)
    return _RESOURCES[about], given


def install(app: flask.Flask) -> None:
    app.after_request(_record)
