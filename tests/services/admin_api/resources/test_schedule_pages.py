"""Schedules with their meaning, their outcomes, their next due times and their requests a day."""

from datetime import datetime, timedelta
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository.schedules import schedule_records
from support import jobs as factory
from support import plans
from support import schedule_rows as rows
from support.schedule_calls import SCHEDULES, create, path

Client = flask.testing.FlaskClient


def got(client: Client, address: str) -> dict[str, Any]:
    response = client.get(address)
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert isinstance(body, dict)
    return body


def ledger(conn: Connection, schedule_id: int, *outcomes: tuple[int, str, int]) -> None:
    """Store rows of the ledger: (hours ago, outcome, due times)."""
    for hours, outcome, ticks in outcomes:
        conn.execute(
            text(
                "INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome, ticks) "
                "VALUES (:id, now() - :hours * interval '1 hour', :outcome, :ticks)"
            ),
            {"id": schedule_id, "hours": hours, "outcome": outcome, "ticks": ticks},
        )


def test_a_schedule_shows_its_words_its_outcomes_and_its_misfires(
    client: Client, database: Database
) -> None:
    schedule = create(client, timezone="Europe/Vienna", cron_expression="30 2 * * *")
    with database.begin() as conn:
        ledger(
            conn,
            schedule["id"],
            (1, "enqueued", 1),
            (25, "missed", 4),
            (49, "skipped", 1),
            (7 * 24 + 1, "missed", 100),
        )
    page = got(client, path(schedule, "/overview"))
    assert page["words"] == "At 02:30 every day"
    assert [each["outcome"] for each in page["record"]["outcomes"]] == [
        "enqueued",
        "missed",
        "skipped",
        "missed",
    ]
    assert (page["record"]["misfires"], page["record"]["misfires_at_least"]) == (5, False)
    row = got(client, f"{SCHEDULES}/rows")["items"][0]
    assert row["record"] == page["record"]
    whole = got(client, path(schedule))
    assert {name: page[name] for name in whole} == whole
    assert client.get(f"{SCHEDULES}/999/overview").status_code == 404


def test_the_next_due_times_are_those_of_the_scheduler_and_name_clock_changes(
    client: Client, database: Database
) -> None:
    schedule = create(
        client, cron_expression="30 2 * 3,10 0", timezone="Europe/Vienna", spread_seconds=3600
    )
    page = got(client, path(schedule, "/overview"))
    assert len(page["upcoming"]) == 20
    assert page["upcoming"][0]["utc"] == page["next_run_at"]
    times = [datetime.fromisoformat(each["utc"]) for each in page["upcoming"]]
    assert times == sorted(set(times))
    assert any("clocks go" in (each["note"] or "") for each in page["upcoming"])
    assert client.post(path(schedule, "/toggle"), json={"enabled": False}).status_code == 200
    assert len(got(client, path(schedule, "/overview"))["upcoming"]) == 20


def test_requests_a_day_come_from_the_last_crawls(client: Client, database: Database) -> None:
    hourly = create(client, name="hourly", cron_expression="@hourly", subreddit="python")
    body = {
        "name": "steps",
        "cron_expression": "@daily",
        "steps": [{"subreddit": "python"}, {"subreddit": "golang"}],
    }
    steps = client.post(SCHEDULES, json=body).get_json()
    unknown = create(client, name="unknown", subreddit="elsewhere")
    with database.begin() as conn:
        for name, requests in (("python", "30"), ("golang", '"many"')):
            claim = factory.crawling(conn, name)
            factory.complete(conn, claim=claim, outcome="crawled", now=factory.T0)
            conn.execute(
                text("UPDATE crawl_jobs SET checkpoint = CAST(:it AS jsonb) WHERE id = :id"),
                {"id": claim.job_id, "it": f'{{"requests": {requests}}}'},
            )
    found = {row["id"]: row["record"] for row in got(client, f"{SCHEDULES}/rows")["items"]}
    assert found[hourly["id"]]["requests_per_run"] == 30
    assert found[hourly["id"]]["requests_per_day"] == 720
    assert found[steps["id"]]["requests_per_day"] == 60  # the size of golang is unknown
    assert found[unknown["id"]]["requests_per_run"] is None
    assert found[unknown["id"]]["requests_per_day"] == 100
    demand = got(client, path(hourly, "/overview"))["demand"]
    assert demand["daily_request_budget"] > 0


def test_an_invalid_stored_expression_has_no_words_and_no_due_times(
    client: Client, database: Database
) -> None:
    schedule = create(client)
    with database.begin() as conn:
        conn.execute(text("UPDATE scheduled_jobs SET cron_expression = 'nonsense'"))
    page = got(client, path(schedule, "/overview"))
    assert (page["words"], page["upcoming"]) == (None, [])
    assert got(client, f"{SCHEDULES}/rows")["items"][0]["words"] is None


def test_rows_have_pages_filters_and_an_etag(client: Client) -> None:
    for number in range(3):
        create(client, name=f"s{number}")
    first = got(client, f"{SCHEDULES}/rows?limit=2")
    assert [each["name"] for each in first["items"]] == ["s0", "s1"]
    rest = got(client, f"{SCHEDULES}/rows?limit=2&cursor={first['next']}")
    assert [each["name"] for each in rest["items"]] == ["s2"]
    assert got(client, f"{SCHEDULES}/rows?enabled=false")["items"] == []
    for address in (f"{SCHEDULES}/rows", f"{SCHEDULES}/1/overview"):
        tag = client.get(address).headers["ETag"]
        assert client.get(address, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.usefixtures("client")
def test_the_records_of_a_page_read_only_its_schedules(database: Database) -> None:
    with database.begin() as conn:
        rows.make_many(conn, 5_000, due_at="now() + interval '1 day'")
        conn.execute(
            text(
                "INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome) "
                "SELECT id, now() - n * interval '1 hour', 'enqueued' "
                "FROM scheduled_jobs, generate_series(1, 5) AS n"
            )
        )
        conn.execute(
            text(
                "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
                "finished_at) SELECT subreddit_id, 'succeeded', 1, 1, 'user', now() "
                "FROM scheduled_jobs"
            )
        )
        conn.execute(text("ANALYZE scheduled_jobs, scheduled_job_runs, crawl_jobs, subreddits"))
        values = {"ids": list(range(1, 101)), "at_most": 14, "now": None}
        for statement in (schedule_records._OUTCOMES, schedule_records._RECORDS):
            plan = plans.generic_plan(conn, statement, values)
            assert not set(plans.tables_scanned(plan)), plan
            assert plans.pages_read(conn, statement, values) < 2_000
        records = schedule_records.read_records(conn, schedule_ids=[1], outcomes=2)
        assert len(records[1].outcomes) == 2
        newest = records[1].outcomes[0].due_at
        assert newest - records[1].outcomes[1].due_at == timedelta(hours=1)
