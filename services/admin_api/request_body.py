"""Reading a body: bounded in bytes and in time, so that nobody holds a thread for long."""

from __future__ import annotations

from collections.abc import Iterator

import flask
from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from werkzeug.exceptions import RequestEntityTooLarge

from admin_api import errors, request_deadline

MAX_BYTES = 1024 * 1024
# A client that is still sending would see a reset connection instead of the answer, so this much
# of what is too large is read and thrown away.
DRAINED_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_NAME = "request_body"


def read() -> bytes:
    """The whole body, however often it is asked for; a Problem when it is too large or too slow."""
    if _NAME not in flask.g:
        setattr(flask.g, _NAME, _read())
        request_deadline.begin_anew()  # the client took its time, not we
    body: bytes = flask.g.get(_NAME)
    return body


def _read() -> bytes:
    body = bytearray()
    for chunk in _chunks():
        if len(body) <= MAX_BYTES:
            body += chunk
    if len(body) > MAX_BYTES:
        raise _too_large()
    return bytes(body)


def refuse_large() -> None:
    """Answer 413 by the announced length, on every route."""
    if (flask.request.content_length or 0) > MAX_BYTES:
        raise _too_large()  # gunicorn_worker throws away what still comes, and holds no thread


def _too_large() -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"The body may have at most {MAX_BYTES} bytes.")


def _chunks() -> Iterator[bytes]:
    """What arrives, up to DRAINED_BYTES; a Problem when that is less than was announced.

    gunicorn_worker ends a read that waits too long, by TimeoutError.
    """
    environ = flask.request.environ
    announced = flask.request.content_length
    ends_by_itself = environ.get("wsgi.input_terminated", False)
    left = min(announced or (DRAINED_BYTES if ends_by_itself else 0), DRAINED_BYTES)
    while left > 0:
        try:
            chunk = environ["wsgi.input"].read(min(_CHUNK_BYTES, left))
        except TimeoutError:
            detail = "It did not arrive in time; send it again."
            raise errors.Problem("body_timeout", detail) from None
        except (http_errors.ParseException, OSError):
            raise errors.Problem("broken_body", "It is not well chunked; send it again.") from None
        if not chunk:
            if announced:
                detail = "It was shorter than its Content-Length; send it again."
                raise errors.Problem("broken_body", detail)
            return
        left -= len(chunk)
        yield chunk


def install(app: flask.Flask) -> None:
    app.before_request(refuse_large)
