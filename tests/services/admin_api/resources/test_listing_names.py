"""The API refuses the names of Reddit's own listings wherever a request names a subreddit."""

import flask
import flask.testing
import pytest
from sqlalchemy import create_engine, text

from crawljobs.domain.subreddit import LISTINGS

Client = flask.testing.FlaskClient

SCHEDULES = "/api/admin/scheduled-jobs"
REASON = "listing of Reddit's own"


@pytest.mark.parametrize("name", ["all", "popular", "mod", "friends", "random", "Home", "a1+b1"])
def test_a_listing_is_refused_with_the_reason(client: Client, name: str) -> None:
    schedule = {"name": "x", "subreddit": name, "cron_expression": "@daily"}
    for path, body in (("jobs", {"subreddit": name}), ("scheduled-jobs", schedule)):
        response = client.post(f"/api/admin/{path}", json=body)
        assert response.status_code == 422, path
        assert REASON in response.text, path
    assert client.get("/api/admin/jobs").json == {"items": [], "next": None}


def test_an_import_refuses_each_listing_and_enqueues_the_others(client: Client) -> None:
    listings = [*sorted(LISTINGS), "r/ALL", "/r/popular", "python+golang", "all+python"]
    response = client.post("/api/admin/jobs/bulk", json={"subreddits": ["python", *listings]})
    assert response.status_code == 207
    assert response.json is not None
    first, *others = response.json["items"]
    assert (first["subreddit"], first["status"]) == ("python", 201)
    assert [(item["status"], item["code"]) for item in others] == [
        (422, "invalid_request") for _ in listings
    ]
    assert all(REASON in item["detail"] for item in others)
    jobs = client.get("/api/admin/jobs").json
    assert jobs is not None
    assert [job["subreddit"] for job in jobs["items"]] == ["python"]


@pytest.fixture(params=["All", "t:1337"])
def stored(request: pytest.FixtureRequest, database_url: str) -> tuple[int, int]:
    """Store a listing's name, as older releases did, and a disabled schedule. Return both ids."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as conn:
        subreddit_id = conn.execute(
            text("INSERT INTO subreddits (name) VALUES (:name) RETURNING id"),
            {"name": request.param},
        ).scalar_one()
        schedule_id = conn.execute(
            text(
                "INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, timezone, "
                "priority, misfire_policy, enabled, anchor_at) VALUES "
                "('old', :id, '@daily', 'UTC', 20, 'fire_once', false, now()) RETURNING id"
            ),
            {"id": subreddit_id},
        ).scalar_one()
    engine.dispose()
    return subreddit_id, schedule_id


def test_no_schedule_is_made_for_a_stored_name_that_cannot_be_crawled(
    client: Client, stored: tuple[int, int]
) -> None:
    subreddit_id, _ = stored
    body = {"name": "x", "subreddit_id": subreddit_id, "cron_expression": "@daily"}
    response = client.post(SCHEDULES, json=body)
    assert response.status_code == 422
    assert response.json is not None
    (error,) = response.json["errors"]
    assert error["pointer"] == "/subreddit_id"
    assert "subreddit" in error["detail"]


def test_no_schedule_is_moved_to_a_stored_name_that_cannot_be_crawled(
    client: Client, stored: tuple[int, int]
) -> None:
    subreddit_id, _ = stored
    body = {"name": "good", "subreddit": "python", "cron_expression": "@daily"}
    made = client.post(SCHEDULES, json=body)
    assert made.json is not None
    path, match = f"{SCHEDULES}/{made.json['id']}", {"If-Match": made.headers["ETag"]}
    whole = {"name": "good", "cron_expression": "@daily", "subreddit_id": subreddit_id}
    for response in (
        client.patch(path, json={"subreddit_id": subreddit_id}, headers=match),
        client.put(path, json=whole, headers=match),
    ):
        assert response.status_code == 422
        assert response.json is not None
        assert response.json["errors"][0]["pointer"] == "/subreddit_id"


def test_the_schedule_of_such_a_name_stays_off_and_can_be_edited_and_deleted(
    client: Client, stored: tuple[int, int]
) -> None:
    _, schedule_id = stored
    path = f"{SCHEDULES}/{schedule_id}"
    etag = client.get(path).headers["ETag"]
    for response in (
        client.post(f"{path}/toggle"),
        client.patch(path, json={"enabled": True}, headers={"If-Match": etag}),
    ):
        assert response.status_code == 422
        assert response.json is not None
        (error,) = response.json["errors"]
        assert error["pointer"] == "/enabled"
        assert "subreddit" in error["detail"]
    run = client.post(f"{path}/run")
    assert run.json is not None
    assert (run.status_code, run.json["code"]) == (409, "subreddit_gone")
    edited = client.patch(path, json={"priority": 7}, headers={"If-Match": etag})
    assert edited.status_code == 200
    assert client.post(f"{path}/toggle", json={"enabled": False}).status_code == 200
    assert client.delete(path).status_code == 204
