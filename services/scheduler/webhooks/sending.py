"""Make one attempt to deliver: sign the body, send it, and describe the answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawljobs.domain import plain_text, retry_after, webhook_secret, webhook_signature
from crawljobs.domain.webhook import RESPONSE_MAX, AttemptResult
from crawljobs.repository.webhooks.attempt_recording import FinishedAttempt
from crawljobs.repository.webhooks.delivery_claim import ClaimedDelivery
from crawljobs.runtime import exception_text
from crawljobs.runtime.outbound import outbound_errors
from crawljobs.runtime.outbound.exchange import TOTAL_SECONDS, Reply, Sender
from crawljobs.settings import WebhookSettings
from crawljobs.version import VERSION

DETAIL_MAX = 500  # maximum length of the detail of an attempt, in characters

_RESULTS: dict[type[outbound_errors.OutboundError], AttemptResult] = {
    outbound_errors.RefusedTarget: AttemptResult.REFUSED_ADDRESS,
    outbound_errors.NameNotResolved: AttemptResult.DNS_FAILED,
    outbound_errors.ConnectionFailed: AttemptResult.CONNECTION_FAILED,
    outbound_errors.ProxyFailed: AttemptResult.PROXY_FAILED,
    outbound_errors.TlsFailed: AttemptResult.TLS_FAILED,
    outbound_errors.DeadlineExceeded: AttemptResult.TIMEOUT,
    outbound_errors.InvalidReply: AttemptResult.INVALID_ANSWER,
}


@dataclass(frozen=True)
class Attempted:
    """A delivery attempt, and the delay in the header Retry-After of the receiver's reply."""

    attempt: FinishedAttempt
    retry_after: timedelta | None = None


def attempt(
    delivery: ClaimedDelivery,
    body: str,
    *,
    sender: Sender,
    chosen: WebhookSettings,
    seconds: float = TOTAL_SECONDS,
) -> Attempted:
    """Send the body to the delivery's endpoint, and read the answer, within `seconds`.

    An OutboundError becomes the attempt's result.
    """
    began = time.monotonic()
    content = body.encode()
    headers = webhook_signature.headers(
        message_id=f"msg_{delivery.event_id.hex}",
        sent_at=datetime.now(UTC),
        body=content,
        secrets=signing_keys(delivery, chosen),
    )
    headers |= {"Content-Type": "application/json", "User-Agent": f"crawljobs/{VERSION}"}
    try:
        reply = sender.post(delivery.url, headers=headers, body=content, seconds=seconds)
    except outbound_errors.OutboundError as error:
        detail = plain_text.one_line(exception_text.text_of(error), limit=DETAIL_MAX)
        result = _RESULTS[type(error)]
        return Attempted(FinishedAttempt(_since(began), result, detail=detail))
    return _answered(reply, _since(began))


def signing_keys(delivery: ClaimedDelivery, chosen: WebhookSettings) -> list[bytes]:
    """Return the keys that sign a delivery.

    Each pair of a master key and a valid secret version has its own key.
    """
    masters = [each for each in (chosen.master_key, chosen.previous_master_key) if each is not None]
    versions = [delivery.secret_version]
    if delivery.previous_secret_version is not None:
        versions.append(delivery.previous_secret_version)
    return [
        webhook_secret.signing_key(master, endpoint_id=delivery.endpoint_id, version=version)
        for master in masters
        for version in versions
    ]


def _answered(reply: Reply, duration: timedelta) -> Attempted:
    is_success = 200 <= reply.status < 300
    detail = "redirections are not followed" if 300 <= reply.status < 400 else None
    wait = None
    if reply.retry_after is not None and not is_success:
        wait = retry_after.parse(reply.retry_after, now=datetime.now(UTC))
    result = AttemptResult.SUCCEEDED if is_success else AttemptResult.HTTP_ERROR
    finished = FinishedAttempt(duration, result, reply.status, detail, shown(reply.body))
    return Attempted(finished, wait)


def shown(answer: bytes) -> str | None:
    """Return the start of an answer as text of at most RESPONSE_MAX bytes, or None if empty."""
    text = plain_text.lines(answer[:RESPONSE_MAX].decode("utf-8", "replace"), limit=RESPONSE_MAX)
    return text.encode()[:RESPONSE_MAX].decode("utf-8", "ignore") or None


def _since(began: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - began)
