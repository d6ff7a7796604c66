"""The API pauses and resumes, shows subreddits and processes, crawls by name and explains jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.content import crawl_history, stored_subreddits
from crawljobs.repository.operations import audit_log, record_pruning, service_instances
from support import jobs as factory

Client = flask.testing.FlaskClient
JOBS, QUEUE = "/api/admin/jobs", "/api/admin/queue"
SUBREDDITS, WORKERS = "/api/admin/subreddits", "/api/admin/workers"


def got(response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json
    return body


def newest(database: Database) -> audit_log.AuditEntry:
    with database.begin() as conn:
        return audit_log.list_entries(conn, limit=1).entries[0]


def explained(client: Client, job_id: int) -> dict[str, Any]:
    return got(client.get(f"{JOBS}/{job_id}/explain"))


def failing(explanation: dict[str, Any]) -> set[str]:
    return {one["name"] for one in explanation["conditions"] if not one["met"]}


def seen(database: Database, name: str = "w1", **options: Any) -> None:
    with database.begin() as conn:
        service_instances.seen(
            conn,
            name=name,
            role=options.pop("role", "crawler-worker"),
            version="0.1.0",
            details={"concurrency": 8},
            **options,
        )


def test_everything_is_paused_and_resumed(client: Client, database: Database) -> None:
    assert got(client.get(f"{QUEUE}/pauses")) == {"items": []}
    assert got(client.post(f"{QUEUE}/resume"), 409)["code"] == "not_paused"
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    paused = got(
        client.post(f"{QUEUE}/pause", json={"reason": "quiet", "until": until.isoformat()})
    )
    assert (paused["subreddit"], paused["paused_by"]) == (None, "bootstrap")
    assert datetime.fromisoformat(paused["until"]) == until
    assert got(client.get(f"{JOBS}/stats"))["paused"] is True
    assert got(client.get("/api/crawl/status"))["paused"] is True
    job = got(client.post(JOBS, json={"subreddit": "python"}), 201)["job"]
    told = explained(client, job["id"])
    assert "queue_not_paused" in failing(told)
    assert (told["waits_for"], told["until"]) == (
        "the end of a pause of everything",
        paused["until"],
    )
    with database.begin() as conn:
        assert factory.claim_all(conn, now=until - timedelta(minutes=1)) == []
    again = got(client.post(f"{QUEUE}/pause", json={"reason": "longer"}))
    assert (again["reason"], again["until"]) == ("longer", None)
    entry = newest(database)
    assert (entry.action, entry.resource_type) == ("pause", "queue")
    assert entry.before is not None
    assert entry.before["reason"] == "quiet"
    over = got(client.post(f"{QUEUE}/resume", json={}))
    assert over["reason"] == "longer"
    assert newest(database).action == "resume"
    assert "queue_not_paused" not in failing(explained(client, job["id"]))


def test_one_subreddit_is_paused_and_resumed(client: Client, database: Database) -> None:
    job = got(client.post(JOBS, json={"subreddit": "python"}), 201)["job"]
    got(client.post(f"{QUEUE}/pause", json={"subreddit": "r/PYTHON", "reason": "asked to"}))
    told = explained(client, job["id"])
    assert failing(told) >= {"queued", "subreddit_not_paused"}
    assert told["waits_for"] == "the end of a pause of its subreddit"
    assert (told["until"], told["estimated_start"], told["position"]) == (None, None, None)
    assert got(client.get(f"{JOBS}/stats"))["paused_subreddits"] == 1
    shown = got(client.get(f"{SUBREDDITS}/python"))
    assert shown["paused"] is True
    (pause,) = got(client.get(f"{QUEUE}/pauses"))["items"]
    assert pause["subreddit"] == "python"
    got(client.post(f"{QUEUE}/resume", json={"subreddit": "nowhere"}), 409)
    got(client.post(f"{QUEUE}/resume", json={"subreddit": "python"}))
    assert newest(database).resource_type == "subreddit"
    assert explained(client, job["id"])["status"] == "queued"


@pytest.mark.parametrize("scope", [{}, {"subreddit": "python"}])
def test_a_pause_whose_end_is_in_the_past_is_refused_and_changes_nothing(
    client: Client, scope: dict[str, str]
) -> None:
    ended = {"reason": "x", **scope, "until": "1655-11-20T11:46:57Z"}
    for kept in (False, True):
        if kept:
            got(client.post(f"{QUEUE}/pause", json={"reason": "kept", **scope}))
        before = got(client.get(f"{QUEUE}/pauses"))
        assert bool(before["items"]) is kept
        problem = got(client.post(f"{QUEUE}/pause", json=ended), 422)
        assert problem["errors"][0]["pointer"] == "/until"
        assert got(client.get(f"{QUEUE}/pauses")) == before


def test_a_pause_that_is_sent_again_after_its_end_is_not_refused(
    client: Client, database: Database
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    asked = {"reason": "x", "until": until.isoformat()}
    first = got(client.post(f"{QUEUE}/pause", json=asked))
    with database.begin() as conn:
        conn.exec_driver_sql("UPDATE queue_pauses SET until = now() - interval '1 minute'")
        (ended,) = conn.exec_driver_sql("SELECT until FROM queue_pauses").scalars()
    again = got(client.post(f"{QUEUE}/pause", json={**asked, "until": ended.isoformat()}))
    assert again["paused_at"] == first["paused_at"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": ""},
        {"reason": " \n"},
        {"reason": "x" * 501},
        {"reason": "x", "subreddit": "?"},
        {"reason": "x", "until": "later"},
    ],
)
def test_a_pause_without_a_reason_is_refused(offline: Client, body: dict[str, Any]) -> None:
    assert offline.post(f"{QUEUE}/pause", json=body).status_code == 422


def test_a_queued_job_knows_its_place_and_whether_anybody_works(
    client: Client, database: Database
) -> None:
    names = {"first": 90, "second": 50, "third": 50}
    ids = {
        name: got(client.post(JOBS, json={"subreddit": name, "priority": priority}), 201)["job"][
            "id"
        ]
        for name, priority in names.items()
    }
    assert [explained(client, job_id)["position"] for job_id in ids.values()] == [1, 2, 3]
    alone = explained(client, ids["first"])
    assert failing(alone) == {"worker_alive"}
    assert "none was seen" in alone["summary"]
    seen(database)
    next_one = explained(client, ids["first"])
    assert failing(next_one) == set()
    assert next_one["summary"] == "It is next: the first free worker claims it."
    assert next_one["estimated_start"] is not None
    assert explained(client, ids["third"])["waits_for"] == "jobs that are claimed before it"


def test_every_state_is_explained(client: Client, database: Database) -> None:
    for status in sorted(JobStatus, key=lambda one: one is JobStatus.QUEUED):
        with database.begin() as conn:
            job_id = factory.in_status(conn, status, f"in_{status}")
        told = explained(client, job_id)
        assert told["status"] == status
        assert ("queued" in failing(told)) == (status is not JobStatus.QUEUED)
        if status is JobStatus.WAITING:
            assert told["waits_for"] == "the time it was asked for"
            assert told["until"] is not None
    assert client.get(f"{JOBS}/999/explain").status_code == 404


def test_the_crawl_shortcut(client: Client, database: Database) -> None:
    made = client.post("/api/crawl", json={"subreddit": "r/Python"})
    job = got(made, 201)["job"]
    assert (job["priority"], job["subreddit"]) == (60, "Python")
    assert made.headers["Location"] == f"{JOBS}/{job['id']}"
    assert got(client.post("/api/crawl", json={"subreddit": "python"}))["result"] == "merged"
    status = got(client.get("/api/crawl/status"))
    assert (status["queued"], status["crawling"], status["jobs"]) == (1, 0, [])
    with database.begin() as conn:
        factory.claim_one(conn, now=datetime.now(UTC))
    status = got(client.get("/api/crawl/status"))
    assert [one["id"] for one in status["jobs"]] == [job["id"]]
    of_one = got(client.get("/api/crawl/status?subreddit=PYTHON"))
    assert [one["status"] for one in of_one["jobs"]] == ["crawling"]
    assert got(client.get("/api/crawl/status?subreddit=nowhere"))["jobs"] == []


def test_the_crawl_status_of_a_subreddit_has_its_newest_ten_jobs(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        made = [factory.in_status(conn, JobStatus.CANCELLED) for _ in range(11)]
    of_one = got(client.get("/api/crawl/status?subreddit=python"))
    assert [one["id"] for one in of_one["jobs"]] == made[:0:-1]


def test_a_job_is_shown_with_its_newest_hundred_attempts(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        job_id = factory.in_status(conn, JobStatus.CANCELLED)
        conn.execute(
            text("""
                INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome)
                SELECT :job_id, 'w' || n, now(), now(), 'released'
                FROM generate_series(1, 101) AS n
                """),
            {"job_id": job_id},
        )
    attempts = got(client.get(f"{JOBS}/{job_id}"))["attempts"]
    assert [one["worker"] for one in attempts] == [f"w{n}" for n in range(101, 1, -1)]


def test_a_job_is_shown_with_the_newest_fifty_changes_and_no_refusal(client: Client) -> None:
    job_id = got(client.post(JOBS, json={"subreddit": "python"}), 201)["job"]["id"]
    for priority in range(51):
        got(client.put(f"{JOBS}/{job_id}/priority", json={"priority": priority}))
    assert client.post(f"{JOBS}/{job_id}/retry").status_code == 409
    shown = got(client.get(f"{JOBS}/{job_id}"))["audit_log"]
    assert [one["after"]["priority"] for one in shown] == list(range(50, 0, -1))


def test_at_most_five_hundred_pauses_are_listed(client: Client, database: Database) -> None:
    with database.begin() as conn:
        conn.exec_driver_sql("""
            WITH made AS (
                INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 501) AS n
                RETURNING id
            )
            INSERT INTO queue_pauses (scope, reason, paused_by) SELECT id, 'r', 'ops' FROM made
            """)
    assert len(got(client.get(f"{QUEUE}/pauses"))["items"]) == 500


def test_a_subreddit_is_shown_by_id_and_by_name(client: Client, database: Database) -> None:
    with database.begin() as conn:
        job_id = factory.in_status(conn, JobStatus.FAILED, "Python")
    by_name = client.get(f"{SUBREDDITS}/PYTHON")
    shown = got(by_name)
    assert got(client.get(f"{SUBREDDITS}/{shown['id']}")) == shown
    assert (shown["name"], shown["access"], shown["last_crawled_at"]) == ("Python", "unknown", None)
    assert [(job["id"], job["error_message"]) for job in shown["jobs"]] == [(job_id, "no")]
    assert by_name.headers["ETag"]
    for unknown in ("nowhere", "999", "9" * 19, "t:1337"):
        assert client.get(f"{SUBREDDITS}/{unknown}").status_code == 404
    for impossible in ("0", "9" * 20, "a b", "x" * 25):
        assert client.get(f"{SUBREDDITS}/{impossible}").status_code == 404


def test_subreddits_are_listed_by_name_and_filtered(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as conn:
        names = ["Alpha", "beta", "Gamma", "delta_beta", "t:1337"]
        ids = stored_subreddits.ensure(conn, names=names, discovered_from=None, depth=0)
        for name in ("alpha", "gamma"):
            crawl_history.finish_crawl(
                conn, subreddit_id=ids[name], marks=crawl_history.Marks(), now=factory.T0
            )

    def listed(query: str = "", limit: int = 2) -> list[str]:
        found: list[str] = []
        address = f"{SUBREDDITS}?limit={limit}{query}"
        while address:
            response = client.get(address)
            found += [one["name"] for one in got(response)["items"]]
            link = response.headers.get("Link", "")
            address = link[1 : link.find(">")] if link else ""
        return found

    assert listed() == sorted(names, key=str.lower)
    assert listed("&name_contains=BETA") == ["beta", "delta_beta"]
    assert listed("&access=unknown", limit=500) == sorted(names, key=str.lower)
    assert listed("&access=banned") == []
    assert listed("&crawled_before=2031-05-04T12:00:00Z") == ["beta", "delta_beta", "t:1337"]
    assert len(listed("&crawled_before=2031-05-04T12:00:01Z")) == 5


def test_politeness_is_set_and_audited(client: Client, database: Database) -> None:
    with database.begin() as conn:
        stored_subreddits.ensure(conn, names=["python"], discovered_from=None, depth=0)
    tag = client.get(f"{SUBREDDITS}/python").headers["ETag"]
    changed = client.patch(
        f"{SUBREDDITS}/python",
        json={"min_request_gap_seconds": 2.5},
        headers={"If-Match": tag},
    )
    shown = got(changed)
    assert (shown["min_request_gap_seconds"], shown["min_crawl_gap_seconds"]) == (2.5, None)
    entry = newest(database)
    assert (entry.action, entry.resource_id) == ("set_politeness", str(shown["id"]))
    late = client.patch(f"{SUBREDDITS}/python", json={}, headers={"If-Match": tag})
    assert late.status_code == 412
    both = got(client.patch(f"{SUBREDDITS}/python", json={"min_crawl_gap_seconds": 60}))
    assert (both["min_request_gap_seconds"], both["min_crawl_gap_seconds"]) == (2.5, 60)
    for wrong in (-1, 10**9, "1", True, [1]):
        body = {"min_crawl_gap_seconds": wrong}
        assert client.patch(f"{SUBREDDITS}/python", json=body).status_code == 422


def test_a_known_subreddit_is_enqueued(client: Client, database: Database) -> None:
    with database.begin() as conn:
        stored_subreddits.ensure(conn, names=["python", "t:1337"], discovered_from=None, depth=0)
    made = client.post(f"{SUBREDDITS}/python/enqueue")
    assert got(made, 201)["job"]["priority"] == 60
    again = client.post(f"{SUBREDDITS}/1/enqueue", json={"priority": 80})
    assert got(again)["job"]["priority"] == 80
    assert client.post(f"{SUBREDDITS}/nowhere/enqueue").status_code == 404
    assert client.post(f"{SUBREDDITS}/t:1337/enqueue").status_code == 422


def test_processes_are_listed_with_what_they_crawl(client: Client, database: Database) -> None:
    now = datetime.now(UTC)
    seen(database, "worker-1", starts=True)
    seen(database, "gone", now=now - timedelta(minutes=5))
    seen(database, "api", role="admin-api")
    with database.begin() as conn:
        claim = factory.crawling(conn)
    first = got(client.get(f"{WORKERS}?limit=2"))
    assert [one["name"] for one in first["items"]] == ["api", "gone"]
    assert [one["alive"] for one in first["items"]] == [True, False]
    rest = got(client.get(f"{WORKERS}?limit=2&cursor={first['next']}"))
    (worker,) = rest["items"]
    assert (worker["name"], worker["details"]) == ("worker-1", {"concurrency": 8})
    assert [job["id"] for job in worker["jobs"]] == [claim.job_id]
    only = got(client.get(f"{WORKERS}?role=admin-api"))
    assert [one["name"] for one in only["items"]] == ["api"]
    with database.begin() as conn:
        for deleted in (1, 0):
            assert deleted == record_pruning.prune(
                conn, records=record_pruning.Records.INSTANCES, retention=timedelta(minutes=2)
            )
        service_instances.gone(conn, name="api")
    assert [one["name"] for one in got(client.get(WORKERS))["items"]] == ["worker-1"]
