"""GET /api/admin/system checks the whole installation, with the rights of the API alone."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import flask.testing
import psycopg
import pytest
from sqlalchemy import text

from admin_api.http import state
from admin_api.resources import system as system_resource
from admin_api.schemas.system import CHECKS
from crawljobs.db.database import Database
from crawljobs.db.schema import KNOWN_REVISIONS
from crawljobs.repository.operations import service_instances
from crawljobs.repository.overview import system_report
from crawljobs.version import VERSION
from support import roles
from support.admin_api import with_token
from support.databases import Databases
from support.waiting import wait_until

SYSTEM = "/api/admin/system"
Client = flask.testing.FlaskClient


def system(client: Client) -> dict[str, Any]:
    response = client.get(SYSTEM)
    assert response.status_code == 200, response.text
    found = response.get_json()
    assert isinstance(found, dict)
    return found


def failing(found: dict[str, Any]) -> list[str]:
    """Return the codes of the conditions that hold. The server of the tests has no autovacuum."""
    codes = [each["code"] for each in found["checks"] if not each["ok"]]
    assert codes.count("autovacuum_off") == 1
    return [code for code in codes if code != "autovacuum_off"]


def beat(database: Database, name: str, role: str, *, behind: float = 0, **settings: Any) -> None:
    sent_at = datetime.now(UTC) - timedelta(seconds=behind)
    details = {"clock": sent_at.isoformat(), "settings": settings}
    with database.begin() as conn:
        service_instances.seen(conn, name=name, role=role, version=VERSION, details=details)


def test_a_sound_installation_passes_each_check(client: Client, database: Database) -> None:
    beat(database, "w", "crawler-worker", lease_seconds=30)
    beat(database, "s", "scheduler", lease_seconds=60)  # another service may have other values
    found = system(client)
    assert (found["level"], failing(found)) == ("warning", [])
    assert [each["code"] for each in found["checks"]] == CHECKS
    assert all((each["sentence"] is None) is each["ok"] for each in found["checks"])
    assert found["schema"] == {
        "revision": KNOWN_REVISIONS[-1],
        "is_known": True,
        "newest_known": KNOWN_REVISIONS[-1],
        "api_version": VERSION,
    }
    server = found["database"]
    assert server["version"].split(".")[0].isdigit()
    assert 0 < server["connections_used"] <= server["connections_max"]
    assert {each["program"] for each in server["connections"]} >= {"admin-api"}
    sizes = [each["bytes"] for each in server["tables"]]
    assert len(sizes) == 10
    assert sizes == sorted(sizes, reverse=True)
    assert all(abs(each["clock_difference_seconds"]) < 5 for each in found["processes"])
    assert found["setting_differences"] == []


def test_processes_that_differ_are_named(client: Client, database: Database) -> None:
    beat(database, "w1", "crawler-worker", lease_seconds=30, aging_step=10)
    beat(database, "w2", "crawler-worker", lease_seconds=60, aging_step=10, behind=7)
    beat(database, "s", "scheduler")
    found = system(client)
    assert failing(found) == ["clock_differs", "settings_differ"]
    assert found["level"] == "warning"
    assert found["setting_differences"] == [
        {
            "role": "crawler-worker",
            "setting": "lease_seconds",
            "values": [
                {"value": "30", "processes": ["w1"]},
                {"value": "60", "processes": ["w2"]},
            ],
        }
    ]
    late = next(each for each in found["processes"] if each["name"] == "w2")
    assert -8 < late["clock_difference_seconds"] < -6.9


def test_an_unknown_schema_and_broken_schedules_are_found(
    client: Client, database: Database
) -> None:
    client.post("/api/admin/jobs", json={"subreddit": "python"})
    with database.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        conn.execute(
            text(
                "INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, enabled, "
                "disabled_reason) SELECT 's' || n, subreddits.id, '@daily', false, "
                "CASE WHEN n > 3 THEN repeat('x', 999) END FROM subreddits, "
                "generate_series(1, 20) AS n"
            )
        )
    found = system(client)
    assert found["schema"]["is_known"] is False
    assert found["level"] == "critical"
    assert {"schema_unknown", "schedules_broken", "no_workers"} <= set(failing(found))
    assert [each["name"] for each in found["broken_schedules"]] == [f"s{n}" for n in range(4, 14)]
    assert {len(each["disabled_reason"]) for each in found["broken_schedules"]} == {300}


def test_unreadable_details_of_a_heartbeat_are_ignored(client: Client, database: Database) -> None:
    for number, details in enumerate(
        ({}, {"clock": None}, {"clock": "x"}, {"clock": 1, "settings": 7}, {"settings": [1]})
    ):
        with database.begin() as conn:
            service_instances.seen(
                conn, name=f"w{number}", role="crawler-worker", version="1", details=details
            )
    found = system(client)
    assert {each["clock_difference_seconds"] for each in found["processes"]} == {None}


def test_an_unchanged_system_is_answered_304(client: Client, database: Database) -> None:
    beat(database, "w", "crawler-worker")
    beat(database, "s", "scheduler")
    state.of(client.application).shared.clock = lambda: 0.0  # the answer is shared
    tag = client.get(SYSTEM).headers["ETag"]
    again = client.get(SYSTEM, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


def test_the_etag_changes_with_the_value_of_a_setting_that_differs(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the same processes differ in the same settings, and nothing else changes."""
    monkeypatch.setattr(system_report.database_state, "programs", lambda _: [])
    times = itertools.count(step=system_resource.KEPT_SECONDS)
    state.of(client.application).shared.clock = lambda: float(next(times))
    beat(database, "w1", "crawler-worker", lease_seconds=30)
    beat(database, "w2", "crawler-worker", lease_seconds=60)
    tags: list[str] = []

    def is_unchanged() -> bool:
        tags.append(client.get(SYSTEM).headers["ETag"])
        return client.get(SYSTEM, headers={"If-None-Match": tags[-1]}).status_code == 304

    # Other tests use the same server and may change its numbers.
    wait_until(is_unchanged, timeout=20, describe="the same answer twice")
    tag = tags[-1]
    beat(database, "w2", "crawler-worker", lease_seconds=90)
    changed = client.get(SYSTEM, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    (found,) = changed.get_json()["setting_differences"]
    assert [each["value"] for each in found["values"]] == ["30", "90"]


def test_the_tables_are_left_out_while_a_migration_locks_one(
    client: Client, database_url: str
) -> None:
    with psycopg.connect(database_url) as migration:
        migration.execute("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
        assert system(client)["database"]["tables"] == []


@pytest.mark.parametrize("path", [SYSTEM, "/api/admin/overview", "/api/admin/budget"])
def test_the_rights_of_the_service_are_enough(
    databases: Databases, make_app: Callable[..., flask.Flask], path: str
) -> None:
    with roles.made(databases) as own:
        app = make_app(own.url_as("admin_api"))
        assert with_token(app).get(path).status_code == 200


def test_it_takes_the_scope_read_and_no_parameters(app: flask.Flask, client: Client) -> None:
    assert app.test_client().get(SYSTEM).status_code == 401
    assert client.get(f"{SYSTEM}?x=1").status_code == 400
    for scope, status in (("read", 200), ("jobs", 403)):
        made = client.post("/api/admin/tokens", json={"name": scope, "scopes": [scope]})
        assert with_token(app, made.get_json()["token"]).get(SYSTEM).status_code == status
