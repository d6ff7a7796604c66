"""POST /api/admin/jobs/bulk: enqueue a list of subreddits."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import request_body
from admin_api.resources import enqueueing
from admin_api.schemas.bulk import ImportResultSchema, ImportSchema
from crawljobs.db.database import Connection
from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.access import Scope
from crawljobs.domain.job import EnqueueResult
from crawljobs.errors import InvalidSubredditName
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue.job_enqueue import EnqueueChange

blueprint = Blueprint(
    "imports",
    __name__,
    url_prefix=f"{enqueueing.JOBS_PATH}/bulk",
    description="Lists of subreddits to crawl",
    changes=Scope.JOBS,
)

_STATUSES = {EnqueueResult.CREATED: 201}


@blueprint.post("")
@blueprint.body(
    ImportSchema,
    examples={"list": {"value": {"subreddits": ["python", "r/golang", "rust"]}}},
    bounds=request_body.MANY,
)
@blueprint.answers(200, ImportResultSchema, "All of them are enqueued.")
@blueprint.also_answers(207, ImportResultSchema, "Some names cannot be: see the items.")
@blueprint.problems(408, 415, 422)
def import_subreddits(asked: dict[str, Any]) -> enqueueing.Answer:
    """Enqueue crawls of up to 1,000 subreddits

    As enqueueing each alone, in one transaction: a name that cannot be spoils only its item.
    """
    actor = auth.current_actor()
    names, wrong = _checked(asked["subreddits"])

    def work(conn: Connection) -> list[EnqueueChange]:
        changes = enqueueing.enqueue(
            conn,
            actor,
            list(names.values()),
            priority=asked["priority"],
            max_retries=asked["max_retries"],
            visible_at=asked["visible_at"],
        )
        audit_log.record(
            conn,
            actor=actor,
            action="bulk_enqueue",
            resource_type="crawl_jobs",
            resource_id=None,
            after={"asked_for": len(asked["subreddits"]), "succeeded": len(changes)},
        )
        return changes

    changes = state.current().database.run(work)
    by_key = dict(zip(names, changes, strict=True))
    items = list(_items(asked["subreddits"], by_key, wrong))
    failed = sum(item["status"] >= 400 for item in items)
    body = {"succeeded": len(items) - failed, "failed": failed, "items": items}
    return body, 207 if failed else 200, {}


def _checked(asked: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The names by their key, each once, and what is wrong with the others."""
    names: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for one in asked:
        try:
            name = subreddits.checked_name(one)
        except InvalidSubredditName as error:
            wrong[one] = str(error)
        else:
            names.setdefault(name.lower(), name)
    return names, wrong


def _items(asked: list[str], changes: dict[str, EnqueueChange], wrong: dict[str, str]) -> Any:
    seen: set[str] = set()
    for one in asked:
        item = {"subreddit": one, "detail": "", "job_id": None}
        if one in wrong:
            yield {**item, "status": 422, "code": "invalid_request", "detail": wrong[one]}
            continue
        key = subreddits.checked_name(one).lower()
        change = changes[key].enqueued
        code = "duplicate" if key in seen else change.result.value
        status = 200 if key in seen else _STATUSES.get(change.result, 200)
        seen.add(key)
        yield {**item, "status": status, "code": code, "job_id": change.job_id}
