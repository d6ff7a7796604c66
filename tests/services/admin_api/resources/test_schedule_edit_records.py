"""An edit of a schedule writes an audit row and ledger rows. The response may have a warning."""

from typing import Any

import structlog
from prometheus_client import REGISTRY
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.repository.operations import audit_log
from support.schedule_calls import (
    ANY,
    NIGHTLY,
    SCHEDULES,
    Client,
    code,
    create,
    path,
    without_quota,
)


def missed_ticks() -> float:
    counted = REGISTRY.get_sample_value("crawl_schedule_ticks_total", {"outcome": "missed"})
    assert counted is not None
    return counted


def entries(database: Database) -> list[audit_log.AuditEntry]:
    with database.begin() as conn:
        of_schedules = audit_log.AuditFilter(resource_type="scheduled_job")
        found = audit_log.list_entries(conn, filters=of_schedules).entries
        return [entry for entry in found if entry.action != "refused"]


def test_an_edit_that_changes_nothing_leaves_version_and_audit_log(
    client: Client, database: Database
) -> None:
    made = create(client)
    for response in (
        client.put(path(made), json=NIGHTLY, headers=ANY),
        client.patch(path(made), json={}, headers=ANY),
        client.post(path(made, "/toggle"), json={"enabled": True}),
    ):
        assert response.status_code == 200
        assert without_quota(response.json) == without_quota(made)
    assert len(entries(database)) == 1


def test_what_an_edit_gives_up_is_in_the_ledger_and_counted_once_it_is_committed(
    client: Client, database: Database
) -> None:
    create(client, name="taken", subreddit="rust")
    made = create(client)
    with database.begin() as conn:
        conn.execute(text("UPDATE scheduled_jobs SET next_run_at = now() - interval '1 s'"))
    before = missed_ticks()
    for body, status, missed in (
        ({"name": "taken", "enabled": False}, 409, 0),
        ({"enabled": False}, 200, 1),
    ):
        assert client.patch(path(made), json=body, headers=ANY).status_code == status
        assert missed_ticks() == before + missed
    page = client.get(path(made, "/runs")).json
    assert page is not None
    assert [run["outcome"] for run in page["items"]] == ["missed"]


def test_a_post_repeated_with_its_key_happens_once(client: Client, database: Database) -> None:
    for rest, body in (("", NIGHTLY), ("/1/toggle", None), ("/1/run", None)):
        answers = [
            client.post(f"{SCHEDULES}{rest}", json=body, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]
        assert answers[0].status_code in (200, 201), answers[0].text
        assert answers[1].data == answers[0].data
        assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert len(entries(database)) == 3
    page = client.get(f"{SCHEDULES}/1/runs").json
    assert page is not None
    assert len(page["items"]) == 1


def test_a_taken_name_and_a_bad_expression_are_refused_and_change_nothing(
    client: Client, database: Database
) -> None:
    create(client, name="taken")
    made = create(client, name="mine", subreddit="rust")
    taken = client.patch(path(made), json={"name": "TAKEN"}, headers=ANY)
    assert code(taken) == (409, "duplicate_name")
    bad = client.put(
        path(made),
        json={**NIGHTLY, "cron_expression": "0 0 30 2 *"},
        headers=ANY,
    )
    assert code(bad) == (422, "invalid_request")
    zone = client.patch(path(made), json={"timezone": "Mars/Olympus"}, headers=ANY)
    assert zone.json is not None
    assert zone.json["errors"][0]["pointer"] == "/timezone"
    assert client.get(path(made)).json == without_quota(made)
    assert len(entries(database)) == 2


def test_every_change_is_audited_with_what_was_and_what_is(
    client: Client, database: Database
) -> None:
    made = create(client)
    client.patch(
        path(made),
        json={"priority": 1},
        headers={**ANY, "X-Request-Id": "req-7"},
    )
    client.post(path(made, "/toggle"))
    client.post(path(made, "/run"))
    client.delete(path(made))
    deleted, run, toggled, updated, _ = entries(database)
    assert [entry.action for entry in (updated, toggled, run, deleted)] == [
        "update",
        "toggle",
        "run",
        "delete",
    ]
    assert {entry.resource_id for entry in (updated, toggled, run, deleted)} == {str(made["id"])}
    # The open group of a schedule is not a value that an edit changes.
    whole = without_quota(made)
    assert whole.pop("open_group_id") is None
    assert updated.before == whole
    assert updated.after is not None
    assert (updated.after["priority"], updated.after["version"]) == (1, 2)
    assert (updated.actor, updated.request_id) == ("bootstrap", "req-7")
    assert toggled.before == updated.after
    assert run.after is not None
    assert run.after["result"] == "created"
    assert deleted.before is not None
    assert (deleted.before["enabled"], deleted.after) == (False, None)


CHANGES: list[tuple[str, str, Any]] = [
    ("PUT", "", {**NIGHTLY, "priority": 1}),
    ("PATCH", "", {"priority": 1}),
    ("DELETE", "", None),
    ("POST", "/toggle", None),
    ("POST", "/run", None),
]


def test_a_change_that_cannot_be_audited_does_not_happen(
    client: Client, database: Database
) -> None:
    made = create(client)
    with database.begin() as conn:
        conn.execute(
            text("ALTER TABLE admin_audit_log ADD CONSTRAINT broken CHECK (action = 'create')")
        )
    # Captured, because it takes long to print the tracebacks.
    with structlog.testing.capture_logs() as told:
        for method, rest, body in CHANGES:
            response = client.open(
                path(made, rest),
                method=method,
                json=body,
                headers=ANY,
            )
            assert response.status_code == 500, (method, rest)
    assert len([line for line in told if line["event"] == "http.request_failed"]) == len(CHANGES)
    assert client.get(path(made)).json == without_quota(made)
    assert client.get(path(made, "/runs")).json == {"items": [], "next": None}
    assert client.get("/api/admin/jobs").json == {"items": [], "next": None}


def test_every_change_tells_whether_the_budget_feeds_all_schedules(
    client: Client, database: Database
) -> None:
    made = create(client)
    assert (made["estimated_requests_per_day"], made["warning"]) == (100, None)
    assert made["daily_request_budget"] == 139_680
    busy = client.patch(path(made), json={"cron_expression": "* * * * *"}, headers=ANY).json
    assert busy is not None
    assert busy["estimated_requests_per_day"] == 144_000
    assert "103 % of the 139680" in busy["warning"]
    other = create(client, name="other", subreddit="rust")
    assert other["estimated_requests_per_day"] == 144_100
    assert other["warning"] is not None
    off = client.post(path(made, "/toggle")).json
    assert off is not None
    assert (off["estimated_requests_per_day"], off["warning"]) == (100, None)
