"""Verbs with an output or an effect of their own: files, graphs, deletions, any request."""

import base64
import json
import signal
import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawler_worker.maintenance.operation_running import OperationRunning
from crawljobs.db.database import Database
from support import jobs, needs, webhook_rows
from support.crawlctl import Ctl, start_crawlctl


def made_group(ctl: Ctl, tmp_path: Path, *options: str) -> int:
    steps = [
        {"subreddit": "sub_a"},
        {"subreddit": "sub_b", "after": ["sub_a"], "on_upstream_failure": "hold"},
        {"key": "last.one", "subreddit": "sub_c", "after": "all"},
    ]
    path = tmp_path / "steps.json"
    path.write_text(json.dumps({"name": "a group", "steps": steps}))
    return int(ctl.ok("groups", "create", "--file", path, *options, "-o", "json").json["id"])


def test_a_graph_as_text_and_for_graphviz(ctl: Ctl, tmp_path: Path) -> None:
    group = made_group(ctl, tmp_path)
    assert "sub_b: sub_b, pending, after sub_a" in ctl.ok("groups", "graph", group).lines
    dot = ctl.ok("groups", "graph", group, "-o", "dot").out
    assert '"sub_a" -> "sub_b";' in dot
    assert '"sub_b" -> "last.one";' in dot
    assert dot.count("{") == dot.count("}") == 1


def test_groups_wait_cancel_and_delete(ctl: Ctl, tmp_path: Path) -> None:
    group = made_group(ctl, tmp_path)
    assert ctl("groups", "wait", group, "--timeout", "0.1s").code == 8
    assert ctl("groups", "delete", group).code == 3
    cancelled = ctl.ok("groups", "cancel", group, "-o", "json").json
    assert cancelled["counts"] == {"cancelled": 3}
    assert ctl("groups", "wait", group).code == 9
    assert ctl("groups", "wait", made_group(ctl, tmp_path, "--open")).code == 3
    assert ctl("groups", "proceed", group, "sub_b").code == 3
    assert ctl("groups", "skip", group, "sub_b").code == 3
    (tmp_path / "none.json").write_text("[]")
    empty = ctl.ok("groups", "create", "--file", tmp_path / "none.json", "-o", "json").json["id"]
    deleted = ctl.ok("groups", "delete", empty)
    assert (deleted.out, deleted.err) == ("", f"Deleted group {empty}.\n")
    assert ctl("groups", "create", "--file", "-", stdin="{").code == 2
    assert ctl("groups", "create", "--file", "-", stdin='{"steps": 3}').code == 2


def test_an_operation_is_awaited(ctl: Ctl, api_rows: Database, tmp_path: Path) -> None:
    group = made_group(ctl, tmp_path)
    with api_rows.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO operations (kind, resource_type, resource_id, state, created_by, total, "
            "done, finished_at) VALUES ('cancel', 'job_group', %s, 'failed', 't', 2000, 9, now())",
            (group,),
        )
    assert ctl.ok("operations", "get", 1, "-o", "csv").rows[0]["done"] == "9"
    assert ctl("operations", "wait", 1).code == 9
    assert ctl.ok("operations", "list", "-o", "name").lines == ["1"]


def test_schedules_are_copied_by_a_file(ctl: Ctl, tmp_path: Path) -> None:
    ctl.ok("schedules", "create", "--name", "one", "--subreddit", "python", "--cron", "@daily")
    (tmp_path / "s.json").write_text('{"name": "two", "steps": [{"subreddit": "go_x"}]}')
    ctl.ok("schedules", "create", "--cron", "@hourly", "--file", tmp_path / "s.json")
    lines = ctl.ok("schedules", "export").out
    assert [json.loads(line)["name"] for line in lines.splitlines()] == ["one", "two"]
    again = ctl.ok("schedules", "import", "-", "-o", "csv", stdin=lines)
    assert [row["result"] for row in again.rows] == ["exists", "exists"]
    for schedule in (1, 2):
        ctl.ok("schedules", "delete", schedule)
    dry = ctl.ok("schedules", "import", "-", "--dry-run", "-o", "csv", stdin=lines)
    assert [row["result"] for row in dry.rows] == ["created", "created"]
    ctl.ok("schedules", "import", "-", stdin=lines)
    assert ctl.ok("schedules", "export").out == lines
    wrong = lines.replace("@hourly", "hourly").replace("@daily", "@weekly")
    partly = ctl("schedules", "import", "-", "--update", "-o", "json", stdin=wrong)
    assert partly.code == 7
    assert [item["result"] for item in partly.json] == ["updated", "refused"]
    assert ctl("schedules", "import", "-", stdin="[]").code == 2


def test_an_edit_does_not_overwrite_the_change_of_another_person(ctl: Ctl) -> None:
    made = ("schedules", "create", "--name", "one", "--subreddit", "python", "--cron", "@daily")
    schedule = ctl.ok(*made, "-o", "json").json
    edited = ctl.ok("schedules", "edit", schedule["id"], "--cron", "@weekly", "-o", "json").json
    assert (edited["cron_expression"], edited["version"]) == ("@weekly", schedule["version"] + 1)
    path = f"/api/admin/scheduled-jobs/{schedule['id']}"
    assert ctl("api", "PATCH", path, "-f", "priority=1").code == 3
    stale = ctl("api", "patch", path, "-f", "priority=1", "--header", 'If-Match="1"')
    assert (stale.code, "precondition_failed" in stale.err) == (3, True)
    ctl.ok("api", "PATCH", path, "-f", "priority=1", "--header", "If-Match=*")
    assert ctl("schedules", "edit", schedule["id"]).code == 2


def test_deliveries_are_shown_replayed_and_sent_now(ctl: Ctl, api_rows: Database) -> None:
    made = ("webhooks", "create", "https://93.184.215.14/x", "--event", "job.failed")
    webhook = ctl.ok(*made, "-o", "json").json["id"]
    with api_rows.begin() as conn:
        at = datetime.now(UTC) - timedelta(hours=1)
        failed = webhook_rows.add_deliveries(conn, webhook, 1_001, at=at)
        conn.exec_driver_sql(
            "UPDATE webhook_events SET job_id = 7, group_ids = '{3}', subreddit = 'python'"
        )
    rows = ctl.ok("webhooks", "deliveries", webhook, "--limit", 2, "-o", "csv").rows
    objects = {(row["job_id"], row["group_id"], row["subreddit"]) for row in rows}
    assert objects == {("7", "3", "python")}
    replay = ["webhooks", "replay", webhook, "--since", "1d"]
    dry = ctl.ok(*replay, "--dry-run", "-o", "json").json
    assert (dry["deliveries"], dry["dry_run"], dry["operation_id"]) == (1_001, True, None)
    begun = ctl(*replay, "--wait", "--timeout", "0.1s")
    assert begun.code == 8
    assert ctl(*replay).code == 3  # the operation is unfinished
    OperationRunning(api_rows, threading.Event()).run()
    assert ctl("operations", "wait", 1).code == 0
    pending = ctl.ok("webhooks", "send-now", failed[-1], "-o", "json").json
    next_at = datetime.fromisoformat(pending["next_attempt_at"])
    assert next_at < datetime.now(UTC) + timedelta(seconds=30)
    assert ctl("webhooks", "replay", "--delivery", failed[0]).code == 3  # it is pending
    ctl.ok("webhooks", "disable", webhook)
    held = ctl("webhooks", "send-now", failed[0])
    assert (held.code, "is held" in held.err) == (3, True)
    for wrong in ([webhook], ["--delivery", 1, "--dry-run"], [webhook, "--delivery", 1]):
        assert ctl("webhooks", "replay", *wrong).code == 2


def test_any_request(ctl: Ctl) -> None:
    for name in ("one_x", "two_x", "three_x"):
        body = ["-f", f"subreddit={name}", "-f", "priority=7"]
        assert ctl.ok("api", "POST", "/api/admin/jobs", *body).json["job"]["priority"] == 7
    page = ctl.ok("api", "GET", "/api/admin/jobs", "-f", "limit=2").json
    assert len(page["items"]) == 2
    listed = ctl.ok("api", "get", "/api/admin/jobs", "--paginate", "-o", "name").lines
    assert sorted(listed) == ["1", "2", "3"]
    given = ctl.ok("api", "POST", "/api/admin/jobs", "--input", "-", stdin='{"subreddit": "four"}')
    assert given.json["result"] == "created"
    assert ctl("api", "GET", "api/admin/jobs").code == 2
    assert ctl("api", "GET", "//evil.example/").code == 2
    refused = ctl("api", "GET", "/healthz", "--header", "Authorization=Bearer x")
    assert (refused.code, "command line" in refused.err) == (2, True)


def test_a_new_token_goes_to_a_private_file(ctl: Ctl, tmp_path: Path) -> None:
    path = tmp_path / "robot"
    made = ctl.ok("tokens", "create", "robot", "--scope", "read", "--out", path, "-o", "json")
    token = path.read_text().strip()
    assert token not in made.out + made.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ctl.ok("whoami", "-o", "json", CRAWLJOBS_TOKEN_FILE=str(path)).json["name"] == "robot"
    assert ctl("jobs", "enqueue", "python", CRAWLJOBS_TOKEN_FILE=str(path)).code == 4
    assert ctl("tokens", "create", "robot", "--scope", "read", "--out", path).code == 2
    unmade = tmp_path / "unmade"
    assert ctl("tokens", "create", "robot", "--scope", "all", "--out", unmade).code == 3
    assert not unmade.exists()
    ctl.ok("tokens", "revoke", made.json["id"])
    assert ctl("whoami", CRAWLJOBS_TOKEN_FILE=str(path)).code == 4


def test_the_audit_log_is_exported_and_followed(ctl: Ctl, tmp_path: Path) -> None:
    ctl.ok("jobs", "enqueue", "python")
    ctl.ok("jobs", "boost", 1, "--by", 1)
    for kind in ("jsonl", "csv"):
        out = tmp_path / f"audit.{kind}"
        export = ["audit", "export", "--format", kind, "--out", out]
        ctl.ok(*export, "--action", "boost")
        assert "boost" in out.read_text()
        assert ctl(*export).code == 3  # the file exists
        few = tmp_path / f"few.{kind}"
        export = ["audit", "export", "--format", kind, "--out", few, "--limit", "1"]
        assert "older entries" in ctl.ok(*export).err


def test_the_tail_shows_a_change_at_once_and_ends_at_ctrl_c(ctl: Ctl, tmp_path: Path) -> None:
    ctl.ok("jobs", "enqueue", "python")
    process = start_crawlctl(tmp_path, "audit", "tail", "--limit", "1", **ctl.environment)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["action"] == "enqueue"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


@pytest.mark.parametrize("change", [lambda body: body, lambda body: body + b" "])
def test_a_signature_is_verified_as_openssl_makes_it(
    offline: Ctl, tmp_path: Path, change: object
) -> None:
    body = b'{"type": "job.failed"}'
    (tmp_path / "signed").write_bytes(b"msg_1.1767323045." + body)
    key = "313233343536373839303132333435363738393031323334"
    made = subprocess.run(
        [
            needs.program("openssl"),
            "dgst",
            "-sha256",
            "-mac",
            "HMAC",
            "-macopt",
            f"hexkey:{key}",
            "-binary",
            tmp_path / "signed",
        ],
        capture_output=True,
        check=True,
    )
    signature = base64.b64encode(made.stdout).decode()
    (tmp_path / "secret").write_text("whsec_" + base64.b64encode(bytes.fromhex(key)).decode())
    (tmp_path / "headers").write_text(
        "Webhook-Id: msg_1\nWebhook-Timestamp: 1767323045\n"
        f"Webhook-Signature: v1,AAAA v1,{signature}\n"
    )
    sent = change(body)  # type: ignore[operator]
    (tmp_path / "body").write_bytes(sent)
    arguments = ["webhooks", "verify", "--secret-file", tmp_path / "secret"]
    arguments += ["--headers", tmp_path / "headers", "--body", tmp_path / "body"]
    assert offline(*arguments, "--any-age").code == (0 if sent == body else 9)
    assert offline(*arguments).code == 9  # older than 5 minutes
    (tmp_path / "headers").write_text("Webhook-Id: msg_1\n")
    assert offline(*arguments).code == 2


def test_deletions_and_gaps(ctl: Ctl, api_rows: Database) -> None:
    with api_rows.begin() as conn:
        jobs.enqueue(conn, "python")
    changed = ctl.ok("subreddits", "set", "python", "--crawl-gap", "2h", "-o", "json").json
    assert changed["min_crawl_gap_seconds"] == 7_200
    changed = ctl.ok("subreddits", "set", "python", "--crawl-gap", "default", "-o", "json").json
    assert changed["min_crawl_gap_seconds"] is None
    assert ctl("subreddits", "set", "python").code == 2
    for name in ("r/python", "/r/Python/"):
        assert ctl.ok("subreddits", "get", name, "-o", "name").lines == ["python"]
        assert ctl.ok("subreddits", "crawl", name, "-o", "csv").rows[0]["subreddit"] == "python"
    assert ctl("subreddits", "get", "r/python/new").code == 2
    created = (
        "webhooks create https://93.184.215.14/x --event job.failed --filter source=user -o json"
    )
    webhook = ctl.ok(*created.split()).json
    assert webhook["filter"]["source"] == "user"
    ctl.ok("webhooks", "delete", webhook["id"])
    assert ctl("webhooks", "replay", webhook["id"]).code == 2
