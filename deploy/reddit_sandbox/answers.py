"""Build replies in Reddit's form: JSON, and the HTML pages of Reddit's gateways."""

import http
import json
from collections.abc import Mapping
from typing import Any

import flask

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"
# All replies with status 429 that were recorded from Reddit's API had this `retry-after`.
RETRY_AFTER_SECONDS = 4

_TOO_MANY = """<!doctype html>
<html>
  <head><title>Too Many Requests</title></head>
  <body>
    <h1>whoa there, pardner!</h1>
    <p>we're sorry, but you appear to be a bot and we've seen too many requests from you lately.</p>
    <p>please wait {seconds} second(s) and try again.</p>
  </body>
</html>
"""
_FOUND = """<html>
 <head><title>302 Found</title></head>
 <body>
  <h1>302 Found</h1>
  The resource was found at <a href="{url}">{url}</a>; you should be redirected automatically.
 </body>
</html>
"""
_ERROR_PAGE = """<!doctype html>
<html>
  <head><title>reddit.com: {phrase}</title></head>
  <body><h1>{phrase}</h1><p>our servers are busy or the page is not there</p></body>
</html>
"""


def reply(body: str, status: int = 200, content_type: str = JSON_TYPE) -> flask.Response:
    return flask.Response(body, status=status, content_type=content_type)


def encode(data: Any, *, raw: bool) -> str:
    """Return ASCII JSON. Unless `raw` is true, escape the three special characters of HTML.

    Reddit escapes them unless the request has `raw_json=1`.
    """
    text = json.dumps(data)
    if raw:
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def data(value: Any, status: int = 200) -> flask.Response:
    # For an error, do not read the request's form: the error may be that the form is unreadable.
    asked = flask.request.values if status == 200 else flask.request.args
    return reply(encode(value, raw=asked.get("raw_json") == "1"), status)


def phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Error"


def error(status: int, reason: str | None = None, **more: Any) -> flask.Response:
    """Return an error reply with Reddit's usual JSON body."""
    head = {"reason": reason} if reason else {}
    return data({**head, **more, "message": phrase(status), "error": status}, status)


def gateway_error(status: int) -> flask.Response:
    """Return an error of Reddit's gateways. Recorded errors had an empty body with type JSON."""
    return reply("", status)


def page(status: int) -> flask.Response:
    """Return an HTML page with this status, although the client expects JSON."""
    return reply(_ERROR_PAGE.format(phrase=phrase(status)), status, HTML_TYPE)


def too_many_requests() -> flask.Response:
    found = reply(_TOO_MANY.format(seconds=RETRY_AFTER_SECONDS), 429, HTML_TYPE)
    found.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return found


def uri_too_long() -> flask.Response:
    """Return the reply of Reddit's cache to a request whose URL is too long.

    The request does not count towards the rate limit.
    """
    found = reply("Error: URI Too Long", 414, "text/plain")
    found.headers["retry-after"] = "0"
    return found


def unauthorized() -> flask.Response:
    found = error(401)
    found.headers["www-authenticate"] = 'Bearer realm="reddit", error="invalid_token"'
    return found


def redirect(location: str) -> flask.Response:
    """Return a redirect to the path `location`. The reply's Location header is an absolute URL."""
    url = flask.request.host_url.rstrip("/") + location
    found = reply(_FOUND.format(url=url.replace("&", "&amp;")), 302, HTML_TYPE)
    found.headers["location"] = url
    return found


def add_headers(response: flask.Response, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        response.headers[name] = value
