"""Steps of schedules: reads them from a body, shows them in the audit log, checks the scope."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from admin_api.http import scopes
from admin_api.resources import group_requests
from crawljobs.db.database import Connection
from crawljobs.domain import group_plan, scheduled_step
from crawljobs.domain.api_token import Scope
from crawljobs.domain.scheduled_step import ScheduledStep
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.groups.group_creation import InvalidPlan

AUDITED_MAX_BYTES = 16_384  # limit of the JSON of steps in an audit row; above it, only a digest


def require_scope() -> None:
    """Raise a Problem unless the token has the scope `jobs`, which each change of a group needs.

    A schedule with steps creates groups.
    """
    scopes.require_also(Scope.JOBS, "for a schedule with steps")


def stored(conn: Connection, bodies: Sequence[dict[str, Any]]) -> tuple[ScheduledStep, ...]:
    """Return the steps of a body that has passed its schema. Inserts unknown subreddits.

    Raises InvalidPlan if the steps break a rule for the steps of a group.
    """
    # A priority or max_retries that is absent in a body is also absent in the stored step. In
    # `requests`, an absent value is 0, because the check of the plan does not use it.
    requests = [group_requests.step_request(body, default_max_retries=0) for body in bodies]
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


def audited(dumped: dict[str, Any]) -> dict[str, Any]:
    """Return a dumped schedule for the audit log. A digest replaces a long list of steps."""
    steps = dumped["steps"]
    if steps is None:
        return dumped
    written = json.dumps(steps, sort_keys=True).encode()
    if len(written) <= AUDITED_MAX_BYTES:
        return dumped
    shown = {
        "first_keys": [step["key"] for step in steps[: group_requests.KEYS_AUDITED]],
        "sha256": hashlib.sha256(written).hexdigest(),
    }
    return {**dumped, "steps": shown}
