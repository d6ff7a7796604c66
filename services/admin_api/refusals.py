"""Changes that were asked for and refused are in the audit log too, in a transaction apart."""

from __future__ import annotations

import flask

from admin_api import auth, request_id, state
from crawljobs import logs
from crawljobs.domain import plain_text
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository import audit_log

log = logs.get_logger(__name__)

CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PATH_MAX_CHARACTERS = 200

# What a path's parameter says that the request is about.
_RESOURCES = {
    "job_id": "crawl_job",
    "schedule_id": "scheduled_job",
    "token_id": "api_token",
    "subreddit": "subreddit",
}


def _record(response: flask.Response) -> flask.Response:
    request = flask.request
    if (
        request.method in CHANGING_METHODS
        and request.endpoint is not None
        and 400 <= response.status_code < 500
        and "identity" in flask.g
    ):
        _write(request, response)
    return response


def _write(request: flask.Request, response: flask.Response) -> None:
    """Neither the query nor the body: both may hold what must not be kept."""
    about = next((name for name in _RESOURCES if name in (request.view_args or {})), None)
    actor = auth.current_actor()
    problem = response.get_json(silent=True) or {}
    try:
        state.current().database.apart(
            lambda conn: audit_log.record(
                conn,
                actor=actor,
                action="refused",
                resource_type="request" if about is None else _RESOURCES[about],
                resource_id=None if about is None else str((request.view_args or {})[about])[:100],
                after={
                    "method": request.method,
                    "path": plain_text.one_line(request.path, limit=PATH_MAX_CHARACTERS),
                    "status": response.status_code,
                    "code": problem.get("code"),
                },
            )
        )
    except DatabaseUnavailable as error:
        # The refusal stands; that it could not be recorded is in the log.
        log.warning("audit.not_written", reason=str(error), request_id=request_id.current())


def install(app: flask.Flask) -> None:
    app.after_request(_record)
