"""What each view wants of a token. A view without a scope would be open to any token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import flask

from admin_api.http import problems
from crawljobs.domain.access import Scope

View = TypeVar("View", bound=Callable[..., Any])


def wants(scope: Scope, view: View) -> View:
    view.scope = scope  # type: ignore[attr-defined] # read by wanted()
    return view


def wanted(endpoint: str | None) -> Scope | None:
    """None for a path that does not exist, and for the OpenAPI document: any token will do."""
    view = flask.current_app.view_functions.get(endpoint or "")
    scope: Scope | None = getattr(view, "scope", None)
    return scope


def require() -> None:
    scope = wanted(flask.request.endpoint)
    if flask.g.get("identity") is not None and scope is not None:
        require_also(scope, "for this")


def require_also(scope: Scope, why: str) -> None:
    """Raise a Problem unless the request's token has this scope."""
    identity = flask.g.identity
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
