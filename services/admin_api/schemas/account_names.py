"""Fields that may have the names of Reddit accounts, which only tokens with `content` may read."""

from __future__ import annotations

from typing import Any

import flask
from marshmallow import fields

from crawljobs.domain.api_token import Scope
from crawljobs.domain.missing_part import PartKind

HIDDEN = "[account]"


def _may_read() -> bool:
    """Return whether the token of the request has the scope `content`."""
    identity = flask.g.get("identity") if flask.has_request_context() else None
    return identity is not None and Scope.CONTENT in identity.scopes


class PartItem(fields.String):
    """The item of a missing part.

    For the history of an account, the item is the name of the account, which is hidden from tokens
    without the scope `content`.
    """

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        is_name = obj.kind == PartKind.HISTORY
        shown = HIDDEN if is_name and not _may_read() else value
        return super()._serialize(shown, attr, obj, **options)


class Checkpoint(fields.Dict):
    """The checkpoint of a job. It lists the accounts whose histories the crawl still requests."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        if not isinstance(value, dict) or _may_read():
            return value
        shown = dict(value)
        if isinstance(value.get("histories"), list):
            shown["histories"] = [HIDDEN] * len(value["histories"])
        if isinstance(value.get("missing"), list):
            shown["missing"] = [_without_name(part) for part in value["missing"]]
        return shown


def _without_name(part: Any) -> Any:
    if isinstance(part, dict) and part.get("kind") == PartKind.HISTORY:
        return {**part, "item": HIDDEN}
    return part
