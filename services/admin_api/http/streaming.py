"""Streamed responses: sent in large pieces, each with a deadline."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import flask

from admin_api.http import api_counters, auth, problems, state

# A client has PIECE_SECONDS to read a piece (16 KiB/s); then its connection is closed.
PIECE_BYTES = 480 * 1024
PIECE_SECONDS = 30.0
RETRY_AFTER_SECONDS = 10


def response(lines: Iterator[str], *, mimetype: str) -> flask.Response:
    """A response that streams the lines.

    Raises a Problem when the token, or all tokens together, have too many exports in progress.
    Call it last: an error between this call and the response would lose the response.
    """
    identity = auth.current_identity()
    exports = state.current().exports
    if not exports.begin(identity.key, is_exempt=identity.is_bootstrap):
        api_counters.throttled("exports")
        raise problems.Problem(
            "too_many_exports",
            "Wait until an export has ended, then send the request again.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    streamed = flask.Response(flask.stream_with_context(_pieces(lines)), mimetype=mimetype)
    # Frees the slot when the response is closed, or garbage-collected without a close.
    streamed.call_on_close(weakref.finalize(streamed, exports.end, identity.key))
    connection = flask.request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(PIECE_SECONDS)  # server/connection.py resets it for each request
    return streamed


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line.encode()
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
