"""/api/admin/queue: pause and resume the whole queue or one subreddit."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, problems, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.schemas.fields import rfc3339
from admin_api.schemas.pause import (
    PauseBodySchema,
    PauseListSchema,
    PauseSchema,
    ResumeBodySchema,
)
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.repository.content import stored_subreddits, subreddit_admin
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import queue_pauses
from crawljobs.repository.queue.queue_pauses import EVERYTHING, Pause

blueprint = Blueprint(
    "queue",
    __name__,
    url_prefix="/api/admin/queue",
    description="Pause and resume",
    changes=Scope.JOBS,
)

PAUSES_SHOWN = 500


@blueprint.get("/pauses")
@blueprint.may_be_unchanged
@blueprint.answers(200, PauseListSchema, "The pauses in force.", headers=conditional.HEADERS)
def list_pauses() -> dict[str, Any]:
    """List the pauses"""
    with state.current().database.read() as conn:
        return {"items": queue_pauses.list_pauses(conn, limit=PAUSES_SHOWN)}


@blueprint.post("/pause")
@blueprint.body(
    PauseBodySchema,
    examples={"everything": {"value": {"reason": "maintenance of the database"}}},
)
@blueprint.answers(200, PauseSchema, "The pause.")
def pause_queue(params: dict[str, Any]) -> Pause:
    """Pause the whole queue or one subreddit

    During a pause, no crawl starts. Running crawls continue, and enqueued jobs wait. A second
    request changes the reason and the end of the pause. The end must be in the future.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> Pause:
        scope = EVERYTHING
        if params["subreddit"] is not None:
            name = params["subreddit"]
            (scope,) = stored_subreddits.ensure(
                conn, names=[name], discovered_from=None, depth=0
            ).values()
        kept = queue_pauses.get_pause(conn, scope=scope, ended_too=True)
        if kept is not None and (kept.reason, kept.until) == (params["reason"], params["until"]):
            return kept
        before = queue_pauses.get_pause(conn, scope=scope)
        queue_pauses.pause(
            conn,
            scope=scope,
            reason=params["reason"],
            paused_by=actor.name,
            until=params["until"],
        )
        after = queue_pauses.get_pause(conn, scope=scope)
        # If `until` is in the past by the database's clock, the new pause has already ended, and
        # `after` is None. The error rolls the transaction back.
        if after is None:
            raise problems.refuse_value(
                "/until", "expected a time in the future; resume ends a pause"
            )
        _audit(conn, "pause", scope, before=before, after=after)
        return after

    return state.current().database.run(work)


@blueprint.post("/resume")
@blueprint.body(ResumeBodySchema, required=False, examples={"everything": {"value": {}}})
@blueprint.answers(200, PauseSchema, "The pause that has ended.")
@blueprint.problems("not_paused")
def resume_queue(params: dict[str, Any]) -> Pause:
    """End a pause

    Jobs that waited for the end of the pause become claimable at once.
    """
    not_paused = problems.Problem("not_paused", "GET /api/admin/queue/pauses lists the pauses.")

    def work(conn: Connection) -> Pause:
        scope: int | None = EVERYTHING
        if params.get("subreddit") is not None:
            scope = subreddit_admin.find_id(conn, name=params["subreddit"])
        before = None if scope is None else queue_pauses.get_pause(conn, scope=scope)
        if scope is None or before is None or not queue_pauses.resume(conn, scope=scope):
            raise not_paused
        _audit(conn, "resume", scope, before=before, after=None)
        return before

    return state.current().database.run(work)


def _audit(
    conn: Connection, action: str, scope: int, *, before: Pause | None, after: Pause | None
) -> None:
    audit_log.record(
        conn,
        actor=auth.current_actor(),
        action=action,
        resource_type="queue" if scope == EVERYTHING else "subreddit",
        resource_id=None if scope == EVERYTHING else scope,
        before=None if before is None else _audited(before),
        after=None if after is None else _audited(after),
    )


def _audited(pause: Pause) -> dict[str, Any]:
    return {
        "subreddit": pause.subreddit,
        "reason": pause.reason,
        "until": None if pause.until is None else rfc3339(pause.until),
        "paused_by": pause.paused_by,
    }
