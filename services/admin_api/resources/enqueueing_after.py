"""Enqueues a crawl that waits for jobs. The crawl becomes the only step of a group with no name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus

import flask

from admin_api.http import auth, state
from admin_api.resources import group_requests
from admin_api.schemas.step import StepSchema
from crawljobs.db.database import Connection
from crawljobs.domain.group_plan import StepRequest, Upstream
from crawljobs.repository.groups import step_list


def enqueue_after(
    subreddit: str,
    *,
    after: Sequence[int],
    priority: int,
    max_retries: int | None,
    visible_at: datetime | None,
) -> flask.Response:
    """Create a group with one step, which waits for the jobs with the ids `after`.

    Returns the step as a response with status 202. Raises a Problem if one of the jobs does not
    exist.
    """
    actor = auth.current_actor()
    step = StepRequest(
        subreddit,
        subreddit,
        priority,
        state.current().max_retries if max_retries is None else max_retries,
        visible_at=visible_at,
        after=[Upstream(job_id=job_id) for job_id in after],
    )

    def work(conn: Connection) -> flask.Response:
        group = group_requests.create(conn, actor, name=None, steps=[step], sealed=True)
        stored = step_list.get_step(conn, group_id=group.id, key=step.key)
        # The schema that the view declares is for a job. This response is a step, so it is
        # serialized here.
        response = flask.jsonify(StepSchema().dump(stored))
        response.status_code = HTTPStatus.ACCEPTED
        response.headers["Location"] = f"{group_requests.GROUPS_PATH}/{group.id}/steps/{step.key}"
        return response

    with group_requests.plan_errors_as_problems(is_step=True):
        return state.current().database.run(work)
