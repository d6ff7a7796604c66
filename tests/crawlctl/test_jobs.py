"""`crawlctl jobs` against a real admin-api: each verb in each kind of output."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crawljobs.db.database import Database
from crawljobs.domain.job import ErrorKind, JobStatus
from crawljobs.repository.queue import operator_changes
from support import jobs
from support.crawlctl import Ctl
from support.scripted_server import Exchange, serve
from support.waiting import wait_until

S = JobStatus
HOSTILE = "\x1b[31mred\x1b[0m \u202eevil\u202c \x9b2J\r\nend"
SHOWN = "\\x1b[31mred\\x1b[0m \\u202eevil\\u202c \\x9b2J\\r\\nend"


@pytest.fixture
def made(api_rows: Database) -> dict[JobStatus, int]:
    """Create a job in each state but crawling. Return their ids."""
    with api_rows.begin() as conn:
        states = [S.SUCCEEDED, S.FAILED, S.CANCELLED, S.QUEUED, S.WAITING]
        return {state: jobs.in_status(conn, state, f"sub_{state}") for state in states}


def statuses(database: Database, *ids: int) -> list[str]:
    with database.begin() as conn:
        return [jobs.job(conn, job_id).status for job_id in ids]


def test_a_list_has_the_same_rows_in_each_format(ctl: Ctl, made: dict[JobStatus, int]) -> None:
    ids = sorted(made.values(), reverse=True)
    found = ctl.ok("jobs", "list", "-o", "json").json
    assert sorted((job["id"] for job in found), reverse=True) == ids
    in_order = [str(job["id"]) for job in found]
    assert ctl.ok("jobs", "list", "-o", "name").lines == in_order
    assert [row["id"] for row in ctl.ok("jobs", "list", "-o", "csv").rows] == in_order
    heading, *rows = ctl.ok("jobs", "list", "-o", "table").lines
    assert heading.split()[:4] == ["ID", "SUBREDDIT", "STATUS", "WAIT"]
    assert [row.split()[0] for row in rows] == in_order
    wide = ctl.ok("jobs", "list", "-o", "wide").lines[0].split()
    assert {"BASE_PRIORITY", "TRACE_ID"} <= set(wide)
    # Without -o, a pipe gets a JSON object on each line.
    assert len(ctl.ok("jobs", "list").lines) == len(ids)


def test_filters_and_limits_of_a_list(ctl: Ctl, made: dict[JobStatus, int]) -> None:
    found = ctl.ok("jobs", "list", "--status", "failed", "--status", "queued", "-o", "name").lines
    assert sorted(map(int, found)) == sorted([made[S.FAILED], made[S.QUEUED]])
    limited = ctl.ok("jobs", "list", "--limit", "2", "-o", "csv")
    assert len(limited.rows) == 2
    assert "more than 2" in limited.err
    assert len(ctl.ok("jobs", "list", "--limit", "2", "--all", "-o", "csv").rows) == len(made)
    none = ctl.ok("jobs", "list", "--subreddit", "nothing_here", "-o", "json")
    assert (none.json, none.err) == ([], "No items.\n")
    assert ctl("jobs", "list", "--status", "asleep").code == 3
    assert ctl("jobs", "list", "--created-after", "yesterday").code == 2


def test_one_job_and_its_explanation(ctl: Ctl, made: dict[JobStatus, int]) -> None:
    failed = made[S.FAILED]
    assert ctl.ok("jobs", "get", failed, "-o", "json").json["attempts"][0]["outcome"] == "failed"
    text = ctl.ok("jobs", "get", failed, "-o", "table").out
    assert "attempts:" in text
    assert "STATUS" in text
    (row,) = ctl.ok("jobs", "get", failed, "-o", "csv").rows
    assert (row["id"], row["status"]) == (str(failed), "failed")
    explained = ctl.ok("jobs", "explain", made[S.QUEUED], "-o", "json").json
    assert explained["summary"] in ctl.ok("jobs", "explain", made[S.QUEUED], "-o", "table").out
    (row,) = ctl.ok("jobs", "explain", made[S.QUEUED], "-o", "csv").rows
    assert row["summary"] == explained["summary"]


def test_enqueue_one_and_many(ctl: Ctl, api_rows: Database) -> None:
    first = ctl.ok("jobs", "enqueue", "python", "--priority", "70", "-o", "json").json
    assert (first["result"], first["job"]["priority"]) == ("created", 70)
    (row,) = ctl.ok("jobs", "enqueue", "r/Python", "-o", "csv").rows
    assert (row["result"], row["job_id"]) == ("merged", str(first["job"]["id"]))
    many = ctl("jobs", "enqueue", "-", "golang", "-o", "json", stdin="rust  Rust lang\n\ngo lang\n")
    assert (many.code, [item["code"] for item in many.json]) == (0, ["created"] * 3)
    wrong = ctl("jobs", "enqueue", "rust", "not a name!", "-o", "table")
    assert wrong.code == 7
    assert "merged" in wrong.out
    assert "invalid_request" in wrong.out
    later = ctl.ok("jobs", "enqueue", "erlang", "--at", "2h", "-o", "json").json["job"]
    starts = datetime.fromisoformat(later["visible_at"])
    assert timedelta(minutes=119) < starts - datetime.now(UTC) < timedelta(minutes=121)
    assert ctl("jobs", "enqueue").code == 2


def test_enqueue_after_other_crawls(ctl: Ctl, made: dict[JobStatus, int]) -> None:
    upstream = made[S.QUEUED]
    group = ctl.ok("jobs", "enqueue", "a_sub", "b_sub", "--after", upstream, "-o", "json").json
    assert group["counts"]["pending"] == 2
    (row,) = ctl.ok("jobs", "enqueue", "c_sub", "--after", f"group:{group['id']}", "-o", "csv").rows
    assert (row["steps"], row["pending"]) == ("1", "1")
    assert ctl("jobs", "enqueue", "d_sub", "--group", group["id"]).code == 3  # it is sealed
    assert ctl("jobs", "enqueue", "d_sub", "--after", "seven").code == 2


@pytest.mark.parametrize(
    ("verb", "before", "after", "options"),
    [
        ("retry", S.FAILED, S.QUEUED, []),
        ("cancel", S.QUEUED, S.CANCELLED, []),
        ("boost", S.QUEUED, S.QUEUED, ["--by", "7"]),
        ("wake", S.WAITING, S.QUEUED, []),
        ("give-up", S.WAITING, S.FAILED, []),
    ],
)
def test_a_change_of_one_job_and_of_several(
    ctl: Ctl, api_rows: Database, verb: str, before: S, after: S, options: list[str]
) -> None:
    with api_rows.begin() as conn:
        one, two, three = (jobs.in_status(conn, before, f"sub{n}") for n in range(3))
    alone = ctl.ok("jobs", verb, one, *options, "-o", "json").json
    assert (alone["id"], alone["status"]) == (one, after)
    dry = ctl("jobs", verb, two, 999, *options, "--dry-run", "-o", "csv")
    assert (dry.code, [row["code"] for row in dry.rows]) == (7, ["ok", "not_found"])
    assert statuses(api_rows, two) == [before]
    both = ctl("jobs", verb, "-", three, *options, "-o", "table", stdin=f"{two}\n{two}\n# no\n")
    assert both.code == 0
    assert [line.split()[:2] for line in both.lines[1:]] == [[str(n), "ok"] for n in (two, three)]
    assert statuses(api_rows, two, three) == [after] * 2
    if verb != "boost":
        partly = ctl("jobs", verb, one, two, *options, "-o", "json")
        assert {item["code"] for item in partly.json} == {"illegal_transition"}
        assert partly.code == 7
        for more in ([], ["--reason", "tests"]):
            refused = ctl("jobs", verb, one, *options, *more)
            assert (refused.code, refused.out) == (3, ""), refused
            assert "cannot" in refused.err


def test_the_reason_of_a_change_is_in_the_audit_log(ctl: Ctl, made: dict[JobStatus, int]) -> None:
    one, two = made[S.QUEUED], made[S.WAITING]
    alone = ctl.ok("jobs", "boost", one, "--by", 5, "--reason", "a deadline", "-o", "json").json
    assert (alone["id"], alone["audit_log"][0]["after"]["reason"]) == (one, "a deadline")
    by_filter = ["--filter", "status=waiting", "--yes", "--expect", "1"]
    ctl.ok("jobs", "wake", *by_filter, "--reason", "Reddit is back")
    change = ctl.ok("jobs", "get", two, "-o", "json").json["audit_log"][0]
    assert (change["action"], change["after"]["reason"]) == ("wake", "Reddit is back")
    assert "Reddit is back" in ctl.ok("jobs", "get", two, "-o", "table").out
    assert ctl("jobs", "cancel", one, "--reason", " ").code == 3


@pytest.fixture
def waits(ctl: Ctl) -> Iterator[Any]:
    """Yield a function that runs a command in a thread. It returns the thread and its results."""
    threads: list[threading.Thread] = []

    def start(*arguments: Any) -> tuple[threading.Thread, list[Any]]:
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(ctl(*arguments)), daemon=True)
        thread.start()
        threads.append(thread)
        return thread, results

    yield start
    for thread in threads:
        thread.join(20)


def test_wait_ends_when_the_job_does_and_says_how(
    ctl: Ctl, api_rows: Database, made: dict[JobStatus, int]
) -> None:
    assert ctl.ok("jobs", "wait", made[S.SUCCEEDED], "-o", "name").lines == [str(made[S.SUCCEEDED])]
    assert ctl("jobs", "wait", made[S.SUCCEEDED], made[S.CANCELLED]).code == 9
    assert ctl("jobs", "wait", 999).code == 5
    began = datetime.now(UTC)
    assert ctl("jobs", "wait", made[S.QUEUED], "--timeout", "0.1s").code == 8
    assert datetime.now(UTC) - began >= timedelta(seconds=0.1)
    # enqueue --wait follows a rerun request to the follow-up job.
    with api_rows.begin() as conn:
        claim = jobs.crawling(conn, "follow", priority=100)

    def end_both() -> None:
        with api_rows.begin() as conn:
            wait_until(
                lambda: jobs.job(conn, claim.job_id).rerun_requested, timeout=20, describe="rerun"
            )
        with api_rows.begin() as conn:
            jobs.complete(conn, claim=claim, outcome="crawled")
        with api_rows.begin() as conn:
            jobs.fail(
                conn, claim=jobs.claim_one(conn, now=None), kind=ErrorKind.PERMANENT, message="no"
            )

    ending = threading.Thread(target=end_both)
    ending.start()
    result = ctl("jobs", "enqueue", "follow", "--wait", "-o", "json", "--priority", "100")
    ending.join(20)
    assert (result.code, result.json["status"]) == (9, "failed")
    assert result.json["follow_up_of"] == claim.job_id


def test_a_wait_reads_all_its_jobs_in_one_answer_and_with_an_etag(offline: Ctl) -> None:
    seen: list[tuple[str, str | None]] = []
    states = dict.fromkeys(range(1, 151), "queued")

    def script(exchange: Exchange) -> None:
        query = parse_qs(urlsplit(exchange.path).query)
        seen.append((exchange.path, exchange.headers["If-None-Match"]))
        polls = len(seen)
        if polls == 3:  # the third poll finds the end of the first 100 jobs
            states.update(dict.fromkeys(range(1, 101), "succeeded"))
        if polls == 5:
            states.update(dict.fromkeys(range(101, 151), "succeeded"))
        if exchange.headers["If-None-Match"] == '"a"' and polls not in (3, 5):
            exchange.send(304, b"", ETag='"a"')
            return
        items = [{"id": int(n), "status": states[int(n)]} for n in query["ids"]]
        body = json.dumps({"items": items, "next": None}).encode()
        exchange.send(200, body, content_type="application/json", ETag='"a"')

    with serve(script) as url:
        waited = offline.ok("--url", url, "jobs", "wait", *states, "-o", "csv")
    assert [int(row["id"]) for row in waited.rows] == [*states]
    assert [etag for _, etag in seen] == [None, '"a"', '"a"', None, '"a"']
    assert [path.count("ids=") for path, _ in seen] == [100, 100, 100, 50, 50]


def test_watch_shows_each_change(ctl: Ctl, api_rows: Database, made: dict[JobStatus, int]) -> None:
    job_id = made[S.QUEUED]
    results: list[Any] = []
    watching = threading.Thread(
        target=lambda: results.append(ctl("jobs", "watch", job_id, "-o", "json")), daemon=True
    )
    watching.start()
    with api_rows.begin() as conn:
        assert operator_changes.lock_job(conn, job_id=job_id)
    ctl.ok("jobs", "cancel", job_id)
    watching.join(20)
    (result,) = results
    assert result.code == 9
    assert '"cancelled"' in result.lines[-1]


def test_hostile_text_of_the_server_is_shown_escaped(ctl: Ctl, api_rows: Database) -> None:
    with api_rows.begin() as conn:
        claim = jobs.crawling(conn, "hostile")
        jobs.fail(conn, claim=claim, kind=ErrorKind.PERMANENT, message="x")
        conn.exec_driver_sql("UPDATE crawl_jobs SET error_message = %s", (HOSTILE,))
    for options in (["-o", "table"], ["-o", "wide"], ["-o", "csv"], ["-o", "json"], []):
        for verb in (["list"], ["get", str(claim.job_id)]):
            for terminal in (False, True):
                out = ctl.ok("jobs", *verb, *options, terminal=terminal).out
                steering = [c for c in out if not c.isprintable() and c != "\n"]
                allowed = {"\x1b"} if terminal and "csv" not in options else set()
                assert set(steering) <= allowed, (verb, options, terminal)
                assert "\x1b[31mred" not in out
    assert ctl.ok("jobs", "get", claim.job_id, "-o", "json").json["error_message"] == HOSTILE
    assert SHOWN in ctl.ok("jobs", "list", "-o", "table").out
