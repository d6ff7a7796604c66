"""Disable an endpoint whose receiver is gone, or for which no attempt has succeeded for days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawljobs.db.database import Connection
from crawljobs.domain import webhook_retry
from crawljobs.domain.actor import Actor
from crawljobs.domain.webhook import DisabledReason, Endpoint, EndpointState
from crawljobs.repository.operations import audit_log
from crawljobs.repository.webhooks import disabled_event, endpoint_changes, endpoint_rows
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

ACTOR = Actor(name="system:scheduler")
_DETAILS = {
    DisabledReason.GONE: "the receiver answered with status 410",
    DisabledReason.FAILING: (
        f"no attempt succeeded for {webhook_retry.SILENCE.days} days, and failures are at least "
        f"{webhook_retry.SPAN.total_seconds() / 3600:g} hours apart"
    ),
}


@dataclass(frozen=True)
class DisabledEndpoint:
    """An endpoint that was just disabled."""

    id: int
    reason: DisabledReason

    def log(self) -> None:
        log.error("webhook.disabled", endpoint_id=self.id, reason=self.reason)


def disable_if_dead(
    conn: Connection, *, endpoint_id: int, status_code: int | None, failed_at: datetime | None
) -> DisabledEndpoint | None:
    """Disable the endpoint if an attempt got status 410, or if no attempt succeeded for days.

    - `status_code`: the status that the failed attempt got.
    - `failed_at`: the time of the failure. If it is None, do not check how long all attempts have
      failed, because the last check was a few seconds ago.

    The change has an audit row, and the other endpoints get an event about the change.
    """
    is_gone = status_code == webhook_retry.GONE_STATUS
    if not is_gone and failed_at is None:
        return None
    endpoint = endpoint_rows.lock(conn, endpoint_id=endpoint_id)
    if endpoint is None or endpoint.state is EndpointState.DISABLED:
        return None
    if is_gone:
        return _disable(conn, endpoint, DisabledReason.GONE)
    if failed_at is not None and webhook_retry.is_dead(
        now=failed_at,
        created_at=endpoint.created_at,
        last_success_at=endpoint.last_success_at,
        first_failure_at=endpoint.first_failure_at,
        last_failure_at=endpoint.last_failure_at,
    ):
        return _disable(conn, endpoint, DisabledReason.FAILING)
    return None


def _disable(conn: Connection, endpoint: Endpoint, reason: DisabledReason) -> DisabledEndpoint:
    detail = _DETAILS[reason]
    endpoint_changes.disable(conn, endpoint_id=endpoint.id, reason=reason, detail=detail)
    audit_log.record(
        conn,
        actor=ACTOR,
        action="disable",
        resource_type="webhook",
        resource_id=endpoint.id,
        before={"state": endpoint.state},
        after={"state": EndpointState.DISABLED, "disabled_reason": reason},
    )
    disabled_event.write(conn, endpoint_id=endpoint.id, reason=reason, detail=detail)
    return DisabledEndpoint(endpoint.id, reason)
