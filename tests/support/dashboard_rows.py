"""Rows for the tests of the dashboard: each state of each resource, with hostile names among them.

Changes of operators are requests of the API, so that they have audit rows. Crawls are functions of
the repository, with times of the last day.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import ErrorKind, JobSource
from crawljobs.repository.queue import job_claim
from crawljobs.repository.reddit_api import slot_reservation
from support import (
    crawled,
    dashboard_groups,
    dashboard_history,
    dashboard_subreddits,
    enqueueing,
    jobs,
    webhook_rows,
)

HOSTILE = "<img src=x onerror=alert(1)>\"'&amp;{{7*7}}\u202egpj.exe"
HOSTILE_NAME = HOSTILE.replace("\u202e", "")  # the API refuses control characters in names
LONG = "An-extraordinarily-long-name-without-any-place-to-break-it-" * 3
FINISHED = [
    ("golang", "crawled"), ("rust", "crawled"), ("python", "crawled"), ("learnpython", "crawled"),
    ("birding", "crawled"), ("Ornithology", "crawled"), ("whatsthisbird", "crawled"),
    ("nonexistent_place", "not_found"), ("secret_garden", "private"), ("old_forum", "banned"),
]  # fmt: skip
FAILED = [
    ("postgres", ErrorKind.RETRYABLE, "503 from Reddit after 5 attempts: upstream connect error"),
    ("databases", ErrorKind.PERMANENT, f"The listing has no children: {HOSTILE}"),
    ("sqlite", ErrorKind.RETRYABLE, "Timeout of 20 s while reading comments of t3_1abc"),
    ("mysql", ErrorKind.PERMANENT, "A page of 5 MiB is larger than the limit of 4 MiB"),
]
QUEUED = ["vim", "emacs", "neovim", "helix", "kakoune", "linux", "debian", "archlinux", "nixos",
          "gardening", "houseplants", "succulents", "orchids", "bonsai", "mycology"]  # fmt: skip
LEASE_SECONDS = 3_600.0
_PENDING = text("""
    UPDATE webhook_deliveries SET attempts = 4, next_attempt_at = now() + interval '2 hours'
    WHERE state = 'pending'
    """)
_EVENT = text("""
    UPDATE webhook_events SET job_id = 1, group_ids = ARRAY[1], subreddit = 'postgres', body = :body
    WHERE id = (SELECT event_id FROM webhook_deliveries WHERE id = :delivery)
    """)
_ATTEMPTS = text("""
    INSERT INTO webhook_attempts
        (delivery_id, number, started_at, duration_ms, result, status_code, detail, response)
    SELECT :delivery, n, now() - (60 - 6 * n) * interval '1 minute', 120 * n,
        CASE WHEN :succeeded THEN 'succeeded' WHEN n = 1 THEN 'timeout' ELSE 'http_error' END,
        CASE WHEN :succeeded THEN 204 WHEN n > 1 THEN 503 END,
        CASE WHEN n = 1 AND NOT :succeeded THEN 'no answer within 15 s' END,
        CASE WHEN n > 1 OR :succeeded THEN :response END
    FROM generate_series(1, CASE WHEN :succeeded THEN 1 ELSE 3 END) AS n
    """)


@dataclass
class Seeded:
    """The ids of rows that tests open."""

    failed_job: int = 0
    succeeded_job: int = 0
    crawling_job: int = 0
    queued_job: int = 0
    waiting_job: int = 0
    cancelled_job: int = 0
    group: int = 0
    held_group: int = 0  # has a held step
    large_group: int = 0  # has more steps than a graph
    schedule: int = 0
    webhook: int = 0
    delivery: int = 0  # with attempts that failed
    token_ids: list[str] = field(default_factory=list)


def seed(database: Database, client: httpx.Client) -> Seeded:
    """Fill an empty database. `client` sends requests to the API of this database."""
    found = Seeded()
    now = datetime.now(UTC)
    with database.begin() as conn:
        _finished_jobs(conn, found, now)
    with database.begin() as conn:
        _live_jobs(conn, found, now)
    with database.begin() as conn:
        _content(conn, now)
        found.webhook, found.delivery = _webhooks(conn, now)
        _processes(conn)
        slot_reservation.reserve_slot(conn, client_id="demo-client", longest_wait=60)
        _spend_budget(conn)
        dashboard_history.fill(conn, clients=("demo-client",))
        dashboard_subreddits.fill(conn)
    dashboard_subreddits.draw_map(database, _members())
    found.held_group, found.large_group = dashboard_groups.fill(
        database, client, failed=found.failed_job, queued=found.queued_job
    )
    _changes(client, found)
    with database.begin() as conn:
        _ledger(conn, found.schedule)
        conn.execute(text("ANALYZE"))
    return found


def _crawl(conn: Connection, name: str, began: datetime, **options: Any) -> Any:
    options = {"priority": 60, "source": JobSource.USER, **options}
    enqueueing.enqueue(conn, subreddit=name, now=began - timedelta(seconds=40), **options)
    (claim,) = job_claim.claim_jobs(
        conn,
        worker="worker-a-7d9f",
        claim_token=uuid.uuid4(),
        at_most=1,
        lease_seconds=LEASE_SECONDS,
        now=began,
    )
    return claim


def _finished_jobs(conn: Connection, found: Seeded, now: datetime) -> None:
    for hour in range(8, 0, -1):
        for place, (name, outcome) in enumerate(FINISHED):
            began = now - timedelta(hours=3 * hour, minutes=5 * place)
            claim = _crawl(conn, name, began, source=[*JobSource][place % 2])
            jobs.complete(conn, claim=claim, outcome=outcome, now=began + timedelta(seconds=70))
            found.succeeded_job = claim.job_id
    for place, (name, kind, message) in enumerate(FAILED):
        began = now - timedelta(minutes=20 + 7 * place)
        claim = _crawl(conn, name, began, max_retries=0)
        jobs.fail(conn, claim=claim, kind=kind, message=message, now=began + timedelta(seconds=9))
        found.failed_job = found.failed_job or claim.job_id


def _live_jobs(conn: Connection, found: Seeded, now: datetime) -> None:
    for minutes, name in enumerate(("AskHistorians", "space", "cooking"), start=1):
        found.crawling_job = _crawl(conn, name, now - timedelta(minutes=3 * minutes)).job_id
    claim = _crawl(conn, "flaky", now - timedelta(minutes=2))
    delay = timedelta(minutes=30)
    message = "502 from Reddit"
    jobs.schedule_retry(
        conn, claim=claim, delay=delay, kind=ErrorKind.RETRYABLE, message=message, now=now
    )
    found.waiting_job = claim.job_id
    enqueueing.enqueue(
        conn, subreddit="later_one", priority=70, source=JobSource.USER,
        visible_at=now + timedelta(hours=5),
    )  # fmt: skip
    for place, name in enumerate(QUEUED):
        queued = enqueueing.enqueue(
            conn, subreddit=name, priority=20 + 5 * place, source=[*JobSource][place % 4],
            now=now - timedelta(minutes=place),
        )  # fmt: skip
        found.queued_job = queued.job_id


def _content(conn: Connection, now: datetime) -> None:
    items = [
        crawled.post(f"p{n}", title=title, score=10 * n, created_at=now - timedelta(hours=n))
        for n, title in enumerate(["What is your favourite PEP?", HOSTILE, LONG, "Plain post"], 1)
    ]
    answers = [
        crawled.comment(f"c{n}", body=HOSTILE if n == 3 else f"Comment number {n}")
        for n in range(1, 9)
    ]
    crawled.store(conn, *items, *answers)


def _webhooks(conn: Connection, now: datetime) -> tuple[int, int]:
    endpoint = webhook_rows.add_endpoint(conn, "https://hooks.example.com/crawls")
    disabled = webhook_rows.add_endpoint(
        conn,
        "https://old.example.com/x",
        state="disabled",
        disabled_reason="gone",
        disabled_at=now - timedelta(hours=1),
    )
    states = ("delivered", "failed", "pending")
    sent = webhook_rows.add_deliveries(
        conn, endpoint, 30, states=states, at=now - timedelta(hours=1)
    )
    webhook_rows.add_deliveries(conn, disabled, 3, states=("held",), at=now - timedelta(hours=2))
    conn.execute(_PENDING)
    failed = sent[0]  # the second state is the first one
    conn.execute(
        _EVENT, {"delivery": failed, "body": f'{{"type":"job.failed","text":"{HOSTILE}"}}'}
    )
    conn.execute(_ATTEMPTS, {"delivery": failed, "response": HOSTILE, "succeeded": False})
    conn.execute(_ATTEMPTS, {"delivery": sent[2], "response": "ok", "succeeded": True})
    return endpoint, failed


def _processes(conn: Connection) -> None:
    conn.execute(
        text("""
            INSERT INTO service_instances (name, role, version, started_at, seen_at, details)
            SELECT name, role, '0.1.0', now() - interval '3 hours', now() + interval '1 day', '{}'
            FROM (VALUES ('worker-a-7d9f', 'crawler-worker'), ('worker-b-11c2', 'crawler-worker'),
                ('scheduler-1', 'scheduler')) AS one (name, role)
            """)
    )


def _spend_budget(conn: Connection) -> None:
    conn.execute(
        text("UPDATE reddit_budgets SET window_started_at = now(), reserved = 412, others = 57")
    )


def _ledger(conn: Connection, schedule: int) -> None:
    outcomes = ["enqueued", "merged", "enqueued", "missed", "enqueued", "enqueued", "skipped"]
    conn.execute(
        text("""
            INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, fired_at, outcome, ticks)
            SELECT :id, date_trunc('hour', now()) - n * interval '9 hours',
                date_trunc('hour', now()) - n * interval '9 hours' + interval '2 seconds',
                (CAST(:outcomes AS text[]))[1 + n % 7], CASE WHEN n % 7 = 3 THEN 4 ELSE 1 END
            FROM generate_series(4, 40) n
            """),
        {"id": schedule, "outcomes": outcomes},
    )


def _members() -> dict[str, dict[str, int]]:
    names = [name for name, _ in FINISHED]
    return {
        name: {f"author{n}": n % 30 for n in range(20 * place, 20 * place + 60)}
        for place, name in enumerate(names)
    }


def _changes(client: httpx.Client, found: Seeded) -> None:
    def post(path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        answer = client.post(path, json=body)
        assert answer.status_code < 300, answer.text
        done: dict[str, Any] = answer.json()
        return done

    steps = [{"subreddit": "chain_a"}, {"subreddit": "chain_b", "after": ["chain_a"]},
             {"subreddit": "chain_c", "after": "all"}]  # fmt: skip
    found.group = post("/api/admin/groups", {"name": f"Nightly {HOSTILE_NAME}", "steps": steps})[
        "id"
    ]
    post("/api/admin/groups", {"name": "Neighbours of golang", "steps": [{"subreddit": "gophers"}]})
    for name, cron, zone in (
        ("Every morning", "0 7 * * *", "Europe/Vienna"),
        (HOSTILE_NAME, "*/30 * * * *", "UTC"),
        ("Sundays", "30 2 * * 0", "America/New_York"),
    ):
        body = {"name": name, "subreddit": "golang", "cron_expression": cron, "timezone": zone}
        found.schedule = post("/api/admin/scheduled-jobs", body)["id"]
    grouped = {"name": "Go, all of it", "steps": steps, "cron_expression": "@every 6h"}
    post("/api/admin/scheduled-jobs", grouped)
    for name, scopes in (("ops", ["read", "jobs"]), ("reader", ["read"])):
        made = post("/api/admin/tokens", {"name": name, "scopes": scopes})
        found.token_ids.append(made["id"])
    found.cancelled_job = post("/api/admin/jobs", {"subreddit": "cancelled_one"})["job"]["id"]
    post(f"/api/admin/jobs/{found.cancelled_job}/cancel", None)
    post(
        "/api/admin/queue/pause",
        {"subreddit": "vim", "reason": f"Asked by the moderators {HOSTILE_NAME}"},
    )
