"""Functions that the routes of webhooks share. They check URLs, lock endpoints, audit changes."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

from admin_api.http import preconditions, problems, responses, state
from admin_api.schemas.webhook import WebhookSchema
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.job import JobSource
from crawljobs.domain.webhook import Endpoint, EndpointFilter, EndpointState
from crawljobs.repository.operations import audit_log
from crawljobs.repository.webhooks import endpoint_rows
from crawljobs.repository.webhooks.endpoint_changes import EndpointSpec
from crawljobs.runtime.outbound.outbound_errors import OutboundError

PREFIX = "/api/admin/webhooks"
RESOURCE_TYPE = "webhook"
CHECKS_MAX = 3  # limit of the URLs that a process checks at the same time
CHECK_WAIT_SECONDS = 0.5

_checks = threading.BoundedSemaphore(CHECKS_MAX)


def check_url(url: str) -> None:
    """Raise a Problem if the guard of outbound connections refuses the URL.

    The guard resolves the name of the host, which takes up to 3 s. So call this outside a
    transaction. Only CHECKS_MAX threads check URLs at the same time. Otherwise names whose DNS
    servers never answer could occupy all threads.
    """
    if not _checks.acquire(timeout=CHECK_WAIT_SECONDS):
        raise problems.Problem(
            "too_many_requests",
            f"{CHECKS_MAX} URLs are being checked, which takes up to 3 s. Send the request again.",
            headers={"Retry-After": "3"},
        )
    try:
        state.current().outbound.check(url)
    except OutboundError as error:
        raise problems.refuse_value("/url", str(error)) from None
    finally:
        _checks.release()


def spec_of(params: dict[str, Any], before: Endpoint | None = None) -> EndpointSpec:
    """Return the endpoint that a request describes. An absent field keeps its value in `before`."""
    given = dict(params)
    if before is not None:
        kept = vars(before)
        given = {name: given.get(name, kept[name]) for name in ("url", "events", "description")}
        given["filter"] = params.get("filter", before.filter)
    chosen = given["filter"]
    return EndpointSpec(
        url=given["url"],
        events=list(dict.fromkeys(given["events"])),
        description=given["description"] or None,
        filter=chosen if isinstance(chosen, EndpointFilter) else _filter_of(chosen or {}),
    )


def _filter_of(params: dict[str, Any]) -> EndpointFilter:
    source, name = params.get("source"), params.get("subreddit")
    return EndpointFilter(
        group_id=params.get("group_id"),
        source=None if source is None else JobSource(source),
        subreddit=None if name is None else name.lower(),
    )


def locked(conn: Connection, endpoint_id: int, *, if_match: bool = False) -> Endpoint:
    """Return the endpoint, locked until the transaction ends.

    Checks If-Match, which is required with `if_match`. Raises a Problem if the endpoint is missing
    or has another version.
    """
    found = endpoint_rows.lock(conn, endpoint_id=endpoint_id)
    if found is None:
        raise missing(endpoint_id)
    preconditions.check(found.version, required=if_match)
    return found


def locked_enabled(conn: Connection, endpoint_id: int) -> Endpoint:
    """Return the endpoint, locked. Raises a Problem if it is missing or disabled."""
    found = endpoint_rows.lock(conn, endpoint_id=endpoint_id)
    if found is None:
        raise missing(endpoint_id)
    if found.state is not EndpointState.ENABLED:
        raise problems.Problem(
            "webhook_disabled", "The endpoint is disabled. Enable it, then send the request again."
        )
    return found


def missing(endpoint_id: int) -> problems.Problem:
    return problems.Problem("not_found", f"There is no webhook {endpoint_id}.")


def audit(
    conn: Connection,
    actor: Actor,
    action: str,
    endpoint_id: int,
    *,
    before: Endpoint | None = None,
    after: Endpoint | None = None,
    **more: Any,
) -> None:
    """Write an audit row about the endpoint. The row's `after` also has the fields in `more`."""
    shown = None if after is None else _audited(after)
    audit_log.record(
        conn,
        actor=actor,
        action=action,
        resource_type=RESOURCE_TYPE,
        resource_id=endpoint_id,
        before=None if before is None else _audited(before),
        after={**(shown or {}), **more} if shown or more else None,
    )


def _audited(endpoint: Endpoint) -> dict[str, Any]:
    """Return the fields of an endpoint for the audit log.

    The path and the query of the URL are left out, because they may be secret: some receivers
    accept every request to the right path.
    """
    dumped: dict[str, Any] = WebhookSchema().dump(endpoint)
    parts = urlsplit(endpoint.url)
    rest = endpoint.url.removeprefix(f"{parts.scheme}://{parts.netloc}")
    hidden = "/***" if rest.strip("/") else rest
    return {**dumped, "url": f"{parts.scheme}://{parts.netloc}{hidden}"}


def shown(endpoint: Endpoint, status: int = 200) -> responses.Response:
    """Return the endpoint as a response with its ETag."""
    return endpoint, status, preconditions.etag(endpoint.version)
