"""The web application: its routes, and the steps before and after each request's handler."""

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import flask
import werkzeug.exceptions

from reddit_sandbox import (
    answers,
    control_routes,
    item_control,
    listing_routes,
    sandbox,
    thread_routes,
    token_routes,
    trouble,
    user_routes,
    wrong_replies,
)
from reddit_sandbox.options import Options
from reddit_sandbox.request_log import Entry

# The sandbox refuses a request with a longer URL, as Reddit's cache does.
LONGEST_URL = 8_000  # limit of path and query in bytes
LONGEST_BODY = 1_000_000  # Limit of the body in bytes.
# Replies with these statuses have no rate-limit headers, as in recorded replies of Reddit. Replies
# with a status of 5xx have no such headers either.
HEADERLESS = frozenset((301, 302, 401, 414, 429, 451))

_SUFFIX = re.compile(r"(?<=[^/])(/?\.json|/)$")

# Requests to paths below this prefix need no token. They are neither counted nor logged.
CONTROL = "/sandbox/"
GIVES_TOKENS = "token.access_token"


class OneSpelling:
    """Removes `.json` and a trailing slash from paths, because Reddit ignores both."""

    def __init__(self, wsgi: Callable[..., Iterable[bytes]]) -> None:
        self._wsgi = wsgi

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["PATH_INFO"] = _SUFFIX.sub("", environ.get("PATH_INFO", "")) or "/"
        return self._wsgi(environ, start_response)


def create_app(
    options: Options,
    clock: Callable[[], float] = time.time,
    stopping: Callable[[], bool] = lambda: False,
) -> flask.Flask:
    app = flask.Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    app.extensions[sandbox.EXTENSION] = sandbox.Sandbox(options, clock, stopping)
    app.url_map.merge_slashes = False
    app.wsgi_app = OneSpelling(app.wsgi_app)  # type: ignore[method-assign]
    routes = (control_routes, item_control, token_routes)
    for module in (*routes, listing_routes, thread_routes, user_routes):
        app.register_blueprint(module.blueprint)
    app.before_request(_admit)
    app.after_request(_dress)
    app.register_error_handler(werkzeug.exceptions.HTTPException, _worded)
    return app


def _admit() -> flask.Response | None:
    """Return a refusal or a configured fault, or None if the request's handler makes the reply."""
    flask.g.client = flask.g.grant = flask.g.script = flask.g.token = None
    request, box = flask.request, sandbox.current()
    if request.path.startswith(CONTROL):
        return None
    if len(request.environ.get("RAW_URI", request.full_path)) > LONGEST_URL:
        return answers.uri_too_long()
    if request.endpoint == GIVES_TOKENS:
        return None
    scheme, _, flask.g.token = request.headers.get("authorization", "").partition(" ")
    client = box.tokens.client_of(flask.g.token) if scheme.lower() == "bearer" else None
    if client is None:
        return answers.unauthorized()
    flask.g.client = client
    flask.g.grant = box.window.take(client)
    if flask.g.grant is None:
        return answers.too_many_requests()
    if box.outage:
        return answers.gateway_error(box.outage)
    replaced = box.replacements.reply()
    if replaced is not None:
        return replaced
    wrong = box.wrong_replies.reply()
    if wrong is not None:
        return wrong
    if box.options.latency_seconds > 0:
        box.wait(box.options.latency_seconds)
    return None


def _dress(response: flask.Response) -> flask.Response:
    """Corrupt the reply if a fault was chosen for it, add Reddit's headers, and log the request."""
    request, box = flask.request, sandbox.current()
    if request.path.startswith(CONTROL):
        return response
    if flask.g.script and response.status_code == 200:
        response = trouble.mangle(flask.g.script, response)
    response = wrong_replies.spoil(response)
    response.headers.setdefault("cache-control", "private, max-age=3600")
    if flask.g.grant and not _is_headerless(response):
        answers.add_headers(
            response,
            {
                "x-ratelimit-remaining": f"{flask.g.grant.remaining:.1f}",
                "x-ratelimit-used": str(flask.g.grant.used),
                "x-ratelimit-reset": str(flask.g.grant.reset),
            },
        )
    query = request.query_string.decode("ascii", "replace")
    entry = (box.clock(), request.method, request.path, query)
    box.log.add(Entry(*entry, response.status_code, flask.g.client))
    return response


def _is_headerless(response: flask.Response) -> bool:
    status = response.status_code
    if status in HEADERLESS or status >= 500 or flask.g.script == "headerless":
        return True
    if wrong_replies.is_wrong():
        return True
    # Recorded replies had no rate-limit headers if the status was 403 or the request had `sr_name`.
    return status == 403 or bool(flask.request.args.get("sr_name"))


def _worded(failure: werkzeug.exceptions.HTTPException) -> Any:
    """Return an error of Flask in Reddit's form. Return a reply of the sandbox unchanged."""
    if failure.response is not None:
        return failure.response
    return answers.error(failure.code or 500)
