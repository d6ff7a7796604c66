"""Changes with --filter: the dry run, the question, the count, the chunks, Ctrl-C."""

import io
import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from crawlctl.changing.chunks import change_in_chunks
from crawlctl.nouns.job import CHANGED
from crawlctl.output import progress_line
from crawlctl.session import Session
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import jobs
from support.crawlctl import Ctl, start_crawlctl
from support.scripted_server import Exchange, serve

S = JobStatus
MANY = 1_001


@pytest.fixture
def failed(api_rows: Database) -> list[int]:
    with api_rows.begin() as conn:
        jobs.in_status(conn, S.SUCCEEDED, "left_alone")
        return [jobs.in_status(conn, S.FAILED, f"sub{n}") for n in range(7)]


def statuses(database: Database, ids: list[int]) -> set[str]:
    with database.begin() as conn:
        return {jobs.job(conn, job_id).status for job_id in ids}


def test_without_a_terminal_the_number_must_be_given(
    ctl: Ctl, api_rows: Database, failed: list[int]
) -> None:
    retry = ["jobs", "retry", "--filter", "status=failed"]
    for more in ([], ["--yes"], ["--expect", "7"]):
        refused = ctl(*retry, *more)
        assert (refused.code, refused.out) == (3, "")
        assert "--yes --expect 7" in refused.err
    wrong = ctl(*retry, "--yes", "--expect", "6")
    assert (wrong.code, "7 jobs, not 6" in wrong.err) == (3, True)
    assert statuses(api_rows, failed) == {"failed"}
    done = ctl(*retry, "--yes", "--expect", "7", "-o", "csv")
    assert (done.code, [row["code"] for row in done.rows]) == (0, ["ok"] * 7)
    assert f"retry 7 jobs at {ctl.environment['CRAWLJOBS_URL']}" in done.err
    assert done.err.count("r/sub") == 5
    assert "... and 2 more" in done.err
    assert statuses(api_rows, failed) == {"queued"}


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_number_is_typed(
    ctl: Ctl, api_rows: Database, failed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.crawlctl.io.StringIO", Keyboard)
    retry = ["jobs", "retry", "--filter", "status=failed", "--no-color"]
    assert ctl(*retry, stdin="yes\n").code == 3
    assert ctl(*retry, stdin="").code == 3
    assert statuses(api_rows, failed) == {"failed"}
    assert ctl(*retry, stdin="7\n").code == 0
    assert statuses(api_rows, failed) == {"queued"}
    assert ctl("jobs", "cancel", "--filter", "source=user", "--yes").code == 0
    assert statuses(api_rows, failed) == {"cancelled"}


def test_jobs_that_cannot_be_changed_are_left_out_and_a_dry_run_changes_nothing(
    ctl: Ctl, api_rows: Database, failed: list[int]
) -> None:
    dry = ctl.ok("jobs", "give-up", "--all", "--dry-run", "-o", "json")
    assert (dry.json, "8 other matches cannot be changed" in dry.err) == ([], True)
    nothing = ctl("jobs", "give-up", "--all", "-o", "csv")
    assert (nothing.code, nothing.rows) == (0, [])
    assert "There is nothing to change." in nothing.err
    assert ctl("jobs", "give-up", "--all", "--yes", "--expect", 1).code == 3
    with api_rows.begin() as conn:
        waiting = jobs.in_status(conn, S.WAITING, "later")
    woken = ctl.ok("jobs", "wake", "--all", "--yes", "--expect", 1, "-o", "json").json
    assert [item["id"] for item in woken] == [waiting]
    boost = ["jobs", "boost", "--by", "5", "--filter", "subreddit=later", "--yes", "--expect", "1"]
    assert ctl(*boost).code == 0
    assert statuses(api_rows, failed) == {"failed"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--filter", "colour=red"],
        ["--filter", "status="],
        ["--filter", "priority_min=high"],
        ["--filter", "incomplete=maybe"],
        ["--filter", "created_after=yesterday"],
        ["--filter", "subreddit=a_b", "--filter", "subreddit=c_d"],
        ["--filter", "status"],
        ["--filter", "status=failed", "7"],
        [],
    ],
)
def test_a_wrong_filter_is_refused_before_a_request(offline: Ctl, arguments: list[str]) -> None:
    assert offline("--url", "http://127.0.0.1:1", "jobs", "retry", *arguments).code == 2


def test_more_than_a_thousand_are_changed_in_chunks(ctl: Ctl) -> None:
    names = "\n".join(f"many_{n}" for n in range(MANY))
    made = ctl("jobs", "enqueue", "-", "-o", "csv", stdin=names)
    assert (made.code, len(made.rows)) == (0, MANY)
    assert made.err == "enqueue: 1,001 of 1,001, 0 failed\n"
    cancel = ["jobs", "cancel", "--filter", "status=queued,waiting", "--yes", "--expect", MANY]
    done = ctl(*cancel, "-o", "csv")
    assert (done.code, len(done.rows)) == (0, MANY)
    assert "cancel: 1,001 of 1,001, 0 failed" in done.err


def test_a_bulk_change_is_repeated_with_its_key_until_it_is_answered(offline: Ctl) -> None:
    keys: list[str | None] = []

    def script(exchange: Exchange) -> None:
        keys.append(exchange.headers["Idempotency-Key"])
        items = [{"id": n, "status": 200, "code": "ok"} for n in (1, 2)]
        body = {"items": items} if len(keys) == 3 else {"code": "service_unavailable"}
        status = 200 if len(keys) == 3 else 503
        content = json.dumps(body).encode()
        exchange.send(status, content, content_type="application/json", retry_after="0")

    with serve(script) as url:
        result = offline.ok("--url", url, "jobs", "retry", 1, 2, "-o", "csv")
    assert [row["code"] for row in result.rows] == ["ok", "ok"]
    assert (len(keys), len({*keys}), None in keys) == (3, 1, False)


def test_ctrl_c_lets_the_chunk_in_flight_end_and_says_its_number(tmp_path: Path) -> None:
    arrived, interrupted = threading.Event(), threading.Event()
    sent: list[int] = []

    def script(exchange: Exchange) -> None:
        names = json.loads(exchange.body)["subreddits"]
        sent.append(len(names))
        arrived.set()
        assert interrupted.wait(20)
        items = [{"subreddit": name, "status": 200, "code": "created"} for name in names]
        body = json.dumps({"items": items}).encode()
        exchange.send(200, body, content_type="application/json")

    names = tmp_path / "names"
    names.write_text("".join(f"sub_{n}\n" for n in range(2_500)))
    with serve(script) as url:
        enqueue = ["-o", "csv", "--url", url, "jobs", "enqueue", "--file", str(names)]
        process = start_crawlctl(tmp_path, *enqueue)
        assert arrived.wait(20)
        process.send_signal(signal.SIGINT)
        # The process handles the signal while it waits for the answer.
        interrupted.set()
        out, err = process.communicate(timeout=20)
    assert (process.returncode, sent, len(out.splitlines())) == (130, [1_000], 1_001)
    assert "enqueue: stopped after 1,000 of 2,500" in err


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell may have started the tests with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_terminal_has_one_line_of_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def send(chunk: Sequence[int]) -> Sequence[dict[str, Any]]:
        return [{"id": one, "status": 200, "code": "ok"} for one in chunk]

    monkeypatch.setattr(progress_line, "TERMINAL_SECONDS", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    session = Session(environment={}, format="name")
    change_in_chunks(session, CHANGED, range(1, 2_501), send, done="cancel")
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2_500
    empty = "\r\x1b[K"
    first, second = (f"cancel: {n:,} of 2,500, 0 failed" for n in (1_000, 2_000))
    assert err == (f"{empty}{first}{empty}{empty}{second}{empty}cancel: 2,500 of 2,500, 0 failed\n")
    session.quiet = True
    change_in_chunks(session, CHANGED, range(1, 2_501), send, done="cancel")
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_after_the_chunk_in_flight(capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[int] = []

    def send(chunk: Sequence[int]) -> Sequence[dict[str, Any]]:
        sent.extend(chunk)
        os.kill(os.getpid(), signal.SIGINT)
        return [{"id": one, "status": 200, "code": "ok"} for one in chunk]

    session = Session(environment={}, format="name")
    with pytest.raises(KeyboardInterrupt):
        change_in_chunks(session, CHANGED, range(1, 2_501), send, done="cancel")
    out, err = capsys.readouterr()
    assert len(sent) == len(out.splitlines()) == 1_000
    assert "cancel: stopped after 1,000 of 2,500" in err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
