"""Who may come in: every route wants the bearer token unless it is listed here."""

from __future__ import annotations

import hashlib
import hmac

import flask

from admin_api import client_address, errors, request_id, state
from crawljobs import logs
from crawljobs.domain.actor import Actor

log = logs.get_logger(__name__)

# Health is asked for by machines that hold no secret; the docs' static files hold no data.
PUBLIC_ENDPOINTS = frozenset(
    {"health.healthz", "health.readyz", "docs.index", "docs.static", "docs.openapi_copy"}
)

BOOTSTRAP_NAME = "bootstrap"  # the actor behind the token of the environment
_SCHEME = "bearer "
_HINT = "Send the header 'Authorization: Bearer <token>'; /docs describes the API."


def token_of(authorization: str | None) -> str | None:
    """The token in an Authorization header, or None."""
    if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return authorization[len(_SCHEME) :].strip() or None


def same_token(offered: str, expected: str) -> bool:
    """Compare in constant time: digests are equally long and plain bytes, whatever was offered."""
    digests = [
        hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        for token in (offered, expected)
    ]
    return hmac.compare_digest(*digests)


def require_token() -> None:
    """Deny by default: unknown paths and methods too, so that nothing can be probed."""
    if flask.request.endpoint in PUBLIC_ENDPOINTS:
        return
    offered = token_of(flask.request.headers.get("Authorization"))
    if offered is None:
        _refuse("missing_token", 'Bearer realm="crawljobs"')
    elif not same_token(offered, state.current().settings.token):
        _refuse("invalid_token", 'Bearer realm="crawljobs", error="invalid_token"')
    flask.g.actor_name = BOOTSTRAP_NAME


def _refuse(code: str, challenge: str) -> None:
    log.warning(
        "auth.refused",
        reason=code,
        client_address=str(current_client_address()),
        request_id=request_id.current(),
    )
    raise errors.Problem(code, _HINT, headers={"WWW-Authenticate": challenge})


def current_client_address() -> client_address.Address | None:
    request = flask.request
    return client_address.client_address(
        request.remote_addr,
        ",".join(request.headers.getlist("X-Forwarded-For")),
        state.current().settings.trusted_proxies,
    )


def current_name() -> str | None:
    """The name of the token in use, for logs; None before it was checked."""
    name: str | None = flask.g.get("actor_name")
    return name


def current_actor() -> Actor:
    """Who changes something, for the audit row. Only inside a request that was let in."""
    peer = client_address.parsed_address(flask.request.remote_addr)
    client = current_client_address()
    return Actor(
        name=flask.g.actor_name,
        request_id=request_id.current(),
        peer_address=None if peer is None else str(peer),
        client_address=None if client is None else str(client),
    )


def install(app: flask.Flask) -> None:
    app.before_request(require_token)
