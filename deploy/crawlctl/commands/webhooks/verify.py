"""`crawlctl webhooks verify`: check the signature of a received request, without the server."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.webhook import VERIFIED
from crawlctl.session import Session
from crawlctl.shared_options import Verb

PREFIX = "whsec_"
OLDEST_SECONDS = 300
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


@click.command(cls=Verb)
@click.option("--secret-file", type=click.File(), required=True, help="The secret; - is stdin.")
@click.option("--headers", type=click.File(), required=True, help="A file with the HTTP headers.")
@click.option("--body", type=click.File("rb"), required=True, help="A file with the body's bytes.")
@click.option("--any-age", is_flag=True, help="Accept a request that is older than 5 minutes.")
@click.pass_obj
def verify(session: Session, secret_file: Any, headers: Any, body: Any, any_age: bool) -> ExitCode:
    """Check the signature of a received request. The exit code is 9 if the signature is wrong."""
    found = _headers(headers.read())
    key = _key(secret_file.read())
    message_id, sent, signatures = (found[name] for name in HEADERS)
    signed = f"{message_id}.{sent}.".encode() + body.read()
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    is_signed = any(
        hmac.compare_digest(f"v1,{digest}".encode(), one.encode()) for one in signatures.split()
    )
    if not sent.isdecimal() or len(sent) > 11:
        raise CommandFailed("webhook-timestamp is no number of seconds.", ExitCode.USAGE)
    is_recent = any_age or abs(time.time() - int(sent)) <= OLDEST_SECONDS
    sent_at = datetime.fromtimestamp(int(sent), UTC).isoformat()
    item = {"id": message_id, "sent_at": sent_at, "valid": is_signed and is_recent}
    session.writer.item(VERIFIED, item)
    if is_signed and not is_recent:
        session.say("The signature is right, but the request is older than 5 minutes: --any-age.")
    return ExitCode.DONE if item["valid"] else ExitCode.ENDED_BADLY


def _headers(text: str) -> Mapping[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    found = {name.strip().lower(): value.strip() for name, _, value in pairs}
    missing = [name for name in HEADERS if not found.get(name)]
    if missing:
        raise CommandFailed(f"The headers lack {', '.join(missing)}.", ExitCode.USAGE)
    return found


def _key(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise CommandFailed(f"The secret is no {PREFIX}... in Base64.", ExitCode.USAGE) from None
