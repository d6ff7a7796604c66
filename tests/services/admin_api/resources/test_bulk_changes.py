"""The numbers in the responses of bulk changes and imports."""

from typing import Any

import flask.testing

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import jobs as factory

Client = flask.testing.FlaskClient
BULK = "/api/admin/jobs/bulk"


def test_each_item_has_the_status_of_a_request_for_its_job_alone(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        failed, busy, queued = (
            factory.in_status(conn, status, name)
            for status, name in (
                (JobStatus.FAILED, "python"),
                (JobStatus.FAILED, "rust"),
                (JobStatus.QUEUED, "rust"),
            )
        )
    answer = client.post(f"{BULK}/retry", json={"job_ids": [failed, failed, 999, queued, busy]})
    body: dict[str, Any] = answer.get_json()
    assert [(one["status"], one["code"], one["other_job_id"]) for one in body["items"]] == [
        (200, "ok", None),
        (422, "duplicate", None),
        (404, "not_found", None),
        (409, "illegal_transition", None),
        (409, "live_job_exists", queued),
    ]
    assert [bool(one["detail"]) for one in body["items"]] == [False, True, True, True, True]
    assert (body["succeeded"], body["failed"], body["dry_run"]) == (1, 4, False)


def test_an_import_counts_the_names_that_are_not_valid(client: Client) -> None:
    names = ["python", "r/PYTHON", "?", "rust", "not a name"]
    answer = client.post(BULK, json={"subreddits": names})
    body: dict[str, Any] = answer.get_json()
    assert (answer.status_code, body["succeeded"], body["failed"]) == (207, 3, 2)
    assert [bool(one["detail"]) for one in body["items"]] == [False, False, True, False, True]
    repeated = client.post(BULK, json={"subreddits": names[:2]})
    body = repeated.get_json()
    assert (repeated.status_code, body["succeeded"], body["failed"]) == (200, 2, 0)
