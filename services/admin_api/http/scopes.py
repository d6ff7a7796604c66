"""Checks that a token has the scope of the view. A view without a scope accepts any valid token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import flask

from admin_api.http import auth, problems
from crawljobs.domain.api_token import Scope

View = TypeVar("View", bound=Callable[..., Any])


def set_scope(scope: Scope | None, view: View) -> View:
    view.scope = scope  # type: ignore[attr-defined] # read by scope_of()
    return view


def scope_of(endpoint: str | None) -> Scope | None:
    """Return the scope that the view requires. None: unknown paths and the OpenAPI document."""
    view = flask.current_app.view_functions.get(endpoint or "")
    scope: Scope | None = getattr(view, "scope", None)
    return scope


def require() -> None:
    """Raise a Problem if the token lacks the scope of the view. Public endpoints need no scope."""
    scope = scope_of(flask.request.endpoint)
    if scope is not None and flask.request.endpoint not in auth.PUBLIC_ENDPOINTS:
        require_also(scope, "for this")


def require_also(scope: Scope, why: str) -> None:
    """Raise a Problem unless the token of the request has this scope."""
    identity = auth.current_identity()  # raises an error if the request is not authenticated
    if scope in identity.scopes:
        return
    held = ", ".join(sorted(identity.scopes))
    raise problems.Problem(
        "insufficient_scope",
        f"The scope {scope} is required {why}; the token has {held}.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


def install(app: flask.Flask) -> None:
    app.before_request(require)
