"""Checks If-Match, so that a client cannot overwrite a change that it has not read."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import problems

HEADER = {
    "ETag": {
        "schema": {"type": "string"},
        "description": "The version. Send it as If-Match when you change the resource.",
    }
}


def etag(version: int) -> dict[str, str]:
    """Return the ETag header for this version of a resource."""
    return {"ETag": f'"{version}"'}


def parameter(*, required: bool) -> dict[str, Any]:
    """Return the If-Match parameter for the OpenAPI document."""
    return {
        "in": "header",
        "name": "If-Match",
        "required": required,
        "schema": {"type": "string"},
        "description": "The ETag of the version to change, or * for any version.",
        "example": "*",
    }


def check(version: int, *, required: bool) -> None:
    """Raise a Problem if the header If-Match is present and does not match `version`.

    With `required`, also raise a Problem if the header is absent.
    """
    request = flask.request
    if "If-Match" not in request.headers:
        if required:
            raise problems.Problem(
                "precondition_required", "Send If-Match with the ETag that you read, or with *."
            )
        return
    if request.if_match.contains_weak(str(version)) and not request.if_match.contains(str(version)):
        raise problems.Problem(
            "precondition_failed",
            f'If-Match accepts no weak ETag. Send "{version}" without W/, as the API returned it.',
        )
    if not request.if_match.contains(str(version)):
        raise problems.Problem(
            "precondition_failed",
            f"The current version is {version}. Read it again, then decide about your change.",
        )
