"""The API counts requests, refusals, enqueued jobs and the jobs that operators end."""

import flask.testing

from support.counted import counted

Client = flask.testing.FlaskClient
JOBS = "/api/admin/jobs"


def test_an_enqueued_job_and_a_merged_one_are_counted(client: Client) -> None:
    with counted() as grown:
        client.get("/docs/openapi.json")
        for _ in range(2):
            client.post(JOBS, json={"subreddit": "python"})
    # The checked client itself requests the document.
    del grown["http_request_duration_seconds_count{/docs/openapi.json,GET,200}"]
    assert grown == {
        "jobs_enqueued_total{user,created}": 1,
        "jobs_enqueued_total{user,merged}": 1,
        "audit_rows_total{enqueue}": 2,
        "http_request_duration_seconds_count{/api/admin/jobs,POST,201}": 1,
        "http_request_duration_seconds_count{/api/admin/jobs,POST,200}": 1,
    }


def test_a_run_that_an_operator_starts_is_counted_as_a_job_of_a_schedule(client: Client) -> None:
    asked = {"name": "nightly", "subreddit": "python", "cron_expression": "@daily"}
    schedule = client.post("/api/admin/scheduled-jobs", json=asked).headers["Location"]
    with counted() as grown:
        for _ in range(2):
            client.post(f"{schedule}/run")
    assert grown["jobs_enqueued_total{schedule,created}"] == 1
    assert grown["jobs_enqueued_total{schedule,merged}"] == 1
    assert grown["audit_rows_total{run}"] == 2


def test_jobs_that_an_operator_ends_are_counted_once(client: Client) -> None:
    ids = [
        client.post(JOBS, json={"subreddit": name}).get_json()["job"]["id"]
        for name in ("python", "rust", "go_lang")
    ]
    with counted() as grown:
        client.put(f"{JOBS}/{ids[0]}/status", json={"status": "cancelled"})
        for _ in range(2):  # when the second request arrives, the jobs are already final
            client.put(f"{JOBS}/bulk/status", json={"job_ids": ids, "status": "cancelled"})
        client.put(f"{JOBS}/bulk/status", json={"job_ids": ids[:1], "status": "queued"})
    assert grown["jobs_finished_total{cancelled}"] == 3


def test_a_refused_token_and_an_unknown_path_are_counted_without_new_series(
    client: Client, app: flask.Flask
) -> None:
    with counted() as grown:
        app.test_client().get(JOBS)
        app.test_client().get(JOBS, headers={"Authorization": "Bearer wrong"})
        client.open("/nowhere", method="BREW")
    assert grown == {
        "api_auth_failures_total{missing_token}": 1,
        "api_auth_failures_total{invalid_token}": 1,
        "http_request_duration_seconds_count{/api/admin/jobs,GET,401}": 2,
        "http_request_duration_seconds_count{none,other,404}": 1,
    }
