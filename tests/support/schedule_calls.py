"""Create schedules through the API, and read the API's responses."""

from typing import Any

import flask.testing

SCHEDULES = "/api/admin/scheduled-jobs"
NIGHTLY = {"name": "nightly", "subreddit": "python", "cron_expression": "@daily"}
QUOTA = {"estimated_requests_per_day", "daily_request_budget", "warning"}
ANY = {"If-Match": "*"}
Client = flask.testing.FlaskClient


def create(client: Client, **asked: Any) -> dict[str, Any]:
    response = client.post(SCHEDULES, json={**NIGHTLY, **asked})
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json or {}
    return created


def path(schedule: dict[str, Any], rest: str = "") -> str:
    return f"{SCHEDULES}/{schedule['id']}{rest}"


def without_quota(body: Any) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in QUOTA}


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json["code"]
