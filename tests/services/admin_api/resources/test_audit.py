"""Each change leaves an audit row with its actor and address. Without the row the change fails."""

from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job_filter import JobFilter
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_list
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


def test_a_refused_change_leaves_a_row_that_says_so_and_nothing_else(
    client: Client, database: Database
) -> None:
    made = client.post("/api/admin/scheduled-jobs", json=SCHEDULE).json
    assert made is not None
    for send, path, body, status, code in (
        (client.post, "/api/admin/scheduled-jobs", SCHEDULE, 409, "duplicate_name"),
        (client.post, "/api/admin/jobs", {"subreddit": "?"}, 422, "invalid_request"),
        (client.delete, "/api/admin/jobs/7", None, 404, "not_found"),
        (client.delete, f"/api/admin/scheduled-jobs/{made['id']}", None, 412, None),
    ):
        headers = {"If-Match": '"99"'} if status == 412 else {}
        assert send(path, json=body, headers=headers).status_code == status
        entry = entries(database)[0]
        assert (entry.action, entry.before) == ("refused", None)
        assert entry.after is not None
        assert (entry.after["status"], entry.after["path"]) == (status, path)
        assert code in (None, entry.after["code"])
    assert (entry.resource_type, entry.resource_id) == ("scheduled_job", str(made["id"]))
    with database.begin() as conn:
        assert job_list.list_jobs(conn, filters=JobFilter()).jobs == []
    assert len(entries(database)) == 5


def test_what_is_refused_for_want_of_a_token_is_not_recorded(
    app: flask.Flask, database: Database
) -> None:
    assert app.test_client().post("/api/admin/jobs", json=BODY).status_code == 401
    assert entries(database) == []


def test_the_token_is_in_no_row(client: Client, database: Database) -> None:
    client.post("/api/admin/jobs", json=BODY)
    client.post("/api/admin/scheduled-jobs", json=SCHEDULE)
    with database.begin() as conn:
        rows = conn.execute(text("SELECT log::text FROM admin_audit_log AS log")).scalars().all()
    assert len(rows) == 2
    for row in rows:
        assert TOKEN not in row
        assert TOKEN[-8:] not in row
