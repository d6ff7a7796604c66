"""/api/admin/tokens: the API tokens and their scopes."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, pagination, preconditions, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import token_limits
from admin_api.schemas.token import (
    CreatedTokenSchema,
    TokenBodySchema,
    TokenListSchema,
    TokenParameters,
    TokenSchema,
)
from crawljobs.db.database import Connection
from crawljobs.domain import api_token
from crawljobs.domain.api_token import Scope, Token
from crawljobs.repository.operations import api_tokens, audit_log, token_authentication

PREFIX = "/api/admin/tokens"

blueprint = Blueprint(
    "tokens",
    __name__,
    url_prefix=PREFIX,
    description="API tokens and their scopes",
    reads=Scope.TOKENS,
    changes=Scope.TOKENS,
)

_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of the token."}}


@blueprint.get("")
@blueprint.parameters(TokenParameters)
@blueprint.answers_page(TokenListSchema, "One page of tokens.")
def list_tokens(params: dict[str, Any]) -> responses.Response:
    """List tokens in the order of their names, also expired and revoked tokens"""
    page = pagination.Page.requested("tokens", params)
    after = None if page.after is None else (str(page.after[0]), str(page.after[1]))
    with state.current().database.read() as conn:
        found = api_tokens.list_tokens(conn, after=after, limit=page.rows_to_fetch)
    shown = found[: page.limit]
    more = len(found) > page.limit
    return page.response_with(
        PREFIX, shown, next_at=[shown[-1].name, shown[-1].id] if more else None
    )


@blueprint.post("", secret=True)
@blueprint.body(
    TokenBodySchema,
    examples={"robot": {"value": {"name": "release-robot", "scopes": ["read", "jobs"]}}},
)
@blueprint.answers(201, CreatedTokenSchema, "The new token.", headers=_LOCATION)
@blueprint.problems("duplicate_name", "too_many_tokens", "insufficient_lifetime")
def create_token(params: dict[str, Any]) -> responses.Response:
    """Create a token

    Only this response shows the new token. The new token expires no later than your token. To
    rotate a token, use it to create another token with the same name. Deploy the new token, then
    revoke the old token.
    """
    identity, actor = auth.current_identity(), auth.current_actor()
    scopes = frozenset(Scope(scope) for scope in params["scopes"])
    if missing := scopes - identity.scopes:
        raise problems.Problem(
            "insufficient_scope",
            f"A token cannot grant scopes that it lacks: {', '.join(sorted(missing))}.",
            [problems.FieldError("/scopes", "more scopes than your token has")],
        )
    secret, token_id = api_token.new_token()

    def work(conn: Connection) -> Token:
        expires_at = token_limits.expiry_of_child(conn, identity, params["expires_at"])
        token_limits.refuse_name_of_another(conn, identity, params["name"])
        token = api_tokens.create(
            conn,
            token_id=token_id,
            token_hash=api_token.digest(secret),
            name=params["name"],
            scopes=scopes,
            created_by=actor.name,
            created_by_id=identity.token_id,
            expires_at=expires_at,
        )
        audit_log.record(
            conn,
            actor=actor,
            action="create",
            resource_type="api_token",
            resource_id=token_id,
            after=TokenSchema().dump(token),
        )
        return token

    token = state.current().database.run(work)
    return {**vars(token), "token": secret}, 201, {"Location": f"{PREFIX}/{token_id}"}


@blueprint.get("/<token:token_id>")
@blueprint.answers(200, TokenSchema, "The token, without its secret.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def show_token(token_id: str) -> responses.Response:
    """Show a token"""
    with state.current().database.read() as conn:
        found = token_authentication.find(conn, token_id=token_id)
    if found is None:
        raise _no_such_token(token_id)
    return found.token, 200, preconditions.etag(found.token.version)


@blueprint.delete("/<token:token_id>")
@blueprint.if_match(required=False)
@blueprint.answers(
    200, TokenSchema, "The token, which is no longer valid.", headers=preconditions.HEADER
)
@blueprint.problems("not_found", "token_revoked", "insufficient_lifetime")
def revoke_token(token_id: str) -> responses.Response:
    """Revoke a token

    The revoked token is invalid from the next request on, and stays in the list. A token can revoke
    itself. A token can revoke another token only if the other token has no additional scopes and no
    later expiry time.
    """
    identity, actor = auth.current_identity(), auth.current_actor()

    def work(conn: Connection) -> Token:
        before = api_tokens.lock(conn, token_id=token_id)
        if before is None:
            raise _no_such_token(token_id)
        token_limits.refuse_beyond_own(conn, identity, before)
        preconditions.check(before.version, required=False)
        after = api_tokens.revoke(conn, token_id=token_id, revoked_by=actor.name)
        if after is None:
            raise problems.Problem("token_revoked", f"Revoked by {before.revoked_by}.")
        audit_log.record(
            conn,
            actor=actor,
            action="revoke",
            resource_type="api_token",
            resource_id=token_id,
            before=TokenSchema().dump(before),
            after=TokenSchema().dump(after),
        )
        return after

    revoked = state.current().database.run(work)
    return revoked, 200, preconditions.etag(revoked.version)


def _no_such_token(token_id: str) -> problems.Problem:
    return problems.Problem("not_found", f"There is no token {token_id}.")
