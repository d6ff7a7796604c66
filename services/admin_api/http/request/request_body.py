"""Reads a request's body, up to a size limit. server/worker.py has already received the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import flask
from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from werkzeug.exceptions import RequestEntityTooLarge

from admin_api.http import problems
from admin_api.http.request.json_bounds import Bounds

USUAL = Bounds(bytes=64 * 1024, values=500)  # the limits of most bodies
MANY = Bounds(bytes=1024 * 1024, values=2_000)  # the limits of bodies of bulk requests
LARGE = Bounds(bytes=4 * 1024 * 1024, values=250_000)  # the limits of bodies with steps
BOUNDS = "body_bounds"  # name of the attribute that holds a view's limits
_CHUNK_BYTES = 64 * 1024
_NAME = "request_body"


class BodyTooLarge(Exception):
    """The body exceeds the limits of all routes. The server has received only a part of it."""


def read() -> bytes:
    """Return the body. Raises a Problem if it is too large, late or broken.

    Later calls return the same body.
    """
    if _NAME not in flask.g:
        setattr(flask.g, _NAME, _read())
    body: bytes = flask.g.get(_NAME)
    return body


def is_announced() -> bool:
    """Return whether the head of the request announces a body. A chunked body may be empty."""
    request = flask.request
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def is_plain_json() -> bool:
    """Return whether the head of the request announces uncompressed JSON."""
    request = flask.request
    return request.mimetype == "application/json" and request.content_encoding in (None, "identity")


def is_declared(view: Callable[..., Any] | None) -> bool:
    """Return whether the view declares a body, by `Blueprint.body`."""
    return hasattr(view, BOUNDS)


def bounds() -> Bounds:
    """Return the body limits of the request's view, or the default limits."""
    view = flask.current_app.view_functions.get(flask.request.endpoint or "")
    found: Bounds = getattr(view, BOUNDS, USUAL)
    return found


def _read() -> bytes:
    most = bounds().bytes
    body = bytearray()
    for chunk in _chunks(most):
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def refuse_large() -> None:
    """Respond 413 if Content-Length exceeds the route's limit, even if the view reads no body."""
    most = bounds().bytes
    if (flask.request.content_length or 0) > most:
        raise _too_large(most)


def _too_large(most: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"This path accepts a body of at most {most:,} bytes.")


def _chunks(most: int) -> Iterator[bytes]:
    """Yield the body in pieces, with at most `most` + 1 bytes in total.

    If all pieces together have `most` + 1 bytes, the body is too large. Raises a Problem if the
    body is late, malformed or shorter than its Content-Length.
    """
    environ = flask.request.environ
    announced = flask.request.content_length
    ends_by_itself = environ.get("wsgi.input_terminated", False)
    left = (most + 1 if ends_by_itself else 0) if announced is None else announced
    while left > 0:
        try:
            chunk = environ["wsgi.input"].read(min(_CHUNK_BYTES, left))
        except TimeoutError:
            detail = "The body did not arrive in time. Send the request again."
            raise problems.Problem("body_timeout", detail) from None
        except BodyTooLarge:
            raise _too_large(most) from None
        except (http_errors.ParseException, OSError):
            raise problems.Problem(
                "broken_body", "The chunks of the body are malformed. Send the request again."
            ) from None
        if not chunk:
            if announced:
                detail = "The body is shorter than its Content-Length. Send the request again."
                raise problems.Problem("broken_body", detail)
            return
        left -= len(chunk)
        yield chunk


def install(app: flask.Flask) -> None:
    app.before_request(refuse_large)
