"""The problem codes that an operation can return. Each part of an operation adds its codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

# The codes of each operation that needs a token.
USUAL = (
    "bad_request",
    "unknown_parameter",
    "missing_token",
    "invalid_token",
    "insufficient_scope",
    "body_too_large",
    "too_many_requests",
    "too_many_failures",
    "internal_error",
    "database_unavailable",
    "service_unavailable",
    "shutting_down",
    "unknown_schema",
)
OF_BODIES = (
    "broken_body",
    "invalid_json",
    "body_timeout",
    "unsupported_media_type",
    "invalid_request",
)
OF_PARAMETERS = ("invalid_request",)
OF_CURSORS = ("invalid_cursor",)
# POST accepts Idempotency-Key. A request with a key is compared with the stored one, so its body is
# read even where the operation has no body. An invalid key is an invalid request.
OF_KEYS = (
    "broken_body",
    "body_timeout",
    "invalid_request",
    "key_in_progress",
    "answer_not_kept",
    "key_reused",
    "too_many_keys",
)
OF_IF_MATCH = ("precondition_failed",)
OF_REQUIRED_IF_MATCH = ("precondition_failed", "precondition_required")

_NAME = "problem_codes"


def add(view: View, *codes: str) -> View:
    """Add codes to a view, and return the view. A wrapper of the view has the same codes."""
    setattr(view, _NAME, of(view) | set(codes))
    return view


def of(view: Callable[..., Any]) -> frozenset[str]:
    """Return the codes that add() has added to this view."""
    found: frozenset[str] = getattr(view, _NAME, frozenset())
    return found
