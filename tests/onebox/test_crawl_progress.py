"""The demo's display of crawls, with a real HTTP server that returns prepared answers."""

import io
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from rich.console import Console

from onebox import crawl_progress
from onebox.api_client import ApiClient, ApiRefusedError, ApiUnavailableError
from onebox.screen import display

ANSWERS: dict[str, tuple[int, Any]] = {}


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, body = ANSWERS.get(self.path, (404, {"detail": "The address does not exist."}))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[ApiClient]:
    ANSWERS.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client = ApiClient(server.server_port, "token")
        yield client
        client.close()
        server.shutdown()
        thread.join()


def job(job_id: int, status: str = "crawling", **more: object) -> dict[str, Any]:
    done: dict[str, Any] = {"phase": "posts", "page": 2, "posts": 150, "comments": 7}
    done |= {"authors": 9, "requests": 4}
    return {"id": job_id, "subreddit": f"sub{job_id}", "status": status, "progress": done, **more}


def test_asked_jobs_come_first_in_their_order_and_finished_others_not_at_all(
    api: ApiClient,
) -> None:
    listed = [job(9), job(8, "succeeded"), job(5, "waiting", wait_reason="retry"), job(4)]
    ANSWERS["/api/admin/jobs?limit=100"] = (200, {"items": listed})
    ANSWERS["/api/admin/jobs/1"] = (200, job(1, "succeeded"))
    snapshot = crawl_progress.poll(api, [5, 1])
    assert [view.id for view in snapshot.asked] == [5, 1]
    assert [view.id for view in snapshot.others] == [9, 4]
    assert snapshot.asked[0].state == "waiting (retry)"
    assert snapshot.by_state() == {"succeeded": 1, "waiting": 1}
    assert not snapshot.is_finished


def test_what_people_asked_for_is_kept_apart_and_found_among_many(api: ApiClient) -> None:
    crowd = [job(1000 + n, "queued", source="discovery") for n in range(99)]
    scheduled = job(900, "queued", source="schedule")
    ANSWERS["/api/admin/jobs?limit=100"] = (200, {"items": [*crowd, scheduled]})
    own = [job(8, "succeeded", source="user"), job(3, "succeeded", source="user"), job(2)]
    own[2]["source"] = "user"
    ANSWERS["/api/admin/jobs?source=user&limit=100"] = (200, {"items": own})
    ANSWERS["/api/admin/jobs/5"] = (200, job(5, "succeeded", source="user"))
    snapshot = crawl_progress.poll(api, [5])
    assert [view.id for view in snapshot.asked] == [5]
    assert [view.id for view in snapshot.own] == [8, 2], "not what had ended before the demo"
    assert snapshot.others[0].id == 900
    assert not snapshot.is_idle


def test_the_state_tells_what_barred_the_way_and_the_note_only_what_is_news() -> None:
    barred = crawl_progress.job_view(job(1, "succeeded", outcome="private", error_message="old"))
    assert (barred.state, barred.note) == ("succeeded (private)", "")
    assert crawl_progress.job_view(job(1, "succeeded", outcome="crawled")).state == "succeeded"
    again = crawl_progress.job_view(job(1, "crawling", error_message="old", retry_count=1))
    assert again.note == "attempt 2"
    waiting = job(1, "waiting", wait_reason="retry", error_message="Reddit answered 503")
    due = datetime.now().astimezone().replace(hour=23, minute=59, second=58)
    waiting["progress"]["waiting_until"] = due.astimezone(UTC).isoformat()
    assert crawl_progress.job_view(waiting).note == "until 23:59:58: Reddit answered 503"
    assert crawl_progress.until("2031-05-17T12:00:00Z").startswith("until 2031-05-1")
    assert crawl_progress.until("9999-12-31T00:00:00Z") == "until an operator resumes it"
    assert crawl_progress.until("soon") == ""


@pytest.mark.parametrize("width", [80, 100, 160])
def test_long_texts_are_cut_and_numbers_kept(width: int) -> None:
    raw = job(1, "waiting", wait_reason="rate_limit", error_message="x" * 5000, claimed_by="w" * 99)
    raw["subreddit"] = "u_" + "n" * 20
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(display.jobs_table([crawl_progress.job_view(raw)], width))
    head, line = console.export_text().splitlines()
    assert {"subreddit", "state", "posts", "comments", "requests", "note"} <= set(head.split())
    assert {"150", "7", "4"} <= set(line.split())
    assert len(line) <= width
    assert ("worker" in head) is (width > 100)
    assert f"r/{raw['subreddit']} " in line


def test_it_is_finished_when_all_that_were_asked_for_are(api: ApiClient) -> None:
    ANSWERS["/api/admin/jobs?limit=100"] = (200, {"items": [job(2, "failed"), job(3)]})
    assert crawl_progress.poll(api, [2]).is_finished
    assert crawl_progress.poll(api, []).is_finished


def test_a_refusal_tells_the_problem_and_its_fields(api: ApiClient) -> None:
    problem = {"detail": "Not valid.", "errors": [{"pointer": "/a", "detail": "is \x1b[2Jtaken"}]}
    ANSWERS["/x"] = (422, problem)
    with pytest.raises(ApiRefusedError, match=r"^Not valid\.; is \[2Jtaken$") as refused:
        api.get("/x")
    assert refused.value.status == 422


@pytest.mark.parametrize("answer", [(500, {}), (200, b"<html>"), (503, b"")])
def test_trouble_of_the_server_may_pass(api: ApiClient, answer: tuple[int, Any]) -> None:
    ANSWERS["/x"] = answer
    with pytest.raises(ApiUnavailableError):
        api.get("/x")
    ANSWERS["/x"] = (200, {"fine": True})
    assert api.get("/x") == {"fine": True}


def test_nobody_listening_may_pass() -> None:
    with pytest.raises(ApiUnavailableError, match="ConnectionRefusedError"):
        ApiClient(1, "token").get("/x")


def test_lines_are_told_once_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    lines = display.LineDisplay()
    crawling = crawl_progress.job_view(job(1))
    hostile = job(1, "failed", error_message="no \x1b[31mluck\n")
    lines.show(crawl_progress.Snapshot([crawling], [], []), ["one"])
    lines.show(crawl_progress.Snapshot([crawling], [], []), ["one"])
    lines.show(crawl_progress.Snapshot([crawl_progress.job_view(hostile)], [], []), ["one", "two"])
    assert capsys.readouterr().out.splitlines() == [
        "r/sub1: crawling posts page 2, 150 posts, 7 comments, 9 authors, 4 requests",
        "one",
        "r/sub1: failed posts page 2, 150 posts, 7 comments, 9 authors, 4 requests - no [31mluck",
        "two",
    ]


def test_a_table_takes_hostile_text_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    view = crawl_progress.job_view(job(1, "failed", error_message="[red]not markup[/nor this]"))
    display.print_table([view])
    assert "[red]not markup[/nor this]" in capsys.readouterr().out
