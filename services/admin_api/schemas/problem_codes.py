"""The problem codes of each operation, also the codes for errors of its token, body or cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from admin_api.schemas.problem_kinds import KINDS

View = TypeVar("View", bound=Callable[..., Any])

OF_ALL = (
    "bad_request",
    "unknown_parameter",
    "body_too_large",
    "internal_error",
    "service_unavailable",
    "shutting_down",
)
# The codes of each operation that needs a token. The last two codes are errors of the database,
# which holds the tokens.
OF_TOKENS = (
    "missing_token",
    "invalid_token",
    "insufficient_scope",
    "too_many_requests",
    "too_many_failures",
    "database_unavailable",
    "unknown_schema",
)
OF_BODIES = (
    "broken_body",
    "invalid_json",
    "body_timeout",
    "unsupported_media_type",
    "invalid_request",
)
# The codes of operations that declare no body. If a request has a body, the API still reads the
# body, because an empty object is accepted.
OF_NO_BODY = ("unexpected_body", "broken_body", "body_timeout")
OF_PARAMETERS = ("invalid_request",)
OF_CURSORS = ("invalid_cursor",)
# The codes of operations with the method POST, which accepts the header Idempotency-Key. An invalid
# key has the code `invalid_request`.
OF_KEYS = (
    "invalid_request",
    "key_in_progress",
    "answer_not_kept",
    "key_reused",
    "too_many_keys",
)
OF_IF_MATCH = ("precondition_failed",)
OF_REQUIRED_IF_MATCH = ("precondition_failed", "precondition_required")

EXTENSION = "x-problem-codes"  # the key of an operation's codes in the OpenAPI document
_CODES, _NEEDS_NO_TOKEN = "problem_codes", "needs_no_token"  # names of attributes of views


def add(view: View, *codes: str) -> View:
    """Add codes to a view, and return the view. functools.wraps copies the codes to a wrapper."""
    setattr(view, _CODES, getattr(view, _CODES, frozenset()) | set(codes))
    return view


def without_token(view: View) -> View:
    """Mark and return a view that needs no token: `of` leaves out the codes in OF_TOKENS."""
    setattr(view, _NEEDS_NO_TOKEN, True)
    return view


def of(view: Callable[..., Any]) -> list[str]:
    """Return the view's codes, sorted by HTTP status. Call `add` and `without_token` before."""
    codes: set[str] = {*OF_ALL, *getattr(view, _CODES, ())}
    if not hasattr(view, _NEEDS_NO_TOKEN):
        codes |= set(OF_TOKENS)
    return sorted(codes, key=lambda code: (KINDS[code].status, code))
