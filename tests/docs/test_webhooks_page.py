"""The page of webhooks: its receivers verify our requests, and its numbers are those of code."""

import json
import re
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawljobs.domain import webhook_retry, webhook_secret, webhook_signature
from crawljobs.domain.webhook import EventType
from crawljobs.domain.webhook_fairness import IN_ALL, PER_ENDPOINT
from crawljobs.runtime.outbound import exchange, pinned_connection
from scheduler.webhooks import claiming
from support import needs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "concepts" / "webhooks.md").read_text()
KEY = webhook_secret.signing_key(b"k" * 32, endpoint_id=1, version=1)
SECRET = webhook_secret.shown_secret(KEY)
BODY = '{"type":"job.failed","data":{"job_id":7}}'
DRIVER = """
import { receive } from "./receiver.mjs";
import { readFileSync } from "node:fs";
console.log = () => {};
const { secret, headers, body } = JSON.parse(readFileSync(0, "utf-8"));
const answers = [body, body, body + " "].map((sent) => receive(secret, headers, sent));
process.stdout.write(JSON.stringify(answers));
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def headers() -> dict[str, str]:
    return webhook_signature.headers(
        message_id=f"msg_{uuid.uuid4().hex}",
        sent_at=datetime.now(UTC),
        body=BODY.encode(),
        secrets=[KEY],
    )


def test_the_receiver_in_python_verifies_requests() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102 - the example of the page
    receive, given = names["receive"], {key.title(): text for key, text in headers().items()}
    assert receive(SECRET, given, BODY.encode()) == 200
    assert receive(SECRET, given, BODY.encode()) == 200
    assert len(names["handled"]) == 1
    assert receive(SECRET, given, BODY.encode() + b" ") == 401


def test_the_receiver_in_javascript_verifies_requests(tmp_path: Path) -> None:
    node = needs.program("node")
    packages = needs.client_generators() / "npm" / "node_modules"
    needs.folder(packages / "standardwebhooks", "the verifier of webhooks for node")
    (tmp_path / "node_modules").symlink_to(packages)
    (tmp_path / "receiver.mjs").write_text(block("js"))
    (tmp_path / "driver.mjs").write_text(DRIVER)
    found = subprocess.run(
        [node, tmp_path / "driver.mjs"],
        input=json.dumps({"secret": SECRET, "headers": headers(), "body": BODY}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == [200, 200, 401]


def test_the_numbers_are_those_of_the_code() -> None:
    (row,) = re.findall(r"^\| delay before it \| (.*) \|$", PAGE, re.MULTILINE)
    units = {"s": 1, "min": 60, "h": 3600}
    written = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (\w+)", row)]
    assert written == [delay.total_seconds() for delay in webhook_retry.DELAYS]
    for sentence in (
        f"up to {len(webhook_retry.DELAYS)} attempts",
        f"each {webhook_retry.JITTER:.0%} shorter or longer".replace("%", " %"),
        f"at least {webhook_retry.BUSY_DELAY.total_seconds():g} s",
        f"has {exchange.TOTAL_SECONDS:g} s in all",
        f"{pinned_connection.CONNECT_SECONDS:g} s for the connection",
        f"At most {exchange.BODY_MAX // 1024} KB of an answer",
        f"up to {PER_ENDPOINT} attempts at the same time",
        f"a scheduler up to {IN_ALL}",
        f"fails after {webhook_retry.INTERRUPTIONS_MAX} attempts whose scheduler died",
        f"up to {webhook_retry.INTERRUPTION_PAUSE.total_seconds():g} s longer",
        f"a lease of {claiming.LEASE.total_seconds():g} s",
        f"for {webhook_retry.SILENCE.days} days",
        f"{webhook_retry.SPAN.total_seconds() / 3600:g} hours apart",
    ):
        assert sentence in " ".join(PAGE.split()), sentence


def test_each_type_of_event_is_listed() -> None:
    table = PAGE.partition("## Events")[2].partition("##")[0]
    assert set(re.findall(r"`(\w+\.\w+)`", table)) == set(EventType)
