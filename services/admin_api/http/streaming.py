"""Answers that are made while their client reads: in large pieces, each with a deadline."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import flask

from admin_api.http import api_counters, auth, problems, state

# A client reads a piece in so many seconds, at 16 KiB/s or more, or is cut off.
PIECE_BYTES = 480 * 1024
PIECE_SECONDS = 30.0
RETRY_AFTER_SECONDS = 10


def response(lines: Iterator[str], *, mimetype: str) -> flask.Response:
    """Raises a Problem when the token, or all clients together, export too much already.

    Call it last: what is between it and the answer could lose the answer.
    """
    identity = auth.current_identity()
    exports = state.current().exports
    if not exports.begin(identity.key, is_exempt=identity.is_bootstrap):
        api_counters.throttled("exports")
        raise problems.Problem(
            "too_many_exports",
            "Others are under way; ask again when one has ended.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    answer = flask.Response(flask.stream_with_context(_pieces(lines)), mimetype=mimetype)
    # When it is closed, or lost on the way to that.
    answer.call_on_close(weakref.finalize(answer, exports.end, identity.key))
    connection = flask.request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(PIECE_SECONDS)  # gunicorn_connection sets it for each request
    return answer


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line.encode()
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
