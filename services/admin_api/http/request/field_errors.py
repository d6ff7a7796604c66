"""Describes the invalid values of a request by JSON pointers and messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from admin_api.http import problems

MAX_FIELD_ERRORS = 50  # limit of the errors in one response; a body can hold thousands of errors
MAX_MESSAGE_CHARACTERS = 300


def pointer_to(path: list[str | int]) -> str:
    """Return a JSON pointer (RFC 6901). Replaces characters that UTF-8 cannot encode."""
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in path]
    text = "".join(f"/{step}" for step in steps)[:MAX_MESSAGE_CHARACTERS]
    return text.encode("utf-8", "replace").decode()


def flattened(messages: Any, path: tuple[str | int, ...] = ()) -> Iterator[problems.FieldError]:
    """Yield the messages, which marshmallow nests by field, one by one.

    Under the key `_schema`, marshmallow has messages about a whole object.
    """
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from flattened(inner, path if name == "_schema" else (*path, name))
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield problems.FieldError(pointer_to(list(path)), str(message)[:MAX_MESSAGE_CHARACTERS])


def invalid(fields: list[problems.FieldError]) -> problems.Problem:
    """Return the problem for a request with these errors."""
    return problems.Problem(
        "invalid_request", "`errors` lists each invalid value.", fields[:MAX_FIELD_ERRORS]
    )
