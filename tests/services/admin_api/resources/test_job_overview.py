"""The page of a job in one answer, and remedies that remove its obstacle."""

from collections.abc import Callable
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.operations import service_instances
from support import jobs as factory
from support.crawlctl_lines import assert_is_command

JOBS, QUEUE = "/api/admin/jobs", "/api/admin/queue"
Client = flask.testing.FlaskClient


def got(response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.get_json()
    return body


def alive(conn: Connection) -> None:
    service_instances.seen(conn, name="w", role="crawler-worker", version="1", details={})


def pause_everything(client: Client) -> None:
    got(client.post(f"{QUEUE}/pause", json={"reason": "backup"}))


def pause_subreddit(client: Client) -> None:
    got(client.post(f"{QUEUE}/pause", json={"subreddit": "python", "reason": "asked to"}))


def nothing(_: Client) -> None:
    return None


# (preparation, status of the job, its obstacle, the request that removes the obstacle)
CASES: list[tuple[Callable[[Client], None], JobStatus, str | None, str]] = [
    (pause_everything, JobStatus.QUEUED, "queue_not_paused", f"{QUEUE}/resume"),
    (pause_subreddit, JobStatus.QUEUED, "subreddit_not_paused", f"{QUEUE}/resume"),
    (nothing, JobStatus.WAITING, "visible", f"{JOBS}/1/wake"),
    (nothing, JobStatus.FAILED, None, f"{JOBS}/1/retry"),
]


@pytest.mark.parametrize(("prepare", "status", "obstacle", "path"), CASES)
def test_the_remedy_of_an_obstacle_is_a_request_that_removes_it(
    client: Client,
    database: Database,
    prepare: Callable[[Client], None],
    status: JobStatus,
    obstacle: str | None,
    path: str,
) -> None:
    with database.begin() as conn:
        alive(conn)
        job_id = factory.in_status(conn, status, "python")
    prepare(client)
    shown = got(client.get(f"{JOBS}/{job_id}/overview"))["explanation"]
    remedy = shown["remedy"]
    assert (shown["obstacle"], remedy["path"]) == (obstacle, path)
    if obstacle is not None:
        (unmet,) = [each for each in shown["conditions"] if each["name"] == obstacle]
        assert (unmet["met"], unmet["remedy"]) == (False, remedy)
    assert remedy["scope"] == "jobs"
    assert_is_command(remedy["crawlctl"])
    got(client.open(path, method=remedy["method"], json=remedy["body"]))
    after = got(client.get(f"{JOBS}/{job_id}/explain"))
    assert (after["obstacle"], after["status"]) == (None, "queued")


def test_a_job_behind_others_is_boosted(client: Client, database: Database) -> None:
    with database.begin() as conn:
        alive(conn)
        for name in ("first", "second"):
            factory.enqueue(conn, name)
    shown = got(client.get(f"{JOBS}/2/overview"))["explanation"]
    assert (shown["obstacle"], shown["position"]) == (None, 2)
    assert_is_command(shown["remedy"]["crawlctl"])
    remedy = shown["remedy"]
    got(client.open(remedy["path"], method=remedy["method"], json=remedy["body"]))
    assert got(client.get(f"{JOBS}/2/explain"))["position"] == 1


def test_a_cause_outside_the_api_has_a_remedy_in_words(client: Client, database: Database) -> None:
    with database.begin() as conn:
        factory.enqueue(conn)
    without_worker = got(client.get(f"{JOBS}/1/explain"))
    assert without_worker["obstacle"] == "worker_alive"
    assert without_worker["remedy"]["path"] is None
    with database.begin() as conn:
        alive(conn)
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, outage_until, paused_reason) VALUES "
                "('a', clock_timestamp() + interval '1 hour', 'credentials_refused')"
            )
        )
    refused = got(client.get(f"{JOBS}/1/explain"))
    assert refused["obstacle"] == "reddit_available"
    assert refused["remedy"]["text"].startswith("Correct REDDIT_CLIENT_ID")
    (unmet,) = [each for each in refused["conditions"] if each["name"] == "reddit_available"]
    assert unmet["until"] is not None


def test_a_pause_names_the_token_that_set_it(client: Client, database: Database) -> None:
    with database.begin() as conn:
        factory.enqueue(conn)
    pause_everything(client)
    shown = got(client.get(f"{JOBS}/1/explain"))
    values = {each["name"]: each["value"] for each in shown["conditions"]}
    assert values["queue_not_paused"] == 'paused by "bootstrap": backup'
    assert shown["remedy"]["text"] == (
        'Resume: end the pause of the whole queue, which "bootstrap" set.'
    )


def test_the_page_of_a_job_has_its_detail_its_phases_and_its_pace(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        job_id = factory.in_status(conn, JobStatus.CRAWLING)
        conn.execute(
            text(
                "UPDATE crawl_jobs SET checkpoint = CAST(:checkpoint AS jsonb), "
                "progress_at = claimed_at + interval '30 s'"
            ),
            {"checkpoint": '{"phase": "comments", "page": 4, "posts": 250, "requests": 9}'},
        )
    page, detail = got(client.get(f"{JOBS}/{job_id}/overview")), got(client.get(f"{JOBS}/{job_id}"))
    assert {name: page.get(name) for name in detail if name != "checkpoint"} == {
        name: value for name, value in detail.items() if name != "checkpoint"
    }
    assert "checkpoint" not in page
    assert [(each["phase"], each["state"]) for each in page["phases"]] == [
        ("about", "passed"),
        ("posts", "passed"),
        ("comments", "current"),
        ("trees", "ahead"),
        ("authors", "ahead"),
        ("discovery", "ahead"),
    ]
    assert [each["items"] for each in page["phases"]] == [None, 250, 0, None, 0, None]
    assert page["requests_per_minute"] == 18
    changed = client.post(
        f"{JOBS}/{job_id}/boost", json={"boost": 1}, headers={"If-Match": f'"{page["version"]}"'}
    )
    got(changed)
    got(client.get(f"{JOBS}/999/overview"), 404)


def test_the_page_of_a_job_is_unchanged_until_the_job_changes(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        alive(conn)
        for name in ("first", "second"):
            factory.enqueue(conn, name)
    path = f"{JOBS}/2/overview"
    tag = client.get(path).headers["ETag"]
    same = client.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.data) == (304, b"")
    got(client.post(f"{JOBS}/1/cancel"))
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_rows_name_the_obstacle_of_each_job(client: Client, database: Database) -> None:
    with database.begin() as conn:
        alive(conn)
        later = factory.in_status(conn, JobStatus.WAITING, "later")
        over = factory.in_status(conn, JobStatus.SUCCEEDED, "over")
        factory.enqueue(conn, "python")
        free = factory.enqueue(conn, "free")
    pause_subreddit(client)

    def shown() -> dict[int, tuple[str | None, str | None]]:
        rows = got(client.get(f"{JOBS}/rows"))["items"]
        return {row["id"]: (row["obstacle"], row["waits_for"]) for row in rows}

    rows = shown()
    assert rows.pop(later)[0] == "visible"
    assert rows.pop(over) == (None, None)
    assert rows.pop(free) == (None, "its turn")
    assert list(rows.values()) == [("subreddit_not_paused", "the end of a pause of its subreddit")]
    pause_everything(client)
    assert shown()[free] == ("queue_not_paused", "the end of a pause of everything")
