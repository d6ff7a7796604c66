"""Adds headers to each response. They forbid caching, type sniffing and files from other sites.

A view may set other values. For example, the view of the dashboard's files allows caching.
"""

from __future__ import annotations

from collections.abc import Mapping

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


def set_own(headers: Mapping[str, str]) -> None:
    """Replace the values of some headers for the response of this request.

    Call this last in a view. If the view fails, the error response has the values in HEADERS.
    """
    flask.g.own_headers = headers


def _add(response: flask.Response) -> flask.Response:
    is_error = response.status_code >= 400
    headers = HEADERS if is_error else {**HEADERS, **flask.g.get("own_headers", {})}
    # A response 304 has no body, so it needs only the header for caches.
    if response.status_code == NOT_MODIFIED:
        response.headers["Cache-Control"] = headers["Cache-Control"]
    else:
        response.headers.update(headers)
    return response


def install(app: flask.Flask) -> None:
    app.after_request(_add)
