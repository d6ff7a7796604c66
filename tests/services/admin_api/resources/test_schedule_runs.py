"""The API runs a schedule manually, lists its ledger, and previews cron expressions."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from scheduler import schedule_firing

SCHEDULES = "/api/admin/scheduled-jobs"
PREVIEW = f"{SCHEDULES}/preview"
HOUR = timedelta(hours=1)
Client = flask.testing.FlaskClient


@pytest.fixture
def hourly(client: Client) -> str:
    """Create an hourly schedule and return its path."""
    asked = {"name": "hourly", "subreddit": "python", "cron_expression": "@hourly", "priority": 7}
    response = client.post(SCHEDULES, json=asked)
    assert response.status_code == 201
    return response.headers["Location"]


def get(client: Client, path: str) -> dict[str, Any]:
    body = client.get(path).json
    assert body is not None
    return dict(body)


def test_running_by_hand_enqueues_now_and_leaves_the_timetable(client: Client, hourly: str) -> None:
    before = get(client, hourly)
    response = client.post(f"{hourly}/run")
    assert response.status_code == 201
    assert response.json is not None
    assert response.json["result"] == "created"
    job = response.json["job"]
    assert (job["status"], job["priority"], job["source"]) == ("queued", 7, "schedule")
    assert job["scheduled_job_id"] == before["id"]
    assert get(client, response.headers["Location"])["id"] == job["id"]
    after = get(client, hourly)
    assert after["last_run_at"] is not None
    assert {**after, "last_run_at": None} == before
    again = client.post(f"{hourly}/run")
    assert again.status_code == 200
    assert again.json is not None
    assert (again.json["result"], again.json["job"]["id"]) == ("merged", job["id"])


def test_the_ledger_shows_runs_of_both_kinds_page_by_page(
    client: Client, database: Database, hourly: str
) -> None:
    client.post(f"{hourly}/run")
    start = datetime.fromisoformat(get(client, hourly)["next_run_at"])
    with database.begin() as conn:
        for hours in (0, 3):
            schedule_firing.fire_due_schedules(conn, at_most=9, now=start + hours * HOUR)
    runs: list[dict[str, Any]] = []
    address = f"{hourly}/runs?limit=2"
    while address:
        response = client.get(address)
        assert response.json is not None
        assert len(response.json["items"]) <= 2
        runs += response.json["items"]
        link = response.headers.get("Link", "")
        address = link[1 : link.index(">")] if link else ""
    assert [(run["outcome"], run["manual"]) for run in runs] == [
        ("merged", False),
        ("missed", False),
        ("missed", False),
        ("merged", False),
        ("enqueued", True),
    ]
    due = [datetime.fromisoformat(run["due_at"]) for run in runs[:4]]
    assert due == [start + hours * HOUR for hours in (3, 2, 1, 0)]
    assert runs[1]["job_id"] is None
    assert runs[0]["job_id"] == runs[4]["job_id"]


@pytest.mark.parametrize("year", [1971, 2031, 8999])
def test_due_times_a_microsecond_apart_are_each_on_a_page(
    client: Client, database: Database, hourly: str, year: int
) -> None:
    """Manual runs may be one microsecond apart, which is the resolution of the clock."""
    due = [datetime(year, 5, 4, 12, 0, 0, n, tzinfo=UTC) for n in range(4)]
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome, manual) "
                "SELECT id, due, 'merged', true "
                "FROM scheduled_jobs, unnest(CAST(:due AS timestamptz[])) AS due"
            ),
            {"due": due},
        )
    found, query = [], "?limit=1"
    for _ in due:
        page = get(client, f"{hourly}/runs{query}")
        found += [datetime.fromisoformat(run["due_at"]) for run in page["items"]]
        query = f"?limit=1&cursor={page['next']}"
    assert found == due[::-1]
    assert page["next"] is None


def test_due_times_that_no_clock_has_shown_end_the_list(
    client: Client, database: Database, hourly: str
) -> None:
    """The rows were inserted by hand.

    The list replaces each time outside its range by the first or last time that it can show.
    """
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome) SELECT id, "
                "due, 'missed' FROM scheduled_jobs, unnest(CAST(:due AS timestamptz[])) AS due"
            ),
            {"due": ["-infinity", "0044-03-15 BC", "1969-01-01Z", "2031-01-01Z", "9999-01-01Z"]},
        )
    found, query = [], "?limit=1"
    for _ in range(6):
        page = get(client, f"{hourly}/runs{query}")
        found += [datetime.fromisoformat(run["due_at"]).year for run in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit=1&cursor={page['next']}"
    assert page["next"] is None
    assert found == [9000, 2031, 1970]


def test_a_cursor_of_one_schedule_is_none_of_another(client: Client, hourly: str) -> None:
    other = client.post(
        SCHEDULES, json={"name": "other", "subreddit": "rust", "cron_expression": "@daily"}
    ).headers["Location"]
    for _ in range(2):
        client.post(f"{hourly}/run")
    cursor = get(client, f"{hourly}/runs?limit=1")["next"]
    assert client.get(f"{hourly}/runs?limit=1&cursor={cursor}").status_code == 200
    assert client.get(f"{other}/runs?limit=1&cursor={cursor}").status_code == 400


def test_a_schedule_without_its_subreddit_cannot_be_run(
    client: Client, database: Database, hourly: str
) -> None:
    with database.begin() as conn:
        conn.execute(
            text("ALTER TABLE scheduled_jobs DROP CONSTRAINT scheduled_jobs_subreddit_id_fkey")
        )
        conn.execute(text("DELETE FROM subreddits"))
    assert get(client, hourly)["subreddit"] == ""
    response = client.post(f"{hourly}/run")
    assert response.status_code == 409
    assert response.json is not None
    assert response.json["code"] == "subreddit_gone"


def test_a_preview_tells_times_notes_and_meaning_and_keeps_nothing(client: Client) -> None:
    response = client.post(
        PREVIEW,
        json={"cron_expression": " 30  2 * * * ", "timezone": "Europe/Berlin", "count": 100},
    )
    assert response.status_code == 200
    shown = response.json
    assert shown is not None
    assert shown["cron_expression"] == "30 2 * * *"
    assert shown["description"] == "At 02:30 every day"
    assert len(shown["next_runs"]) == 100
    times = [datetime.fromisoformat(run["utc"]) for run in shown["next_runs"]]
    assert times == sorted(times)
    assert times[0] > datetime.now(UTC) - timedelta(days=2)
    for run in shown["next_runs"]:
        assert run["utc"].endswith("Z")
        assert datetime.fromisoformat(run["local"]) == datetime.fromisoformat(run["utc"])
        if run["note"] is None:
            assert run["local"][10:16] == "T02:30"
    assert get(client, SCHEDULES)["items"] == []


def test_a_preview_shows_five_times_of_utc_unless_told(client: Client) -> None:
    response = client.post(PREVIEW, json={"cron_expression": "@every 1h30m"})
    assert response.json is not None
    assert response.json["description"] == "Every 1 hour 30 minutes"
    times = [datetime.fromisoformat(run["utc"]) for run in response.json["next_runs"]]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [
        timedelta(minutes=90)
    ] * 4


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"cron_expression": "* * * * * *"}, "/cron_expression"),
        ({"cron_expression": "@reboot"}, "/cron_expression"),
        ({"cron_expression": "0-99999999999 * * * *"}, "/cron_expression"),
        ({"cron_expression": "@daily", "timezone": "../../etc/passwd"}, "/timezone"),
        ({"cron_expression": "@reboot", "timezone": "Mars"}, "/cron_expression /timezone"),
        ({"cron_expression": "@daily", "count": 0}, "/count"),
        ({"cron_expression": "@daily", "count": 101}, "/count"),
        ({"cron_expression": "@daily", "count": "5"}, "/count"),
        ({"cron_expression": "@daily", "name": "x"}, "/name"),
        ({}, "/cron_expression"),
    ],
)
def test_a_wrong_preview_is_refused_by_its_place(
    client: Client, asked: dict[str, Any], pointer: str
) -> None:
    response = client.post(PREVIEW, json=asked)
    assert response.status_code == 422
    assert response.json is not None
    assert [error["pointer"] for error in response.json["errors"]] == pointer.split()
