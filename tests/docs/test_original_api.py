"""The API behaves as docs/from-the-original.md says, and runs the example calls of the page."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.domain.job import ErrorKind
from crawljobs.repository.queue.maintenance import job_aging
from support import admin_api, jobs, needs, original_summary
from support.admin_api import Gunicorn
from support.formulas import evaluate
from support.original_summary import PARTS, PageRow

TEXT = original_summary.PAGE.read_text()
ADMIN = "/api/admin"
SCHEDULES = f"{ADMIN}/scheduled-jobs"
DAILY = {"name": "daily", "subreddit": "python", "cron_expression": "@daily"}
DEADLINE_SECONDS = 60
ROWS = {
    section: {row.subject: row for row in original_summary.rows(section, TEXT)} for section in PARTS
}


@dataclass(frozen=True)
class Api:
    """Calls the API, and prepares rows in the database."""

    client: flask.testing.FlaskClient
    database: Database

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.open(path, method=method, json=body, headers=headers)

    def schedule(self, **fields: Any) -> Any:
        created = self.call("POST", SCHEDULES, {**DAILY, **fields})
        assert created.status_code == 201, created.text
        return created.json

    def job(self, name: str = "python") -> Any:
        return self.call("POST", f"{ADMIN}/jobs", {"subreddit": name}).json["job"]

    def failed_job(self, name: str) -> int:
        with self.database.begin() as conn:
            claim = jobs.crawling(conn, name)
            jobs.fail(conn, claim=claim, kind=ErrorKind.RETRYABLE, message="503", now=jobs.T0)
        return claim.job_id

    def shown(self, job_id: int) -> Any:
        return self.call("GET", f"{ADMIN}/jobs/{job_id}").json

    def audit_rows(self) -> Any:
        return self.call("GET", f"{ADMIN}/audit-log").json["items"]


@pytest.fixture
def api(database: Database, database_url: str) -> Iterator[Api]:
    with admin_api.opened(database_url) as app:
        yield Api(admin_api.with_token(app), database)


# Each check returns the texts that the column `here` must have: values of real responses.
Check = Callable[[Api], list[str]]


def put_needs_if_match(api: Api) -> list[str]:
    made = api.schedule()
    path = f"{SCHEDULES}/{made['id']}"
    refused = api.call("PUT", path, DAILY)
    assert api.call("PUT", path, DAILY, **{"If-Match": "*"}).status_code == 200
    etag = api.call("GET", path).headers["ETag"]
    assert api.call("PUT", path, {**DAILY, "priority": 3}, **{"If-Match": etag}).status_code == 200
    assert api.call("PUT", path, DAILY, **{"If-Match": etag}).status_code == 412
    return [str(refused.status_code), "`If-Match`"]


def put_resets_absent_fields(api: Api) -> list[str]:
    made = api.schedule(priority=3, description="x")
    path = f"{SCHEDULES}/{made['id']}"
    kept = api.call("PATCH", path, {"priority": 4}, **{"If-Match": "*"}).json
    assert (kept["priority"], kept["description"]) == (4, "x")
    put = api.call("PUT", path, DAILY, **{"If-Match": "*"}).json
    assert (put["priority"], put["description"]) == (20, None)
    return ["defaults", "PATCH"]


def unknown_fields(api: Api) -> list[str]:
    refused = api.call("POST", SCHEDULES, {**DAILY, "descripton": "x"})
    assert refused.json["errors"][0]["pointer"] == "/descripton"
    return [str(refused.status_code)]


def quoted_numbers(api: Api) -> list[str]:
    refused = api.call("POST", f"{ADMIN}/jobs/{api.job()['id']}/boost", {"boost": "50"})
    return [str(refused.status_code)]


def descriptions(api: Api) -> list[str]:
    assert api.schedule(description="x" * 1_000)
    for text_ in ("x" * 1_001, "\x1b[2J"):
        assert api.call("POST", SCHEDULES, {**DAILY, "description": text_}).status_code == 422
    return [f"{1_000:,}", "no control characters"]


def schedule_names(api: Api) -> list[str]:
    api.schedule()
    return [str(api.call("POST", SCHEDULES, {**DAILY, "name": "DAILY"}).status_code), "any case"]


def expressions(api: Api) -> list[str]:
    for name, every in enumerate(("@every 60s", "@every 366d", "30 3 * * MON-FRI")):
        api.schedule(name=str(name), cron_expression=every)
    for every in ("@every 59s", "@every 367d"):
        assert api.call("POST", SCHEDULES, {**DAILY, "cron_expression": every}).status_code == 422
    return ["60 s", "366 d", "five fields"]


def unknown_subreddit(api: Api) -> list[str]:
    body = {"name": "x", "subreddit_id": 999, "cron_expression": "@daily"}
    refused = api.call("POST", SCHEDULES, body)
    return [str(refused.status_code), refused.json["errors"][0]["pointer"]]


def live_jobs(api: Api) -> list[str]:
    first = api.job()["id"]
    assert api.job()["id"] == first
    api.call("POST", f"{ADMIN}/jobs/{first}/cancel")
    assert api.job()["id"] != first
    assert api.shown(first)["status"] == "cancelled"
    return ["one live job", "keeps its row"]


def requests_during_a_crawl(api: Api) -> list[str]:
    with api.database.begin() as conn:
        claim = jobs.crawling(conn)
    result = api.call("POST", f"{ADMIN}/jobs", {"subreddit": "python"}).json
    assert result["job"]["id"] == claim.job_id
    with api.database.begin() as conn:
        jobs.complete(conn, claim=claim, outcome="crawled")
    follow_up = api.shown(api.shown(claim.job_id)["follow_up_job_id"])
    assert follow_up["follow_up_of"] == claim.job_id
    return [f"`{result['result']}`", "`follow_up_job_id`"]


def state_success(api: Api) -> list[str]:
    with api.database.begin() as conn:
        claim = jobs.crawling(conn)
        jobs.complete(conn, claim=claim, outcome="crawled")
    for status in ("success", "succeeded"):
        (found,) = api.call("GET", f"{ADMIN}/jobs?status={status}").json["items"]
    return [f"`{found['status']}`", "accept both"]


def unknown_ids(api: Api) -> list[str]:
    paths = ("jobs/999", "scheduled-jobs/999")
    (status,) = {api.call("GET", f"{ADMIN}/{path}").status_code for path in paths}
    return [str(status)]


def forbidden_changes(api: Api) -> list[str]:
    refused = api.call("POST", f"{ADMIN}/jobs/{api.failed_job('x1')}/cancel")
    assert "failed" in refused.json["detail"]
    return [str(refused.status_code), "state"]


def errors_are_problems(api: Api) -> list[str]:
    refused = api.call("GET", f"{ADMIN}/jobs/999")
    assert refused.json["code"] == "not_found"
    return [f"`{refused.mimetype}`", "`code`"]


def bulk_results(api: Api) -> list[str]:
    ids = [api.failed_job("x1"), 999]
    result = api.call("POST", f"{ADMIN}/jobs/bulk/retry", {"job_ids": ids})
    assert [item["status"] for item in result.json["items"]] == [200, 404]
    many = {"job_ids": list(range(1, 1_002))}
    assert api.call("POST", f"{ADMIN}/jobs/bulk/retry", many).status_code == 422
    return [str(result.status_code), f"{1_000:,}"]


def settable_states(api: Api) -> list[str]:
    allowed = []
    for status in ("queued", "failed", "cancelled", "crawling", "succeeded", "waiting"):
        body = {"job_ids": [999], "status": status}
        if api.call("PUT", f"{ADMIN}/jobs/bulk/status", body).status_code != 422:
            allowed.append(status)
    return ["`{}`, `{}` or `{}`".format(*allowed)]


def boosts(api: Api) -> list[str]:
    finished = api.failed_job("x1")
    live = api.job()["id"]
    for points, status in ((0, 422), (1, 200), (100, 200), (101, 422), (-5, 422)):
        response = api.call("POST", f"{ADMIN}/jobs/{live}/boost", {"boost": points})
        assert response.status_code == status, points
    refused = api.call("POST", f"{ADMIN}/jobs/{finished}/boost", {"boost": 1})
    return ["1 to 100", str(refused.status_code)]


def counts_of_retries(api: Api) -> list[str]:
    failed = api.failed_job("x1")
    before = api.shown(failed)
    assert (before["retries"], before["retry_count"]) == (1, 1)
    after = api.call("POST", f"{ADMIN}/jobs/{failed}/retry").json
    assert (after["retries"], after["retry_count"]) == (1, 0)
    return ["never reset", "`retry_count` starts again"]


def starts_of_retries(api: Api) -> list[str]:
    with api.database.begin() as conn:
        claim = jobs.crawling(conn)
        jobs.end_at(conn, claim, "schedule_retry", now=jobs.T0)
        jobs.sweep(conn, now=jobs.T0 + timedelta(minutes=1))
    assert api.shown(claim.job_id)["status"] == "queued"
    return [f"{settings.read_queue_settings({}).requeue_seconds:g} s", "`REQUEUE_SECONDS`"]


def aged_jobs(api: Api) -> list[str]:
    policy = settings.read_queue_settings({}).aging
    with api.database.begin() as conn:
        job_id = jobs.enqueue(conn, priority=0)
        for minutes, priority in ((60, 0), (61, 10), (64, 10), (66, 20), (71, 30), (300, 100)):
            now = jobs.T0 + timedelta(minutes=minutes)
            job_aging.age_starved_jobs(conn, policy=policy, now=now)
            assert jobs.job(conn, job_id).priority == priority, minutes
    return [f"{policy.step} points after an hour", "10 more every 5 minutes", "`AGING_EVERY_MIN`"]


def errors_of_retried_jobs(api: Api) -> list[str]:
    failed = api.failed_job("x1")
    assert api.shown(failed)["error_message"] == "503"
    api.call("POST", f"{ADMIN}/jobs/{failed}/retry")
    shown = api.shown(failed)
    assert shown["error_message"] is None
    assert [attempt["error_message"] for attempt in shown["attempts"]] == ["503"]
    return ["null", "`attempts`"]


def pages(api: Api) -> list[str]:
    page = api.call("GET", SCHEDULES).json
    (limit,) = (
        parameter["schema"]
        for parameter in admin_api.openapi_document(api.client.application)["paths"][SCHEDULES][
            "get"
        ]["parameters"]
        if parameter.get("name") == "limit"
    )
    return [*(f"`{name}`" for name in page), str(limit["default"]), str(limit["maximum"])]


def deleted_schedules(api: Api) -> list[str]:
    made = api.schedule()
    job = api.call("POST", f"{SCHEDULES}/{made['id']}/run").json["job"]
    deleted = api.call("DELETE", f"{SCHEDULES}/{made['id']}")
    assert deleted.data == b""
    assert api.shown(job["id"])["status"] == "queued"
    return [str(deleted.status_code), "its jobs stay"]


def tokens(_: Api) -> list[str]:
    for token in (admin_api.TOKEN[:31], "password" * 4):
        with pytest.raises(errors.SettingsError, match="ADMIN_API_TOKEN"):
            settings.read_admin_api_settings({"ADMIN_API_TOKEN": token})
    settings.read_admin_api_settings({"ADMIN_API_TOKEN": admin_api.TOKEN[:32]})
    return ["32 random characters", "scopes"]


def audited_users(api: Api) -> list[str]:
    api.schedule()
    (row,) = api.audit_rows()
    assert row["actor"] == "bootstrap"
    assert admin_api.TOKEN[:6] not in json.dumps(row)
    return ["name of the token"]


def audited_addresses(api: Api) -> list[str]:
    api.schedule()
    (row,) = api.audit_rows()
    return [f"`{name}`" for name in sorted(row, reverse=True) if name.endswith("_address")]


CHECKS: dict[str, Check] = {
    "PUT of a schedule": put_needs_if_match,
    "absent fields in a PUT": put_resets_absent_fields,
    "unknown fields of a body": unknown_fields,
    "a number in quotes": quoted_numbers,
    "description of a schedule": descriptions,
    "name of a schedule": schedule_names,
    "expression of a schedule": expressions,
    "unknown subreddit_id": unknown_subreddit,
    "a second job of a subreddit": live_jobs,
    "a request during a crawl": requests_during_a_crawl,
    "the state success": state_success,
    "unknown id": unknown_ids,
    "a change that the state forbids": forbidden_changes,
    "form of an error": errors_are_problems,
    "bulk routes": bulk_results,
    "bulk change of the status": settable_states,
    "boost": boosts,
    "retries of a job": counts_of_retries,
    "start of a due retry": starts_of_retries,
    "aging": aged_jobs,
    "error of a retried job": errors_of_retried_jobs,
    "lists": pages,
    "deleted schedule": deleted_schedules,
    "token": tokens,
    "user in the audit log": audited_users,
    "IP address in the audit log": audited_addresses,
}


def missing(row: PageRow, api: Api) -> list[str]:
    """Return the observed texts that the row lacks."""
    return [observed for observed in CHECKS[row.subject](api) if observed not in row.here]


@pytest.mark.parametrize("subject", PARTS["Coming from the original API"])
def test_each_difference_is_that_of_the_api(api: Api, subject: str) -> None:
    assert missing(ROWS["Coming from the original API"][subject], api) == []


def test_a_wrong_difference_is_found(api: Api) -> None:
    row = ROWS["Coming from the original API"]["PUT of a schedule"]
    assert missing(replace(row, here=row.here.replace("428", "409")), api) == ["428"]


# Each endpoint, called as a client of the original does, with a body that the original accepts.
CALLS: dict[str, Callable[[Api], Any]] = {
    "boost a job": lambda api: api.call(
        "POST", f"{ADMIN}/jobs/{api.job()['id']}/boost", {"boost": 50}
    ),
    "change the status of many jobs": lambda api: api.call(
        "PUT",
        f"{ADMIN}/jobs/bulk/status",
        {"job_ids": [api.job()["id"]], "status": "success"},
    ),
    "retry many failed jobs": lambda api: api.call(
        "POST", f"{ADMIN}/jobs/bulk/retry", {"job_ids": [api.failed_job("x1")]}
    ),
    "list schedules": lambda api: api.call("GET", SCHEDULES),
    "create a schedule": lambda api: api.call(
        "POST", SCHEDULES, {**DAILY, "description": "x", "enabled": True, "priority": 10}
    ),
    "show a schedule": lambda api: api.call("GET", f"{SCHEDULES}/{api.schedule()['id']}"),
    "replace a schedule": lambda api: api.call("PUT", f"{SCHEDULES}/{api.schedule()['id']}", DAILY),
    "delete a schedule": lambda api: api.call("DELETE", f"{SCHEDULES}/{api.schedule()['id']}"),
    "enable or disable a schedule": lambda api: api.call(
        "POST", f"{SCHEDULES}/{api.schedule()['id']}/toggle"
    ),
}


@pytest.mark.parametrize("subject", PARTS["Endpoints"])
def test_each_endpoint_answers_a_call_of_the_original(api: Api, subject: str) -> None:
    row = ROWS["Endpoints"][subject]
    (here,) = row.names
    method, path = here.split(" ")
    document = admin_api.openapi_document(api.client.application)
    assert method.lower() in document["paths"][path]
    assert re.sub(r"\{\w+\}", "{id}", here) == row.original.strip("`")
    response = CALLS[subject](api)
    # The list has another form: an object with a page of schedules.
    works = response.status_code < 300 and '"next":' not in response.text
    assert works is (row.same == "yes"), response.text


CHANGES = [subject for subject in CALLS if ROWS["Endpoints"][subject].same == "yes"]


@pytest.mark.parametrize("subject", [one for one in CHANGES if one != "show a schedule"])
def test_each_change_is_audited(api: Api, subject: str) -> None:
    """The audit log has a row of the change, with its action, resource, user, time and address."""
    CALLS[subject](api)
    kind = "scheduled_job" if "scheduled" in ROWS["Endpoints"][subject].here else "crawl_job"
    newest = next(row for row in api.audit_rows() if row["resource_type"] == kind)
    for name in ("action", "resource_id", "actor", "at", "peer_address"):
        assert newest[name], name


def test_each_endpoint_needs_the_token(api: Api) -> None:
    for row in ROWS["Endpoints"].values():
        method, path = row.names[0].split(" ")
        anonymous = api.client.application.test_client()
        response = anonymous.open(re.sub(r"\{\w+\}", "1", path), method=method)
        assert response.status_code == 401, row


def test_the_formula_of_a_boost_is_that_of_the_api(api: Api) -> None:
    (formula,) = ROWS["Formulas"]["priority after a boost"].names
    job = api.job()["id"]
    for p, b in ((0, 1), (0, 100), (50, 49), (50, 51), (100, 1)):
        api.call("PUT", f"{ADMIN}/jobs/{job}/priority", {"priority": p})
        boosted = api.call("POST", f"{ADMIN}/jobs/{job}/boost", {"boost": b}).json
        assert boosted["priority"] == evaluate(formula, {"p": p, "b": b})


def test_jobs_are_claimed_in_the_order_of_the_page(api: Api) -> None:
    """By priority, then by creation, then by id; and no job before its visible_at."""
    with api.database.begin() as conn:
        older = jobs.enqueue(conn, "x1", priority=50)
        jobs.enqueue(conn, "x2", priority=90, visible_at=jobs.T0 + timedelta(hours=1))
        newer = jobs.enqueue(conn, "x3", priority=50)
        high = jobs.enqueue(conn, "x4", priority=60)
        claims = [claim.job_id for claim in jobs.claim_all(conn)]
    assert claims == [high, older, newer]


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Gunicorn]:
    running = admin_api.start_gunicorn(tmp_path, database_url, ADMIN_API_WORKERS="1")
    yield running
    running.stop()


ROWS_OF_THE_EXAMPLES = """
    INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE
    SELECT id, 'sub' || id FROM unnest(ARRAY[1, 23, 11, 12, 13, 14]) AS id;
    INSERT INTO crawl_jobs (id, subreddit_id, status, priority, base_priority, source, finished_at)
        OVERRIDING SYSTEM VALUE
    SELECT 100 + id, id, 'queued', 20, 20, 'user', NULL FROM subreddits WHERE id = 23
    UNION ALL SELECT 90 + id, id, 'failed', 20, 20, 'user', now() FROM subreddits
    WHERE id BETWEEN 11 AND 14
"""


def run_example(example: str, server: Gunicorn, folder: Path) -> tuple[int, Any]:
    """Run the example unchanged with bash. Return the HTTP status and the JSON of the response.

    The example names port 8000, which another program may use. So curl's configuration file in
    CURL_HOME redirects connections for localhost:8000 to the port of the server.
    """
    needs.program("curl")
    port = server.url.rpartition(":")[2]
    (folder / ".curlrc").write_text(
        f'connect-to = "localhost:8000:127.0.0.1:{port}"\n'
        'noproxy = "*"\nsilent\nshow-error\nwrite-out = "\\n%{http_code}"\n'
    )
    ran = subprocess.run(
        [needs.program("bash"), "-c", example],
        env={
            "PATH": os.environ["PATH"],
            "CURL_HOME": str(folder),
            "ADMIN_API_TOKEN": admin_api.TOKEN,
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    body, _, status = ran.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_the_examples_of_the_original_run_word_for_word(
    server: Gunicorn, database: Database, tmp_path: Path
) -> None:
    with database.begin() as conn:
        conn.execute(text(ROWS_OF_THE_EXAMPLES))
    create, boost, retry = original_summary.examples(TEXT)
    status, schedule = run_example(create, server, tmp_path)
    assert status == 201, schedule
    expected = {
        "name": "daily-askreddit",
        "description": "Daily crawl of AskReddit",
        "subreddit_id": 1,
        "cron_expression": "@daily",
        "enabled": True,
        "priority": 10,
    }
    assert {name: schedule[name] for name in expected} == expected
    status, job = run_example(boost, server, tmp_path)
    assert (status, job["id"], job["priority"]) == (200, 123, 70)
    status, result = run_example(retry, server, tmp_path)
    assert (status, result["succeeded"]) == (200, 4)
    with database.begin() as conn:
        queued = conn.execute(text("SELECT id FROM crawl_jobs WHERE status = 'queued' ORDER BY 1"))
        assert list(queued.scalars()) == [101, 102, 103, 104, 123]
        audited = conn.execute(
            text("SELECT resource_id FROM admin_audit_log WHERE resource_type = 'crawl_job'")
        )
        assert {"101", "102", "103", "104", "123"} <= set(audited.scalars())
