"""Parses JSON, and accepts only values that Postgres can store and a terminal can safely show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from admin_api.http import problems
from admin_api.http.request import json_bounds
from admin_api.http.request.field_errors import MAX_MESSAGE_CHARACTERS, invalid, pointer_to
from crawljobs.domain import plain_text


def parsed_json(body: bytes, values_max: int) -> Any:
    """Return the parsed JSON.

    Raises a Problem if the body is not valid JSON, or has a text that Postgres cannot store or that
    could control a terminal.
    """
    try:
        json_bounds.check(body, values_max)
        value = json.loads(
            body.decode(),
            parse_constant=_no_constant,
            parse_int=json_bounds.whole_number,
            parse_float=json_bounds.decimal_number,
            object_pairs_hook=_unique,
        )
    except json_bounds.TooManyValues as error:
        raise invalid([problems.FieldError("", str(error))]) from None
    except ValueError as error:  # ValueError is also raised for bytes that are not UTF-8
        raise problems.Problem("invalid_json", str(error)[:MAX_MESSAGE_CHARACTERS]) from None
    unusable = [
        problems.FieldError(pointer_to(path), f"holds {fault}") for path, fault in _unusable(value)
    ]
    if unusable:
        raise invalid(unusable)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object. Raises ValueError for a repeated key, whose value would be unclear."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same key twice")
    return members


def _unusable(value: Any) -> Iterator[tuple[list[str | int], str]]:
    """Yield the path and error of each string that Postgres refuses or that controls a terminal.

    Does not use recursion, because deep nesting could overflow the stack.
    """
    rest: list[tuple[list[str | int], Any]] = [([], value)]
    while rest:
        path, here = rest.pop()
        if isinstance(here, str):
            if plain_text.has_steering(here):
                yield path, "a control character"
            elif not here.isascii() and _has_surrogate(here):
                yield path, "half of a surrogate pair"
        elif isinstance(here, dict):
            for key, inner in here.items():
                rest += [(path, key), ([*path, key], inner)]
        elif isinstance(here, list):
            rest += [([*path, index], inner) for index, inner in enumerate(here)]


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
