"""Every change leaves a row that says who, from where, and what; or it does not happen."""

from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.repository import audit_log, job_queries
from support.admin_api import TOKEN, with_token

Client = flask.testing.FlaskClient
BODY = {"subreddit": "python", "priority": 50}
SCHEDULE = {"name": "nightly", "subreddit": "python", "cron_expression": "@daily"}


def entries(database: Database) -> list[audit_log.AuditEntry]:
    with database.begin() as conn:
        return audit_log.list_entries(conn).entries


def test_enqueueing_is_audited_with_who_and_from_where(client: Client, database: Database) -> None:
    response = client.post("/api/admin/jobs", json=BODY, headers={"X-Request-Id": "req-1"})
    assert response.json is not None
    (entry,) = entries(database)
    assert (entry.actor, entry.action) == ("bootstrap", "enqueue")
    assert (entry.resource_type, entry.resource_id) == (
        "crawl_job",
        str(response.json["job"]["id"]),
    )
    assert entry.request_id == "req-1"
    assert (entry.peer_address, entry.client_address) == ("127.0.0.1", "127.0.0.1")
    assert entry.before is None
    assert entry.after is not None
    assert (entry.after["result"], entry.after["priority"]) == ("created", 50)


def test_a_merge_is_audited_with_the_state_before_and_after(
    client: Client, database: Database
) -> None:
    client.post("/api/admin/jobs", json=BODY)
    client.post("/api/admin/jobs", json={**BODY, "priority": 70})
    entry, _ = entries(database)
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["priority"], entry.after["priority"]) == (50, 70)
    assert entry.after["result"] == "merged"


def test_creating_a_schedule_is_audited(client: Client, database: Database) -> None:
    created = client.post("/api/admin/scheduled-jobs", json=SCHEDULE).json
    assert created is not None
    (entry,) = entries(database)
    assert (entry.action, entry.resource_type) == ("create", "scheduled_job")
    assert entry.resource_id == str(created["id"])
    assert entry.after is not None
    assert entry.after == {name: created[name] for name in entry.after}


def test_reading_leaves_no_row(client: Client, database: Database) -> None:
    for path in ("/api/admin/jobs", "/api/admin/jobs/stats", "/api/admin/scheduled-jobs"):
        assert client.get(path).status_code == 200
    assert entries(database) == []


def test_behind_a_trusted_proxy_the_client_is_who_the_proxy_saw(
    make_app: Any, database_url: str, database: Database
) -> None:
    client = with_token(make_app(database_url, TRUSTED_PROXIES="127.0.0.0/8"))
    forged = {"X-Forwarded-For": "203.0.113.5, 198.51.100.9"}
    client.post("/api/admin/jobs", json=BODY, headers=forged)
    (entry,) = entries(database)
    assert (entry.peer_address, entry.client_address) == ("127.0.0.1", "198.51.100.9")


def test_without_trusted_proxies_a_forwarded_address_counts_for_nothing(
    client: Client, database: Database
) -> None:
    client.post("/api/admin/jobs", json=BODY, headers={"X-Forwarded-For": "198.51.100.9"})
    (entry,) = entries(database)
    assert entry.client_address == "127.0.0.1"


@pytest.mark.parametrize(
    ("path", "body", "table"),
    [
        ("/api/admin/jobs", BODY, "crawl_jobs"),
        ("/api/admin/scheduled-jobs", SCHEDULE, "scheduled_jobs"),
    ],
)
def test_a_change_that_cannot_be_audited_does_not_happen(
    client: Client, database: Database, path: str, body: dict[str, Any], table: str
) -> None:
    with database.begin() as conn:
        conn.execute(
            text("ALTER TABLE admin_audit_log ADD CONSTRAINT broken CHECK (actor = 'nobody')")
        )
    response = client.post(path, json=body)
    assert response.status_code == 500
    assert response.json is not None
    assert "broken" not in response.text
    with database.begin() as conn:
        assert conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
        conn.execute(text("ALTER TABLE admin_audit_log DROP CONSTRAINT broken"))
    assert client.post(path, json=body).status_code == 201


def test_a_refused_change_leaves_neither_row(client: Client, database: Database) -> None:
    client.post("/api/admin/scheduled-jobs", json=SCHEDULE)
    assert client.post("/api/admin/scheduled-jobs", json=SCHEDULE).status_code == 409
    assert client.post("/api/admin/jobs", json={"subreddit": "?"}).status_code == 422
    with database.begin() as conn:
        assert job_queries.list_jobs(conn) == []
    assert len(entries(database)) == 1


def test_the_token_is_in_no_row(client: Client, database: Database) -> None:
    client.post("/api/admin/jobs", json=BODY)
    client.post("/api/admin/scheduled-jobs", json=SCHEDULE)
    with database.begin() as conn:
        rows = conn.execute(text("SELECT log::text FROM admin_audit_log AS log")).scalars().all()
    assert len(rows) == 2
    for row in rows:
        assert TOKEN not in row
        assert TOKEN[-8:] not in row
