"""Checks the bearer token of each request. Only PUBLIC_ENDPOINTS need no token."""

from __future__ import annotations

import hmac
import math
from typing import NoReturn

import flask

from admin_api.http import api_counters, client_address, problems, state
from admin_api.http.request import request_id
from admin_api.http.request.identity import BOOTSTRAP_NAME, Identity
from crawljobs.domain import api_token
from crawljobs.domain.actor import Actor
from crawljobs.domain.api_token import Scope
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import token_authentication
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# These endpoints need no token. Load balancers have none for the probes. The docs pages and the
# files of the dashboard contain no data.
PUBLIC_ENDPOINTS = frozenset(
    {
        "health.healthz",
        "health.readyz",
        "docs.root",
        "docs.index",
        "docs.static",
        "docs.openapi_copy",
        "dashboard.without_slash",
        "dashboard.page",
        "dashboard.static_file",
    }
)

_SCHEME = "bearer "
_HINT = "Send the header 'Authorization: Bearer <token>'; /docs describes the API."
_HASH_OF_NO_TOKEN = api_token.digest("no token has this hash")


def token_of(authorization: str | None) -> str | None:
    """Return the token in an Authorization header, or None if the header has no bearer token."""
    if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return authorization[len(_SCHEME) :].strip() or None


def same_token(offered: str, expected: str) -> bool:
    """Return whether two tokens are equal. The comparison takes the same time for all tokens."""
    return hmac.compare_digest(api_token.digest(offered), api_token.digest(expected))


def require_token() -> None:
    """Raise a Problem if the request has no valid token.

    Unknown paths and methods need a token too. Otherwise clients without a token could find out
    which routes exist.
    """
    if flask.request.endpoint in PUBLIC_ENDPOINTS:
        return
    offered = token_of(flask.request.headers.get("Authorization"))
    if offered is None:
        _refuse("missing_token", 'Bearer realm="crawljobs"')
    identity = _identify(offered)
    if identity is None:
        _refuse("invalid_token", 'Bearer realm="crawljobs", error="invalid_token"')
    flask.g.identity = identity


def _identify(offered: str) -> Identity | None:
    if same_token(offered, state.current().settings.token):
        return Identity(BOOTSTRAP_NAME, BOOTSTRAP_NAME, frozenset(Scope))
    token_id = api_token.id_of(offered)
    if token_id is None:
        return None
    _check_request_rate(offered)
    with state.current().database.read() as conn:
        stored = token_authentication.find(conn, token_id=token_id)
    # Compare even if no token has this id. Otherwise the response time would show which ids exist.
    is_equal = hmac.compare_digest(
        api_token.digest(offered), _HASH_OF_NO_TOKEN if stored is None else stored.token_hash
    )
    if stored is None or not is_equal or not stored.token.live:
        return None
    state.current().rates.remember(api_token.digest(offered))
    if stored.is_stale:
        _mark_used(token_id)
    token = stored.token
    return Identity(token.name, token_id, token.scopes, token.expires_at)


def _check_request_rate(offered: str) -> None:
    """Raise a Problem if a token sends too many requests.

    This check runs before the database checks the token, so the token may be invalid. RequestRates
    limits only tokens that the database has found valid before. All other tokens have no limit
    here.
    """
    wait = state.current().rates.take(api_token.digest(offered))
    if wait > 0:
        api_counters.throttled("requests")
        limit = state.current().settings.requests_per_second
        raise problems.Problem(
            "too_many_requests",
            f"A token may send {limit:g} requests a second to a process: wait, then send fewer.",
            headers={"Retry-After": str(math.ceil(wait))},
        )


def _mark_used(token_id: str) -> None:
    try:
        state.current().database.run(
            lambda conn: token_authentication.mark_used(conn, token_id=token_id)
        )
    except DatabaseUnavailable as error:
        # Only log the error. A read-only database cannot store the time of the token's last use,
        # but requests that only read must succeed.
        log.warning(
            "auth.last_used_update_failed", reason=str(error), request_id=request_id.current()
        )


def _refuse(code: str, challenge: str) -> NoReturn:
    client = current_client_address()
    logins = state.current().failed_logins
    wait = logins.record_failure(client) if code == "invalid_token" else 0.0
    if wait > 0:
        code = "too_many_failures"
    api_counters.refused(code)
    log.warning(
        "auth.refused", reason=code, client_address=str(client), request_id=request_id.current()
    )
    if wait > 0:
        raise problems.Problem(
            code,
            "Too many wrong tokens came from your address; wait, then send the right one.",
            headers={"Retry-After": str(math.ceil(wait))},
        )
    raise problems.Problem(code, _HINT, headers={"WWW-Authenticate": challenge})


def current_client_address() -> client_address.Address | None:
    request = flask.request
    return client_address.client_address(
        request.remote_addr,
        ",".join(request.headers.getlist("X-Forwarded-For")),
        state.current().settings.trusted_proxies,
    )


def current_identity() -> Identity:
    """Return the identity of the request's token. Call this only after authentication."""
    identity: Identity = flask.g.identity
    return identity


def current_name() -> str | None:
    """Return the name of the request's token for logs, or None before authentication."""
    identity: Identity | None = flask.g.get("identity")
    return None if identity is None else identity.name


def current_actor() -> Actor:
    """Return the actor for the request's audit rows. Call this only after authentication."""
    peer = client_address.parsed_address(flask.request.remote_addr)
    client = current_client_address()
    return Actor(
        name=current_identity().name,
        request_id=request_id.current(),
        peer_address=None if peer is None else str(peer),
        client_address=None if client is None else str(client),
        token_id=current_identity().token_id,
    )


def install(app: flask.Flask) -> None:
    app.before_request(require_token)
