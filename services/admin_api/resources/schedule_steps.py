"""Steps of schedules: reads them from a body, shows them in the audit log, checks the scope."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from admin_api.http import scopes
from crawljobs.db.database import Connection
from crawljobs.domain import group_plan, scheduled_step
from crawljobs.domain.api_token import Scope
from crawljobs.domain.group import RequiredOutcome, UpstreamFailure
from crawljobs.domain.group_plan import ALL, StepRequest
from crawljobs.domain.scheduled_step import ScheduledStep
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.groups.group_creation import InvalidPlan

AUDITED_MAX_BYTES = 16_384  # if the JSON of steps is longer, an audit row has only a digest
KEYS_AUDITED = 50  # beside the digest, an audit row has the keys of this number of steps


def require_scope() -> None:
    """Raise a Problem unless the token has the scope `jobs`. A schedule with steps creates groups,
    and each request that changes a group needs this scope."""
    scopes.require_also(Scope.JOBS, "for a schedule with steps")


def stored(conn: Connection, bodies: Sequence[dict[str, Any]]) -> tuple[ScheduledStep, ...]:
    """Return the steps of a body that has passed its schema. Inserts unknown subreddits.

    Raises InvalidPlan if the steps break a rule for the steps of a group.
    """
    requests = [_request(body) for body in bodies]
    plan = group_plan.check(requests, {})
    if plan.errors:
        raise InvalidPlan(plan.errors)
    names = [body["subreddit"] for body in bodies]
    ids = stored_subreddits.ensure(conn, names=names, discovered_from=None, depth=0)
    return tuple(
        scheduled_step.from_request(
            request,
            subreddit_id=ids[body["subreddit"].lower()],
            priority=body["priority"],
            max_retries=body["max_retries"],
        )
        for request, body in zip(requests, bodies, strict=True)
    )


def _request(body: dict[str, Any]) -> StepRequest:
    return StepRequest(
        body["key"] or body["subreddit"],
        body["subreddit"],
        body["priority"] or 0,
        body["max_retries"] or 0,
        after=() if body["after"] == ALL else body["after"],
        after_all=body["after"] == ALL,
        on_upstream_failure=UpstreamFailure(body["on_upstream_failure"]),
        require_outcome=RequiredOutcome(body["require_outcome"]),
    )


def audited(dumped: dict[str, Any]) -> dict[str, Any]:
    """Return a dumped schedule for the audit log. A digest replaces a long list of steps."""
    steps = dumped["steps"]
    if steps is None:
        return dumped
    written = json.dumps(steps, sort_keys=True).encode()
    if len(written) <= AUDITED_MAX_BYTES:
        return dumped
    shown = {
        "first_keys": [step["key"] for step in steps[:KEYS_AUDITED]],
        "sha256": hashlib.sha256(written).hexdigest(),
    }
    return {**dumped, "steps": shown}
