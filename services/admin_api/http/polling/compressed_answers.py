"""Compresses large JSON answers for clients that accept gzip, such as browsers that poll lists."""

from __future__ import annotations

import gzip

import flask

# An answer with fewer bytes fits into one packet anyway, so it is not compressed.
LEAST_BYTES = 1024
LEVEL = 3  # 20 KB take 0.2 ms and become 2 KB; level 9 takes four times longer for 5 % less
OK = 200


def _compress(response: flask.Response) -> flask.Response:
    request = flask.request
    may_be_large = (
        request.method == "GET"
        and response.status_code == OK
        and response.mimetype == "application/json"
        and not response.is_streamed
        and not response.direct_passthrough
        and "Content-Encoding" not in response.headers
    )
    if not may_be_large:
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) >= LEAST_BYTES and request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.content_encoding = "gzip"
    return response


def install(app: flask.Flask) -> None:
    """Let the app compress answers.

    Call this before conditional.install(). Flask calls the functions of `after_request` in reverse
    order. So the ETag is computed first, from the bytes without compression.
    """
    app.after_request(_compress)
