"""An edit that sets equal values changes no version or ETag and writes no audit row."""

from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import LIVE
from crawljobs.repository.operations import audit_log
from support import jobs as factory
from support.schedule_calls import ANY, NIGHTLY, Client, create, path

JOBS, QUEUE = "/api/admin/jobs", "/api/admin/queue"
SUBREDDIT = "/api/admin/subreddits/python"


def recorded(database: Database) -> int:
    with database.begin() as conn:
        return len(audit_log.list_entries(conn, limit=500).entries)


def whole(schedule: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Return the body of a PUT with all fields of the schedule."""
    names = ("name", "cron_expression", "timezone", "priority", "max_retries", "enabled")
    names += ("misfire_policy", "misfire_deadline_seconds", "spread_seconds", "subreddit_id")
    names += ("description",)
    return {**{name: schedule[name] for name in names}, **others}


@pytest.mark.parametrize(
    ("kept", "equal"),
    [
        ("30 2 * * MON", ["30 2 * * MON", " 30  2 * *  MON ", "30 2 * * mon", "30 2  * * Mon"]),
        ("0 0 l * fri-SUN", ["0 0 L * FRI-SUN", "0   0 l * fri-sun"]),
        ("@daily", ["@daily", " @Daily", "@DAILY  "]),
        ("@every 90m", ["@every  90m", "@EVERY 90M", " @every 90m "]),
    ],
)
def test_an_expression_in_another_spelling_changes_nothing(
    client: Client, database: Database, kept: str, equal: list[str]
) -> None:
    made = create(client, cron_expression=kept, priority=5, spread_seconds=60)
    shown, rows = client.get(path(made)), recorded(database)
    for expression in equal:
        for response in (
            client.patch(path(made), json={"cron_expression": expression}, headers=ANY),
            client.put(path(made), json=whole(made, cron_expression=expression), headers=ANY),
        ):
            assert response.status_code == 200
            assert response.headers["ETag"] == shown.headers["ETag"], expression
    assert client.get(path(made)).json == shown.json
    assert recorded(database) == rows


def test_an_expression_that_an_earlier_release_kept_with_blanks_changes_nothing(
    client: Client, database: Database
) -> None:
    made = create(client)
    with database.begin() as conn:
        conn.execute(text("UPDATE scheduled_jobs SET cron_expression = ' 0  3 * * * '"))
    rows = recorded(database)
    response = client.patch(path(made), json={"cron_expression": "0 3 * * *"}, headers=ANY)
    assert response.headers["ETag"] == '"1"'
    assert recorded(database) == rows


def test_equal_values_of_each_field_change_no_schedule(client: Client, database: Database) -> None:
    made = create(client, misfire_policy="skip", misfire_deadline_seconds=60, max_retries=0)
    shown, rows = client.get(path(made)), recorded(database)
    bodies: list[dict[str, Any]] = [{name: value} for name, value in whole(made).items()]
    bodies += [{"subreddit": name} for name in ("python", "PYTHON", "r/Python")]
    bodies += [{"priority": float(made["priority"])}, {}]
    for body in bodies:
        response = client.patch(path(made), json=body, headers=ANY)
        assert (response.status_code, response.headers["ETag"]) == (200, '"1"'), body
    assert client.put(path(made), json=whole(made), headers=ANY).headers["ETag"] == '"1"'
    for enabled in (True, False, False):
        toggled = client.post(path(made, "/toggle"), json={"enabled": enabled})
    assert toggled.headers["ETag"] == '"2"'
    client.post(path(made, "/toggle"), json={"enabled": True})
    assert recorded(database) == rows + 2
    assert client.get(path(made)).json == {
        **shown.get_json(),
        "version": 3,
        "updated_at": client.get(path(made)).get_json()["updated_at"],
    }


def test_another_expression_is_still_a_change(client: Client, database: Database) -> None:
    made = create(client, cron_expression="@every 60m")
    rows = recorded(database)
    response = client.patch(path(made), json={"cron_expression": "@every 1h"}, headers=ANY)
    assert response.headers["ETag"] == '"2"'
    assert recorded(database) == rows + 1


def test_the_priority_that_a_job_has_is_no_change(client: Client, database: Database) -> None:
    for status in sorted(LIVE):
        with database.begin() as conn:
            job_id = factory.in_status(conn, status, f"in_{status}")
        job = f"{JOBS}/{job_id}"
        client.put(f"{job}/priority", json={"priority": 100})
        shown, rows = client.get(job), recorded(database)
        for response in (
            client.put(f"{job}/priority", json={"priority": 100}),
            client.put(f"{job}/priority", json={"priority": 100.0}),
            client.post(f"{job}/boost", json={"boost": 20}),
        ):
            assert response.status_code == 200, status
            assert response.headers["ETag"] == shown.headers["ETag"], status
        assert client.get(job).json == shown.json
        many = client.post(f"{JOBS}/bulk/boost", json={"job_ids": [job_id], "boost": 5})
        assert (many.status_code, many.get_json()["succeeded"]) == (200, 1)
        assert client.get(job).json == shown.json
        assert recorded(database) == rows, status


def test_an_aged_job_may_be_set_back_to_the_priority_it_was_asked_for(
    client: Client, database: Database
) -> None:
    job = client.post(JOBS, json={"subreddit": "python", "priority": 30}).get_json()["job"]
    with database.begin() as conn:
        conn.execute(text("UPDATE crawl_jobs SET priority = 70"))
    rows = recorded(database)
    changed = client.put(f"{JOBS}/{job['id']}/priority", json={"priority": 30}).get_json()
    assert (changed["priority"], changed["base_priority"]) == (30, 30)
    assert recorded(database) == rows + 1


def test_of_many_jobs_only_those_that_change_are_recorded(
    client: Client, database: Database
) -> None:
    ids = [
        client.post(JOBS, json={"subreddit": name, "priority": priority}).get_json()["job"]["id"]
        for name, priority in (("python", 100), ("rust", 50))
    ]
    rows = recorded(database)
    response = client.post(f"{JOBS}/bulk/boost", json={"job_ids": ids, "boost": 5})
    assert response.get_json()["succeeded"] == 2
    # One row for the changed job, and one for the whole request.
    assert recorded(database) == rows + 2
    with database.begin() as conn:
        newest = audit_log.list_entries(conn, limit=2).entries
    assert {entry.resource_id for entry in newest} == {None, str(ids[1])}


@pytest.mark.parametrize("subreddit", [None, "python"])
@pytest.mark.parametrize("until", [None, "2999-01-01T00:00:00.123456Z"])
def test_the_same_pause_again_changes_nothing(
    client: Client, database: Database, subreddit: str | None, until: str | None
) -> None:
    asked = {"reason": "quiet", "until": until}
    asked |= {} if subreddit is None else {"subreddit": subreddit}
    paused = client.post(f"{QUEUE}/pause", json=asked).json
    rows = recorded(database)
    assert client.post(f"{QUEUE}/pause", json=asked).json == paused
    assert recorded(database) == rows
    client.post(f"{QUEUE}/pause", json={**asked, "reason": "other"})
    client.post(
        f"{QUEUE}/pause", json={**asked, "reason": "other", "until": "2998-01-01T00:00:00Z"}
    )
    assert recorded(database) == rows + 2


def test_the_same_politeness_changes_no_subreddit(client: Client, database: Database) -> None:
    client.post(JOBS, json={"subreddit": "python"})
    gaps = {"min_request_gap_seconds": 2.7, "min_crawl_gap_seconds": 3600}
    assert client.patch(SUBREDDIT, json=gaps).status_code == 200
    shown, rows = client.get(SUBREDDIT), recorded(database)
    for body in (gaps, {"min_request_gap_seconds": 2.7}, {"min_crawl_gap_seconds": 3600.0}):
        response = client.patch(SUBREDDIT, json=body)
        assert (response.status_code, response.headers["ETag"]) == (200, shown.headers["ETag"])
    assert recorded(database) == rows
    client.patch(SUBREDDIT, json={"min_request_gap_seconds": None})
    assert recorded(database) == rows + 1


def test_a_revoked_token_is_not_revoked_again(client: Client, database: Database) -> None:
    asked = {"name": "robot", "scopes": ["read"]}
    token = "/api/admin/tokens/" + client.post("/api/admin/tokens", json=asked).get_json()["id"]
    client.delete(token)
    shown = client.get(token)
    assert client.delete(token).status_code == 409
    assert client.get(token).headers["ETag"] == shown.headers["ETag"]
    with database.begin() as conn:
        done = audit_log.list_entries(conn, limit=500).entries
    assert [entry.action for entry in done if entry.action == "revoke"] == ["revoke"]


def test_a_put_of_defaults_changes_nothing(client: Client, database: Database) -> None:
    made = create(client)
    rows = recorded(database)
    assert client.put(path(made), json=NIGHTLY, headers=ANY).headers["ETag"] == '"1"'
    assert recorded(database) == rows
