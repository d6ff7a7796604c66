"""A base class for schemas, which dumps objects faster than marshmallow does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import marshmallow as ma
from marshmallow import fields

# The types of plain fields. The JSON value of a plain field equals the attribute of the object.
_COPIED = (fields.String, fields.Integer, fields.Boolean, fields.Dict)


class DirectDump(ma.Schema):
    """The base class of schemas for objects whose attributes already have the declared types.

    dump() copies the attributes of plain fields, and runs no pre_dump or post_dump hook. It dumps
    all other fields as marshmallow does. Without this class, a list of 100 jobs costs 1.6 times the
    CPU time (shared/DECISIONS.md, decision 106).
    """

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return the objects as JSON values. Raises AttributeError for a missing attribute."""
        is_list = self.many if many is None else many
        return [self._dumped(each) for each in obj] if is_list else self._dumped(obj)

    @functools.cached_property
    def _plan(self) -> list[tuple[str, str, Callable[..., Any] | None]]:
        """Return each field's key, attribute and converter. The converter None means a copy."""
        return [
            (
                field.data_key or name,
                field.attribute or name,
                None if type(field) in _COPIED else field.serialize,
            )
            for name, field in self.dump_fields.items()
        ]

    def _dumped(self, obj: Any) -> dict[str, Any]:
        return {
            key: getattr(obj, attribute) if convert is None else convert(attribute, obj, _attribute)
            for key, attribute, convert in self._plan
        }


def _attribute(obj: Any, name: str, _default: Any) -> Any:
    # Raises AttributeError for a missing attribute, which is a bug. marshmallow's own function
    # would leave the field out of the response.
    return getattr(obj, name)
