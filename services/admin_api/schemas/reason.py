"""The field for the reason of a change, which is stored for other operators."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

REASON_MAX_CHARACTERS = 500


def reason(**options: Any) -> fields.String:
    """Return the field of a reason of 1 to 500 characters. `options` are passed to the field."""
    return fields.String(
        validate=[
            validate.Length(min=1, max=REASON_MAX_CHARACTERS),
            validate.Regexp(r"[\s\S]*\S", error="must not be blank"),
        ],
        **options,
    )
