"""Reading a body: bounded in bytes. gunicorn_worker has waited for it, and none waits here."""

from __future__ import annotations

from collections.abc import Iterator

import flask
from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from werkzeug.exceptions import RequestEntityTooLarge

from admin_api.http import problems
from admin_api.http.request.json_bounds import Bounds
from admin_api.server.arriving_request import BodyTooLarge

# Of a view that does not say; and of one that changes many things at once.
USUAL = Bounds(bytes=64 * 1024, values=500)
MANY = Bounds(bytes=1024 * 1024, values=2_000)
BOUNDS = "body_bounds"  # the attribute of a view that has them
_CHUNK_BYTES = 64 * 1024
_NAME = "request_body"


def read() -> bytes:
    """The whole body, however often it is asked for; a Problem when it is too large or too slow."""
    if _NAME not in flask.g:
        setattr(flask.g, _NAME, _read())
    body: bytes = flask.g.get(_NAME)
    return body


def bounds() -> Bounds:
    """Of this request's body: those of its view, the usual ones when there is none."""
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
    """Answer 413 by the announced length, on every route."""
    most = bounds().bytes
    if (flask.request.content_length or 0) > most:
        raise _too_large(most)


def _too_large(most: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"The body may have at most {most:,} bytes here.")


def _chunks(most: int) -> Iterator[bytes]:
    """What has come, to a byte more than `most`; a Problem when that is less than was announced."""
    environ = flask.request.environ
    announced = flask.request.content_length
    ends_by_itself = environ.get("wsgi.input_terminated", False)
    left = (most + 1 if ends_by_itself else 0) if announced is None else announced
    while left > 0:
        try:
            chunk = environ["wsgi.input"].read(min(_CHUNK_BYTES, left))
        except TimeoutError:
            detail = "It did not arrive in time; send it again."
            raise problems.Problem("body_timeout", detail) from None
        except BodyTooLarge:
            raise _too_large(most) from None
        except (http_errors.ParseException, OSError):
            raise problems.Problem(
                "broken_body", "It is not well chunked; send it again."
            ) from None
        if not chunk:
            if announced:
                detail = "It was shorter than its Content-Length; send it again."
                raise problems.Problem("broken_body", detail)
            return
        left -= len(chunk)
        yield chunk


def install(app: flask.Flask) -> None:
    app.before_request(refuse_large)
