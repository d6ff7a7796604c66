"""A validator for fields with a named set of values, which may grow in later releases."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from marshmallow import validate


class Known(validate.OneOf):
    """The known values of a field. In the OpenAPI document, `name` is the name of their schema.

    Requests must have a known value. For responses the document also allows every other text, so
    that clients can read the values of later releases.
    """

    def __init__(self, name: str, values: Iterable[str]) -> None:
        super().__init__(list(values))
        self.name = name


def known(values: type[StrEnum]) -> Known:
    """Return a validator for an enumeration's values. The validator has the enumeration's name."""
    return Known(values.__name__, [value.value for value in values])
