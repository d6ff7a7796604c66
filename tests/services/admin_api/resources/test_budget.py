"""GET /api/admin/budget shows what is left of the budget, and why and until when workers pause."""

from datetime import datetime, timedelta
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import PausedReason
from crawljobs.repository.content.deletion_checks import deletion_walk
from crawljobs.repository.history import sent_requests
from crawljobs.repository.reddit_api import (
    budget_overview,
    reddit_outages,
    reddit_pauses,
    slot_reservation,
)
from support import jobs

Client = flask.testing.FlaskClient
BUDGET = "/api/admin/budget"


def budget(client: Client) -> dict[str, Any]:
    response = client.get(BUDGET)
    assert response.status_code == 200, response.text
    assert response.json is not None
    return response.json


def only(client: Client) -> dict[str, Any]:
    (found,) = budget(client)["clients"]
    assert isinstance(found, dict)
    return found


def reserve(conn: Connection, client_id: str = "me") -> None:
    slot_reservation.reserve_slot(conn, client_id=client_id, longest_wait=60)


def at(shown: str | None) -> datetime:
    assert shown is not None
    return datetime.fromisoformat(shown)


def test_before_the_first_request_there_is_no_client(client: Client) -> None:
    found = budget(client)
    assert (found["clients"], found["workers_alive"]) == ([], 0)
    assert found["waiting_jobs"] == {"rate_limit": 0, "outage": 0, "at_least": False}


def test_what_is_left_of_the_window_is_shown(client: Client, database: Database) -> None:
    with database.begin() as conn:
        for _ in range(3):
            reserve(conn)
    found = only(client)
    assert (found["client_id"], found["state"], found["reason"]) == ("me", "available", None)
    # If a new budget window has begun meanwhile, only its own requests count.
    assert found["remaining"] == found["usable"] - found["reserved"]
    assert (found["usable"], found["requests_per_window"]) == (970, 1_000)
    assert 1 <= found["reserved"] <= 3
    assert at(found["window_ends_at"]) - at(found["window_started_at"]) == timedelta(minutes=10)
    assert (found["credentials"], found["in_use"]) == ("accepted", True)


@pytest.mark.parametrize("reason", [one for one in PausedReason if one != "rate_limit"])
def test_a_pause_of_all_workers_is_shown_with_its_cause_and_the_next_probe(
    client: Client, database: Database, reason: PausedReason
) -> None:
    detail = "403 text/html: <script>alert(1)</script>"
    with database.begin() as conn:
        reserve(conn)
        job_id = jobs.in_status(conn, jobs.JobStatus.WAITING, "python")
        conn.execute(
            text("UPDATE crawl_jobs SET wait_reason = 'outage' WHERE id = :id"),
            {"id": job_id},
        )
        reddit_outages.pause(conn, client_id="me", reason=reason, detail=detail, is_probe=False)
        conn.execute(
            text(
                "INSERT INTO service_instances (name, role, version, details) "
                "VALUES ('worker-1', 'crawler-worker', '1', '{}')"
            )
        )
    everything = budget(client)
    (found,) = everything["clients"]
    assert (found["state"], found["reason"], found["detail"]) == ("paused", reason, detail)
    left = at(found["next_probe_at"]) - at(everything["as_of"])
    assert timedelta(0) < left <= timedelta(seconds=request_budget.FIRST_OUTAGE_SECONDS)
    assert found["paused_until"] == found["next_probe_at"] == found["next_slot_at"]
    is_refused = reason is PausedReason.CREDENTIALS_REFUSED
    assert found["credentials"] == ("refused" if is_refused else "accepted")
    assert found["remedy"]
    assert everything["workers_alive"] == 1
    assert everything["waiting_jobs"] == {"rate_limit": 0, "outage": 1, "at_least": False}
    with database.begin() as conn:
        reddit_outages.record_accepted(conn, client_id="me")
    found = only(client)
    assert (found["state"], found["reason"], found["paused_until"]) == ("available", None, None)
    assert found["last_accepted_at"] is not None


def test_a_429_is_shown_until_its_pause_ends(client: Client, database: Database) -> None:
    with database.begin() as conn:
        reserve(conn)
        reddit_pauses.pause_all(conn, client_id="me", seconds=60)
    found = only(client)
    assert (found["state"], found["reason"], found["next_probe_at"]) == (
        ("paused", "rate_limit", None)
    )
    assert found["last_throttled_at"] is not None


def test_the_client_that_was_used_last_comes_first_and_the_list_is_bounded(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, next_slot_at) SELECT 'id ' || n, "
                "now() - n * interval '1 hour' FROM generate_series(0, :count) AS n"
            ),
            {"count": budget_overview.CLIENTS_MAX},
        )
    found = budget(client)["clients"]
    assert len(found) == budget_overview.CLIENTS_MAX
    assert [one["client_id"] for one in found[:2]] == ["id 0", "id 1"]
    assert [found[0]["in_use"], found[30]["in_use"]] == [True, False]


def test_counting_the_jobs_that_wait_for_reddit_ends(client: Client, database: Database) -> None:
    with database.begin() as conn:
        conn.execute(
            text(
                "WITH made AS (INSERT INTO subreddits (name) SELECT 'sub' || n "
                "FROM generate_series(1, :count) AS n RETURNING id) "
                "INSERT INTO crawl_jobs (subreddit_id, status, wait_reason, source, priority, "
                "base_priority, visible_at) SELECT id, 'waiting', 'rate_limit', 'user', 5, 5, "
                "now() FROM made"
            ),
            {"count": budget_overview.WAITING_MAX + 50},
        )
    found = budget(client)["waiting_jobs"]
    assert (found["at_least"], found["outage"]) == (True, 0)
    assert found["rate_limit"] == budget_overview.WAITING_MAX + 1


def test_it_takes_the_scope_read_and_no_parameters(app: flask.Flask, client: Client) -> None:
    assert app.test_client().get(BUDGET).status_code == 401
    assert client.get(f"{BUDGET}?x=1").status_code == 400
    for scope, status in (("read", 200), ("jobs", 403)):
        made = client.post("/api/admin/tokens", json={"name": scope, "scopes": [scope]})
        assert made.json is not None
        headers = {"Authorization": f"Bearer {made.json['token']}"}
        assert app.test_client().get(BUDGET, headers=headers).status_code == status


def test_the_demand_of_the_live_jobs_and_the_spending_are_shown(
    client: Client, database: Database
) -> None:
    empty = budget(client)
    assert empty["demand"] == {
        "live_jobs": 0,
        "at_least": False,
        "requests_per_crawl": 100,
        "wanted_requests": 0,
        "empty_at": None,  # no worker has used a client id
    }
    assert (empty["spending"], empty["schedules"]["estimated_requests_per_day"]) == ([], 0)
    with database.begin() as conn:
        reserve(conn)
        for number, sent in enumerate((20, 40)):
            jobs.in_status(conn, jobs.JobStatus.SUCCEEDED, f"done{number}")
            conn.execute(
                text(
                    "UPDATE crawl_jobs SET checkpoint = jsonb_build_object('requests', "
                    "CAST(:sent AS int)), finished_at = now(), source = :source "
                    "WHERE status = 'succeeded' AND checkpoint IS NULL"
                ),
                {"sent": sent, "source": "schedule" if number else "user"},
            )
        jobs.crawling(conn, "running")
        conn.execute(
            text(
                "UPDATE crawl_jobs SET checkpoint = '{\"requests\"\\: 11}' "
                "WHERE status = 'crawling'"
            )
        )
        for number in range(98):
            jobs.enqueue(conn, f"queued{number}")
    found = budget(client)
    demand = found["demand"]
    assert (demand["live_jobs"], demand["requests_per_crawl"]) == (99, 30)
    assert demand["wanted_requests"] == 99 * 30 - 11
    # 970 requests in ten minutes
    seconds = (at(demand["empty_at"]) - at(found["as_of"])).total_seconds()
    assert seconds == pytest.approx(demand["wanted_requests"] / 970 * 600, abs=0.1)
    assert found["spending"] == [
        {"source": "schedule", "jobs": 1, "requests": 40},
        {"source": "user", "jobs": 1, "requests": 20},
    ]


def test_an_unchanged_budget_is_answered_304(client: Client, database: Database) -> None:
    with database.begin() as conn:
        reserve(conn)
        jobs.enqueue(conn, "python")
    first = client.get(BUDGET)
    again = client.get(BUDGET, headers={"If-None-Match": first.headers["ETag"]})
    if first.get_json()["clients"] == budget(client)["clients"]:  # no new window has begun
        assert (again.status_code, again.data) == (304, b"")
    with database.begin() as conn:
        reserve(conn)
    changed = client.get(BUDGET, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_the_looks_at_stored_items_are_shown_while_the_walk_is_on(
    client: Client, database: Database
) -> None:
    assert budget(client)["content_checks"] is None
    with database.begin() as conn:
        deletion_walk.position(conn, every=timedelta(days=30), share=0.1)
        conn.execute(text("UPDATE deletion_walk SET unchecked_since = now() - interval '31 days'"))
    found = budget(client)["content_checks"]
    assert 31 * 86_400 <= found.pop("unchecked_seconds") < 31 * 86_400 + 60
    assert found == {"interval_days": 30, "walk_started_at": None, "share_in_48_hours": 1.0}


def test_the_minutes_of_the_window_show_who_spent_it(client: Client, database: Database) -> None:
    with database.begin() as conn:
        reserve(conn)
        reserve(conn, "idle")
        now = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
        sent_requests.add(conn, client_id="me", counts={"requests_user": 3, "throttled": 1})
        sent_requests.add(conn, client_id="me", counts={"requests_schedule": 2, "failures": 4})
        # A minute of the window before.
        hour_ago = now - timedelta(minutes=59)
        sent_requests.add(conn, client_id="me", counts={"requests_user": 9}, now=hour_ago)
    found = {each["client_id"]: each for each in budget(client)["clients"]}
    assert found["idle"]["minutes"] == []
    minutes = found["me"]["minutes"]
    if at(found["me"]["window_started_at"]) < now:  # else a new window began during the test
        totals = {name: sum(each[name] for each in minutes) for name in ("requests", "others")}
        assert totals == {"requests": 5, "others": 0}
        assert sum(each["throttled"] for each in minutes) == 1
        assert sum(each["failures"] for each in minutes) == 4


def test_the_jobs_with_the_most_requests_are_shown(client: Client, database: Database) -> None:
    with database.begin() as conn:
        for number in range(12):
            jobs.crawling(conn, f"running{number}")
        jobs.in_status(conn, jobs.JobStatus.SUCCEEDED, "done")
        conn.execute(
            text(
                "UPDATE crawl_jobs SET finished_at = CASE WHEN status = 'succeeded' THEN now() END,"
                " checkpoint = jsonb_build_object('requests', id)"
            )
        )
        conn.execute(text("UPDATE crawl_jobs SET checkpoint = '[]' WHERE id = 5"))
    found = budget(client)["spending_jobs"]
    assert len(found) == 10
    assert found[0] == {
        "job_id": 13,
        "subreddit": "done",
        "source": "user",
        "status": "succeeded",
        "requests": 13,
    }
    assert [each["job_id"] for each in found[1:]] == [12, 11, 10, 9, 8, 7, 6, 4, 3]
