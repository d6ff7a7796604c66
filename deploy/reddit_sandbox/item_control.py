"""Routes with which tests and the demo change single posts and comments. They need no token."""

from typing import Any

import flask

from reddit_sandbox import sandbox

blueprint = flask.Blueprint("item_control", __name__, url_prefix="/sandbox")


@blueprint.post("/delete")
def delete() -> tuple[dict[str, object], int]:
    """Delete a post or comment as its author would. Example of a body: {"name": "t3_abc"}."""
    name = _item(_body())
    if name is None:
        return _no_item()
    sandbox.current().world.delete(name)
    return {"deleted": name}, 200


@blueprint.post("/hold")
def hold() -> tuple[dict[str, object], int]:
    """Hide an item as a moderator's filter would, for example {"name": "t3_abc", "held": true}.

    With "held": false, listings show the item again.
    """
    body = _body()
    name, held = _item(body), body.get("held")
    if name is None:
        return _no_item()
    if not isinstance(held, bool):
        return {"error": "held: expected true or false"}, 422
    sandbox.current().world.hold(name, held=held)
    return {"name": name, "held": held}, 200


@blueprint.post("/omit")
def omit() -> tuple[dict[str, object], int]:
    """Leave an item out of replies of /api/info, for example {"name": "t3_abc", "omitted": true}.

    With "omitted": false, the replies show the item again. Listings and trees show it always.
    """
    body = _body()
    name, omitted = _item(body), body.get("omitted")
    if name is None:
        return _no_item()
    if not isinstance(omitted, bool):
        return {"error": "omitted: expected true or false"}, 422
    sandbox.current().omissions.change(name, omitted=omitted)
    return {"name": name, "omitted": omitted}, 200


def _body() -> dict[str, Any]:
    body = flask.request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def _item(body: dict[str, Any]) -> str | None:
    """Return the full name in the body, or None if no such post or comment exists."""
    name = body.get("name")
    exists = isinstance(name, str) and sandbox.current().world.resolve(name) is not None
    return name if exists else None


def _no_item() -> tuple[dict[str, object], int]:
    return {"error": "name: expected the full name of a post or comment that exists"}, 422
