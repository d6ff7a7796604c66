"""POST /api/admin/jobs/bulk: enqueue a list of subreddits."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import request_body
from admin_api.resources import enqueueing
from admin_api.schemas.bulk import ImportResultSchema, ImportSchema
from crawljobs.db.database import Connection
from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.api_token import Scope
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
@blueprint.answers(200, ImportResultSchema, "All subreddits are enqueued.")
@blueprint.also_answers(207, ImportResultSchema, "Some names are not valid: see the items.")
def enqueue_jobs(params: dict[str, Any]) -> responses.Response:
    """Enqueue crawls of up to 1,000 subreddits

    One transaction enqueues all valid names. A name that is not valid fails only its own item.
    """
    actor = auth.current_actor()
    names, invalid = _checked(params["subreddits"])

    def work(conn: Connection) -> list[EnqueueChange]:
        changes = enqueueing.enqueue(
            conn,
            actor,
            list(names.values()),
            priority=params["priority"],
            max_retries=params["max_retries"],
            visible_at=params["visible_at"],
        )
        audit_log.record(
            conn,
            actor=actor,
            action="bulk_enqueue",
            resource_type="crawl_jobs",
            resource_id=None,
            after={"asked_for": len(params["subreddits"]), "succeeded": len(changes)},
        )
        return changes

    changes = state.current().database.run(work)
    by_key = dict(zip(names, changes, strict=True))
    items = list(_items(params["subreddits"], by_key, invalid))
    failed = sum(item["status"] >= 400 for item in items)
    body = {"succeeded": len(items) - failed, "failed": failed, "items": items}
    return body, 207 if failed else 200, {}


def _checked(texts: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Check the texts. Return two dicts.

    - The first dict maps a name in lower case to the valid name.
    - The second dict maps an invalid text to its error.
    """
    names: dict[str, str] = {}
    invalid: dict[str, str] = {}
    for text in texts:
        try:
            name = subreddits.checked_name(text)
        except InvalidSubredditName as error:
            invalid[text] = str(error)
        else:
            names.setdefault(name.lower(), name)
    return names, invalid


def _items(texts: list[str], changes: dict[str, EnqueueChange], invalid: dict[str, str]) -> Any:
    """Yield the result of each given name, in the order of the request."""
    seen: set[str] = set()
    for text in texts:
        item = {"subreddit": text, "detail": "", "job_id": None}
        if text in invalid:
            yield {**item, "status": 422, "code": "invalid_request", "detail": invalid[text]}
            continue
        key = subreddits.checked_name(text).lower()
        change = changes[key].enqueued
        code = "duplicate" if key in seen else change.result.value
        status = 200 if key in seen else _STATUSES.get(change.result, 200)
        seen.add(key)
        yield {**item, "status": status, "code": code, "job_id": change.job_id}
