"""ETag and If-Match: nobody overwrites a change that they have not seen."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import problems

HEADER = {
    "ETag": {
        "schema": {"type": "string"},
        "description": "The version; send it as If-Match with a change.",
    }
}


def etag(version: int) -> dict[str, str]:
    """The header for an answer that shows this version."""
    return {"ETag": f'"{version}"'}


def parameter(*, required: bool) -> dict[str, Any]:
    """The OpenAPI parameter of an operation that looks at If-Match."""
    return {
        "in": "header",
        "name": "If-Match",
        "required": required,
        "schema": {"type": "string"},
        "description": "The ETag of the version to change, or * for whichever there is.",
        "example": "*",
    }


def check(version: int, *, required: bool) -> None:
    """Raise a Problem unless If-Match names this version, or is absent and need not be there."""
    request = flask.request
    if "If-Match" not in request.headers:
        if required:
            raise problems.Problem(
                "precondition_required", "Send the ETag that you read as If-Match, or If-Match: *."
            )
        return
    if request.if_match.contains_weak(str(version)) and not request.if_match.contains(str(version)):
        raise problems.Problem(
            "precondition_failed",
            f'A weak ETag never matches here: send "{version}" without W/, as it was given.',
        )
    if not request.if_match.contains(str(version)):
        raise problems.Problem(
            "precondition_failed", f"It is at version {version} now: read it again, then decide."
        )
