"""Applies one change to many jobs, writes the audit rows, and reports the result of each job."""

from __future__ import annotations

from typing import Any

from admin_api.http import api_counters, auth, responses, scopes, state
from admin_api.resources import enqueueing, job_changes, job_conflicts, job_selection
from admin_api.schemas.problem_kinds import KINDS
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.api_token import Scope
from crawljobs.domain.operator_verbs import Verb
from crawljobs.errors import Duplicate, LiveJobExists
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_reads, operator_changes
from crawljobs.repository.queue.operator_changes import JobChange
from crawljobs.runtime import tracing


def apply(
    params: dict[str, Any], verb: Verb | None, *, points: int | None = None
) -> responses.Response:
    """Apply a verb, such as `cancel`, to the selected jobs.

    If the verb is None, wake the selected waiting jobs and retry the selected finished jobs.
    """
    actor = auth.current_actor()
    dry_run: bool = params["dry_run"]
    if dry_run or "filter" in params:
        scopes.require_also(Scope.READ, "to choose jobs by a filter, and for a dry run")

    def work(conn: Connection) -> list[JobChange]:
        job_ids = job_selection.selected(conn, params)
        by_id: dict[int, list[JobChange]] = {}
        for chosen, ids in _by_verb(conn, verb, job_ids).items():
            changes = operator_changes.change_many(
                conn,
                verb=chosen,
                job_ids=ids,
                points=points,
                dry_run=dry_run,
                traceparent=tracing.traceparent(),
                actor=actor.name,
            )
            if not dry_run:
                _audit(conn, actor, chosen, changes, params["reason"])
            for change in changes:
                by_id.setdefault(change.job_id, []).append(change)
        return [by_id[job_id].pop(0) for job_id in job_ids]

    changes = state.current().database.run(work)
    items = [_item(change) for change in changes]
    failed = sum(change.error is not None for change in changes)
    body = {
        "dry_run": dry_run,
        "succeeded": len(items) - failed,
        "failed": failed,
        "items": items,
    }
    return body, 207 if failed else 200, {}


def _by_verb(conn: Connection, verb: Verb | None, job_ids: list[int]) -> dict[Verb, list[int]]:
    if verb is not None:
        return {verb: job_ids}
    waiting = job_reads.waiting_among(conn, job_ids=job_ids)
    found: dict[Verb, list[int]] = {}
    for job_id in job_ids:
        found.setdefault(Verb.WAKE if job_id in waiting else Verb.RETRY, []).append(job_id)
    return found


def _audit(
    conn: Connection, actor: Actor, verb: Verb, changes: list[JobChange], reason: str | None
) -> None:
    """Write one audit row for the request and one for each changed job.

    Write no row if each job already had the requested values. The rows have the reason, if there
    is one, in `after`.
    """
    if all(change.changes_nothing for change in changes):
        return
    done = [change for change in changes if change.error is None]
    action = job_changes.ACTIONS[verb]
    why = {} if reason is None else {"reason": reason}
    api_counters.finished(conn, done)
    audit_log.record_many(
        conn,
        actor=actor,
        action=action,
        resource_type="crawl_job",
        changes=[
            audit_log.Change(
                change.job_id,
                None if change.before is None else enqueueing.audited(change.before),
                None if change.after is None else enqueueing.audited(change.after) | why,
            )
            for change in done
            if not change.changes_nothing
        ],
    )
    audit_log.record(
        conn,
        actor=actor,
        action=f"bulk_{action}",
        resource_type="crawl_jobs",
        resource_id=None,
        after={"asked_for": len(changes), "succeeded": len(done), **why},
    )


def _item(change: JobChange) -> dict[str, Any]:
    error = change.error
    code = "ok" if error is None else job_conflicts.problem_of(error).code
    status = 422 if isinstance(error, Duplicate) else 200 if error is None else _status(code)
    return {
        "id": change.job_id,
        "status": status,
        "code": code,
        "detail": "" if error is None else str(error),
        "other_job_id": error.job_id if isinstance(error, LiveJobExists) else None,
    }


def _status(code: str) -> int:
    return KINDS[code].status
