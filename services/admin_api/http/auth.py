"""Who may come in: every route wants a bearer token unless it is listed here."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass

import flask

from admin_api.http import api_counters, client_address, problems, state
from admin_api.http.request import request_id
from crawljobs.domain import access
from crawljobs.domain.access import Scope
from crawljobs.domain.actor import Actor
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import api_tokens
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# Health is asked for by machines that hold no secret; the docs' static files hold no data.
PUBLIC_ENDPOINTS = frozenset(
    {
        "health.healthz",
        "health.readyz",
        "docs.root",
        "docs.index",
        "docs.static",
        "docs.openapi_copy",
    }
)

BOOTSTRAP_NAME = "bootstrap"  # the actor behind the token of the environment
_SCHEME = "bearer "
_HINT = "Send the header 'Authorization: Bearer <token>'; /docs describes the API."
_NOBODY = access.digest("no token has this hash")


@dataclass(frozen=True)
class Identity:
    """Whose token came with the request. `key` tells tokens of the same name apart."""

    name: str
    key: str
    scopes: frozenset[Scope]

    @property
    def token_id(self) -> str | None:
        """None of the bootstrap token, which has no row."""
        return None if self.key == BOOTSTRAP_NAME else self.key

    @property
    def is_bootstrap(self) -> bool:
        """No quota holds for it: it is the operator's, who must get in when others ask too much."""
        return self.token_id is None


def token_of(authorization: str | None) -> str | None:
    """The token in an Authorization header, or None."""
    if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return authorization[len(_SCHEME) :].strip() or None


def same_token(offered: str, expected: str) -> bool:
    """Compare in constant time: digests are equally long and plain bytes, whatever was offered."""
    return hmac.compare_digest(access.digest(offered), access.digest(expected))


def require_token() -> None:
    """Deny by default: unknown paths and methods too, so that nothing can be probed."""
    if flask.request.endpoint in PUBLIC_ENDPOINTS:
        return
    offered = token_of(flask.request.headers.get("Authorization"))
    if offered is None:
        _refuse("missing_token", 'Bearer realm="crawljobs"')
        return
    identity = _identify(offered)
    if identity is None:
        _refuse("invalid_token", 'Bearer realm="crawljobs", error="invalid_token"')
    flask.g.identity = identity


def _identify(offered: str) -> Identity | None:
    if same_token(offered, state.current().settings.token):
        return Identity(BOOTSTRAP_NAME, BOOTSTRAP_NAME, frozenset(Scope))
    token_id = access.id_of(offered)
    if token_id is None:
        return None
    _refuse_haste(offered)
    with state.current().database.read() as conn:
        stored = api_tokens.find(conn, token_id=token_id)
    # Compared also when there is none: how long it takes must not tell whether an id exists.
    is_good = hmac.compare_digest(
        access.digest(offered), _NOBODY if stored is None else stored.token_hash
    )
    if stored is None or not is_good or not stored.token.live:
        return None
    state.current().rates.remember(access.digest(offered))
    if stored.is_stale:
        _mark_used(token_id)
    return Identity(stored.token.name, token_id, stored.token.scopes)


def _refuse_haste(offered: str) -> None:
    """Before the database is asked: that a token is good was seen when it was remembered."""
    wait = state.current().rates.take(access.digest(offered))
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
        state.current().database.run(lambda conn: api_tokens.mark_used(conn, token_id=token_id))
    except DatabaseUnavailable as error:  # read-only, perhaps: reading goes on
        log.warning("auth.use_not_noted", reason=str(error), request_id=request_id.current())


def _refuse(code: str, challenge: str) -> None:
    client = current_client_address()
    wait = state.current().failed_logins.failed(client) if code == "invalid_token" else 0.0
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
    """Only inside a request that was let in."""
    identity: Identity = flask.g.identity
    return identity


def current_name() -> str | None:
    """The name of the token in use, for logs; None before it was checked."""
    identity: Identity | None = flask.g.get("identity")
    return None if identity is None else identity.name


def current_actor() -> Actor:
    """Who changes something, for the audit row. Only inside a request that was let in."""
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
