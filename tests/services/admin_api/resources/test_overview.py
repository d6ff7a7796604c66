"""GET /api/admin/overview shows the whole system, and what needs attention, at a limited cost."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import flask.testing
from sqlalchemy import text

from admin_api.resources import overview as overview_resource
from crawljobs.db.database import Database
from crawljobs.domain.attention_table import CONDITIONS
from crawljobs.domain.job import JobStatus
from crawljobs.repository.operations import service_instances
from crawljobs.repository.queue import queue_pauses
from support import jobs as factory
from support import schedule_rows
from support.admin_api import Gunicorn, with_token

OVERVIEW = "/api/admin/overview"
Client = flask.testing.FlaskClient


def overview(client: Client) -> dict[str, Any]:
    response = client.get(OVERVIEW)
    assert response.status_code == 200, response.text
    found = response.get_json()
    assert isinstance(found, dict)
    return found


def alive(database: Database) -> None:
    with database.begin() as conn:
        for role in ("crawler-worker", "scheduler"):
            service_instances.seen(conn, name=role, role=role, version="1", details={})


def test_one_answer_shows_every_part_of_the_system(client: Client, database: Database) -> None:
    assert overview(client)["level"] == "critical"  # no worker runs
    alive(database)
    with database.begin() as conn:
        claim = factory.crawling(conn, "running")
        conn.execute(text("UPDATE crawl_jobs SET claimed_at = now(), lease_expires_at = now()"))
        factory.in_status(conn, JobStatus.FAILED, "failed")
        conn.execute(
            text(
                "UPDATE crawl_jobs SET error_kind = 'permanent', error_message = 'HTTP 404', "
                "finished_at = now() WHERE status = 'failed'"
            )
        )
        schedule_rows.create(conn, "daily", subreddit="python")
        queue_pauses.pause(conn, scope=queue_pauses.EVERYTHING, reason="rest", paused_by="ops")
    client.post("/api/admin/jobs", json={"subreddit": "waiting", "priority": 70})
    found = overview(client)
    assert [each["code"] for each in found["attention"]] == ["queue_paused"]
    assert found["level"] == "notice"
    assert (found["jobs"]["by_status"]["queued"], found["jobs"]["queued_by_priority"]) == (
        1,
        {"70": 1},
    )
    (running,) = found["running"]
    assert (running["job_id"], running["subreddit"], running["phase"]) == (
        claim.job_id,
        "running",
        None,
    )
    assert found["failures"]["by_error_kind"] == {"permanent": 1}
    assert found["failures"]["newest"][0]["error_message"] == "HTTP 404"
    assert found["schedules"]["enabled"] == 1
    assert found["schedules"]["next"][0]["name"] == "daily"
    assert found["pauses"]["everything"]["reason"] == "rest"
    assert {(each["role"], each["processes"]) for each in found["processes"]} == {
        ("crawler-worker", 1),
        ("scheduler", 1),
    }
    assert found["database"]["bytes"] > 1_000_000


def test_the_level_is_ok_when_nothing_needs_attention(client: Client, database: Database) -> None:
    alive(database)
    found = overview(client)
    assert (found["level"], found["attention"]) == ("ok", [])


def test_every_link_of_a_condition_is_answered(client: Client) -> None:
    for link in {condition.link for condition in CONDITIONS}:
        assert client.get(link).status_code == 200, link


def test_the_promises_of_schedules_are_compared_with_the_budget(
    client: Client, database: Database
) -> None:
    alive(database)
    with database.begin() as conn:
        schedule_rows.create(conn, "often", subreddit="python")
        conn.execute(text("UPDATE scheduled_jobs SET runs_per_day = 1440"))
    (shown,) = overview(client)["attention"]
    assert (shown["code"], shown["severity"]) == ("budget_overpromised", "warning")
    assert shown["value"] > 1


def test_an_unchanged_overview_is_answered_304_in_few_bytes(
    client: Client, database: Database
) -> None:
    alive(database)
    client.post("/api/admin/jobs", json={"subreddit": "python"})
    first = client.get(OVERVIEW)
    tag = first.headers["ETag"]
    again = client.get(OVERVIEW, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert len(str(again.headers)) < 300
    client.post("/api/admin/jobs", json={"subreddit": "other"})
    changed = client.get(OVERVIEW, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    for header in ("*", f'"x", {changed.headers["ETag"]}'):
        assert client.get(OVERVIEW, headers={"If-None-Match": header}).status_code == 304
    for header in ("", "x", '"', "W/", "\x7f", '"x"' * 1_000):
        assert client.get(OVERVIEW, headers={"If-None-Match": header}).status_code == 200


def test_the_moving_values_are_keys_of_the_answer(client: Client) -> None:
    shown = json.dumps(overview(client))
    assert {key for key in overview_resource.MOVING if f'"{key}"' in shown} == (
        overview_resource.MOVING
    )


def test_it_takes_the_scope_read_and_no_parameters(app: flask.Flask, client: Client) -> None:
    assert app.test_client().get(OVERVIEW).status_code == 401
    assert client.get(f"{OVERVIEW}?x=1").status_code == 400
    for scope, status in (("read", 200), ("webhooks", 403)):
        made = client.post("/api/admin/tokens", json={"name": scope, "scopes": [scope]})
        assert with_token(app, made.get_json()["token"]).get(OVERVIEW).status_code == status


def test_many_clients_of_a_server_get_the_same_answer(server: Gunicorn) -> None:
    """Two processes answer, each with one answer a second."""
    with server.client() as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get(OVERVIEW), range(40)))
    assert {each.status_code for each in answers} == {200}
    times = sorted(each.json()["as_of"] for each in answers)
    assert len(set(times)) <= 4
    assert answers[0].headers["Content-Type"] == "application/json"
