"""`crawlctl subreddits erase` and `authors erase`: the dry run, the question, the operation."""

import io
import json
import threading

import pytest

from crawler_worker.maintenance.operation_running import OperationRunning
from crawljobs.db.database import Database
from support import crawled
from support.crawlctl import Ctl
from support.scripted_server import Exchange, serve


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stored(api_rows: Database) -> Database:
    with api_rows.begin() as conn:
        for n in range(3):
            crawled.store(conn, crawled.post(f"p{n}"))
    return api_rows


def posts(ctl: Ctl) -> int:
    path = "/api/subreddits/python/posts"
    return len(ctl.ok("api", "GET", path, "-o", "json").json["items"])


def test_a_subreddit_is_erased_after_a_confirmation(
    ctl: Ctl, stored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dry = ctl.ok("subreddits", "erase", "r/python", "--dry-run", "-o", "json")
    assert (dry.json["posts"], dry.json["dry_run"]) == (3, True)
    refused = ctl("subreddits", "erase", "python")
    assert (refused.code, refused.out) == (3, "")
    assert f"erase python at {ctl.environment['CRAWLJOBS_URL']}: 3 posts" in refused.err
    assert "--yes" in refused.err
    with monkeypatch.context() as patch:
        patch.setattr("support.crawlctl.io.StringIO", Keyboard)
        assert ctl("subreddits", "erase", "python", "--no-color", stdin="golang\n").code == 3
        assert posts(ctl) == 3
        begun = ctl("subreddits", "erase", "python", "-o", "json", stdin="Python\n")
    operation = json.loads(begun.out)["operation_id"]
    assert (begun.code, f"crawlctl operations wait {operation}" in begun.err) == (0, True)
    assert ctl("subreddits", "erase", "python", "--yes").code == 3  # the operation is unfinished
    OperationRunning(stored, threading.Event()).run()
    assert posts(ctl) == 0
    with stored.begin() as conn:
        crawled.store(conn, crawled.post("p9"))
    late = ctl("subreddits", "erase", "python", "--yes", "--wait", "--timeout", "0.1s")
    assert late.code == 8
    OperationRunning(stored, threading.Event()).run()
    done = ctl.ok("operations", "list", "-o", "json").json[0]
    assert (done["kind"], done["state"]) == ("erase_subreddit", "succeeded")
    assert ctl("subreddits", "erase", "none_here", "--yes").code == 5


def test_an_author_is_erased_and_the_operation_is_awaited(offline: Ctl, ctl: Ctl) -> None:
    seen: list[tuple[str, str]] = []

    def script(exchange: Exchange) -> None:
        seen.append((exchange.command, exchange.path))
        counts = {"posts": 1, "comments": 2, "crossposts": 0, "edges": 1, "more": True}
        body = {**counts, "dry_run": "dry_run" in exchange.path, "operation_id": 7}
        if "operations" in exchange.path:
            body = {"id": 7, "kind": "erase_author", "state": "succeeded"}
        status = 202 if exchange.path == "/api/authors/ada" else 200
        exchange.send(status, json.dumps(body).encode(), content_type="application/json")

    with serve(script) as url:
        erase = ["--url", url, "authors", "erase", "/u/ada"]
        assert offline(*erase).code == 3
        waited = offline.ok(*erase, "--yes", "--wait", "-o", "json")
    assert (waited.json["id"], waited.json["state"]) == (7, "succeeded")
    assert seen == [
        ("DELETE", "/api/authors/ada?dry_run=true"),
        ("DELETE", "/api/authors/ada"),
        ("GET", "/api/admin/operations/7"),
    ]
    without_key = ctl("authors", "erase", "ada", "--yes")
    assert (without_key.code, "CONTENT_KEY_FILE" in without_key.err) == (3, True)
