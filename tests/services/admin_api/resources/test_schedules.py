"""The API creates, lists and shows schedules."""

import re
from typing import Any

import flask.testing
from sqlalchemy import CheckConstraint

from crawljobs.db.tables.schedules import scheduled_jobs

SCHEDULES = "/api/admin/scheduled-jobs"
NIGHTLY = {"name": "nightly", "subreddit": "python", "cron_expression": "30 3 * * MON-FRI"}
QUOTA = ("estimated_requests_per_day", "daily_request_budget", "warning")
Client = flask.testing.FlaskClient


def create(client: Client, **asked: Any) -> dict[str, Any]:
    response = client.post(SCHEDULES, json={**NIGHTLY, **asked})
    assert response.status_code == 201, response.text
    assert response.json is not None
    created: dict[str, Any] = response.json
    return created


def test_a_schedule_is_created_with_the_documented_defaults(client: Client) -> None:
    response = client.post(SCHEDULES, json=NIGHTLY)
    assert response.status_code == 201
    created = response.json
    assert created is not None
    assert response.headers["Location"] == f"{SCHEDULES}/{created['id']}"
    shown = {name: created[name] for name in ("timezone", "priority", "max_retries", "enabled")}
    assert shown == {"timezone": "UTC", "priority": 20, "max_retries": None, "enabled": True}
    assert created["misfire_policy"] == "fire_once"
    assert created["next_run_at"].endswith("T03:30:00Z")
    shown = client.get(response.headers["Location"]).json
    assert shown == {name: value for name, value in created.items() if name not in QUOTA}


def test_every_field_is_kept(client: Client) -> None:
    asked = {
        "name": "Wöchentlich 📅",
        "description": "Für den Wochenbericht 📅\nFragen an Ärla 👩\u200d🔧",
        "subreddit": "golang",
        # An expression of the longest allowed length.
        "cron_expression": "0 12 * * " + "1," * 123 + "1",
        "timezone": "Europe/Vienna",
        "priority": 30,
        "max_retries": 0,
        "misfire_policy": "skip",
        "enabled": False,
    }
    created = create(client, **asked)
    assert {name: created[name] for name in asked} == asked
    assert created["next_run_at"] is None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"cron_expression": "* * * * * *"}, "/cron_expression"),
    ({"cron_expression": "@every 1s"}, "/cron_expression"),
    ({"cron_expression": "61 * * * *"}, "/cron_expression"),
    ({"cron_expression": "nonsense"}, "/cron_expression"),
    ({"cron_expression": ""}, "/cron_expression"),
    ({"cron_expression": "0 0 30 2 *"}, "/cron_expression"),
    ({"cron_expression": "1-" * 90}, "/cron_expression"),
    ({"cron_expression": "0," * 1000}, "/cron_expression"),
    ({"cron_expression": None}, "/cron_expression"),
    ({"timezone": "Mars/Olympus"}, "/timezone"),
    ({"timezone": "../../etc/passwd"}, "/timezone"),
    ({"timezone": ""}, "/timezone"),
    ({"name": ""}, "/name"),
    ({"name": " \t"}, "/name"),
    ({"name": "n" * 201}, "/name"),
    ({"subreddit": "no such name"}, "/subreddit"),
    ({"priority": 101}, "/priority"),
    ({"misfire_policy": "later"}, "/misfire_policy"),
    ({"enabled": "yes"}, "/enabled"),
    ({"enabled": 1}, "/enabled"),
    ({"next_run_at": "2031-01-01T00:00:00Z"}, "/next_run_at"),
]


def test_wrong_values_are_refused_by_their_place(client: Client) -> None:
    for change, pointer in WRONG:
        response = client.post(SCHEDULES, json={**NIGHTLY, **change})
        assert response.status_code == 422, change
        assert response.json is not None
        assert {error["pointer"] for error in response.json["errors"]} == {pointer}, change
    assert client.get(SCHEDULES).json == {"items": [], "next": None}


def test_a_number_of_a_schedule_has_the_bounds_of_its_column(client: Client) -> None:
    """The API accepts each number that the column can store, and refuses the next one beyond."""
    checks = [
        re.fullmatch(r"([a-z_]+) BETWEEN (\d+) AND (\d+)", str(constraint.sqltext))
        for constraint in scheduled_jobs.constraints
        if isinstance(constraint, CheckConstraint)
    ]
    bounds = {check[1]: (int(check[2]), int(check[3])) for check in checks if check}
    assert len(bounds) >= 4
    for name, (low, high) in bounds.items():
        for value in (low, high):
            assert create(client, name=f"{name} {value}", **{name: value})[name] == value
        for value in (low - 1, high + 1):
            refused = client.post(SCHEDULES, json={**NIGHTLY, name: value})
            assert refused.status_code == 422, (name, value)
            assert refused.json is not None
            assert [error["pointer"] for error in refused.json["errors"]] == [f"/{name}"]


def test_a_second_schedule_of_the_same_name_is_refused(client: Client) -> None:
    create(client)
    response = client.post(SCHEDULES, json={**NIGHTLY, "name": "NIGHTLY", "subreddit": "golang"})
    assert response.status_code == 409
    assert response.json is not None
    assert response.json["code"] == "duplicate_name"
    assert response.json["errors"][0]["pointer"] == "/name"
    page = client.get(SCHEDULES).json
    assert page is not None
    assert len(page["items"]) == 1


def test_schedules_are_listed_by_pages_and_by_whether_they_fire(client: Client) -> None:
    for number in range(5):
        create(client, name=f"s{number}", enabled=number % 2 == 0)
    names: list[str] = []
    address = f"{SCHEDULES}?limit=2&enabled=true"
    while address:
        response = client.get(address)
        assert response.json is not None
        names += [schedule["name"] for schedule in response.json["items"]]
        link = response.headers.get("Link", "")
        address = link[1 : link.index(">")] if link else ""
    assert names == ["s0", "s2", "s4"]
    off = client.get(f"{SCHEDULES}?enabled=false").json
    assert off is not None
    assert [schedule["name"] for schedule in off["items"]] == ["s1", "s3"]
    refused = client.get(f"{SCHEDULES}?enabled=maybe")
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["errors"] == [{"pointer": "/enabled", "detail": "expected true or false"}]


def test_an_unknown_schedule_is_404(client: Client) -> None:
    assert client.get(f"{SCHEDULES}/7").status_code == 404
