"""Adds headers to each response. They forbid caching, type sniffing and files from other sites."""

from __future__ import annotations

import flask

NOT_MODIFIED = 304
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}


def _add(response: flask.Response) -> flask.Response:
    # A response 304 has no body, so it needs only the header for caches.
    if response.status_code == NOT_MODIFIED:
        response.headers["Cache-Control"] = HEADERS["Cache-Control"]
    else:
        response.headers.update(HEADERS)
    return response


def install(app: flask.Flask) -> None:
    app.after_request(_add)
