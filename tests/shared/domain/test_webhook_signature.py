"""Receivers verify our signatures with the public libraries, also while a secret is rotated."""

import base64
import json
import random
import subprocess
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks

from crawljobs.domain import webhook_signature
from support import needs, seeds

REQUESTS = 1_000
TEXT = 'abc "\\/\u00fc\u4e16\U0001f600\u2028\x01\n\ud7ff\uffff'


@pytest.fixture(scope="module")
def requests() -> list[dict[str, Any]]:
    """Return signed requests with random bodies, each with one of the secrets that signed it."""
    chance = random.Random(seeds.FIRST)
    return [signed(chance) for _ in range(REQUESTS)]


def signed(chance: random.Random) -> dict[str, Any]:
    value = {
        "type": "job.failed",
        "data": {
            "".join(chance.choices(TEXT, k=5)): "".join(chance.choices(TEXT, k=size))
            for size in (0, 3, chance.randrange(2_000))
        },
    }
    body = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    secrets = [chance.randbytes(32) for _ in range(chance.randint(1, 4))]
    sent_at = datetime.now(timezone(timedelta(hours=chance.randint(-12, 14))))
    headers = webhook_signature.headers(
        message_id=f"msg_{uuid.UUID(int=chance.getrandbits(128)).hex}",
        sent_at=sent_at,
        body=body.encode(),
        secrets=secrets,
    )
    secret = "whsec_" + base64.b64encode(chance.choice(secrets)).decode()
    return {"secret": secret, "body": body, "headers": headers}


def test_the_python_library_verifies_random_bodies(requests: list[dict[str, Any]]) -> None:
    for request in requests:
        webhook = standardwebhooks.Webhook(request["secret"])
        assert webhook.verify(request["body"].encode(), request["headers"])
    forged = {**requests[0], "body": requests[0]["body"] + " "}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(forged["secret"]).verify(forged["body"], forged["headers"])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        other = {**requests[0]["headers"], webhook_signature.ID_HEADER: "msg_other"}
        standardwebhooks.Webhook(forged["secret"]).verify(requests[0]["body"], other)


def test_the_javascript_library_verifies_random_bodies(requests: list[dict[str, Any]]) -> None:
    node = needs.program("node")
    packages = needs.client_generators() / "npm" / "node_modules"
    needs.folder(packages / "standardwebhooks", "the verifier of webhooks for node")
    found = subprocess.run(
        [node, Path(__file__).with_name("verify_webhooks.cjs"), packages],
        input="\n".join(map(json.dumps, requests)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {"verified": REQUESTS, "refused": REQUESTS}


def test_the_timestamp_does_not_depend_on_the_time_zone() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)
    zones = (UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-5, minutes=30)))
    headers = [
        webhook_signature.headers(
            message_id="msg_1", sent_at=moment.astimezone(zone), body=b"{}", secrets=[b"k" * 32]
        )
        for zone in zones
    ]
    assert headers[0] == headers[1] == headers[2]
    assert headers[0] == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1767323045",
        "webhook-signature": "v1,Oym0XpXWYTk7hXpZm1ye1wsco8FVzXTJUGfyaFALawE=",
    }


def test_no_signature_is_made_without_a_secret_or_a_time_zone() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    with pytest.raises(ValueError, match="secret"):
        webhook_signature.headers(message_id="msg_1", sent_at=moment, body=b"", secrets=[])
    with pytest.raises(ValueError, match="zone"):
        webhook_signature.headers(
            message_id="msg_1", sent_at=moment.replace(tzinfo=None), body=b"", secrets=[b"k"]
        )
