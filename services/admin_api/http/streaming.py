"""Streams responses in large pieces. The client must read each piece within a deadline."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import flask

from admin_api.http import api_counters, auth, problems, state

# A client must read a piece of this size within PIECE_SECONDS (16 KiB/s). Otherwise the server
# closes the connection.
PIECE_BYTES = 480 * 1024
PIECE_SECONDS = 30.0
RETRY_AFTER_SECONDS = 10


def response(lines: Iterator[str], *, mimetype: str) -> flask.Response:
    """Return a response that streams the lines.

    Raises a Problem if too many exports are running, for the token or in the process. Call this
    last in a view, because a later error would discard the response.
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
    # Count the export as ended when Flask closes the response. If Flask does not close it, the
    # garbage collection of the response has the same effect.
    streamed.call_on_close(weakref.finalize(streamed, exports.end, identity.key))
    connection = flask.request.environ.get("gunicorn.socket")
    if connection is not None:
        # Limits the time for sending one piece of this response. For the next request on this
        # connection, connection.py sets the usual timeout again.
        connection.settimeout(PIECE_SECONDS)
    return streamed


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line.encode()
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
