"""/ui: serves the dashboard. The files contain no data, so they need no token.

The page reads all data from the REST API, with the token of its user.
"""

from __future__ import annotations

import re

import flask
import werkzeug

from admin_api.dashboard import assets
from admin_api.http import security_headers

blueprint = flask.Blueprint("dashboard", __name__)

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-cache",
}
FILE_HEADERS = {**PAGE_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
# A segment of the path of a page: a word, a number, or a name such as `t3_1abc`. It never begins
# with a dot, so no path contains `..`.
_SEGMENT = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9_.:~@+-]{0,99}")
_SEGMENTS_MAX = 8


@blueprint.get("/ui")
def without_slash() -> werkzeug.Response:
    return flask.redirect("/ui/")


@blueprint.get("/ui/", defaults={"path": ""})
@blueprint.get("/ui/<path:path>")
def page(path: str) -> flask.Response:
    """Send the HTML page. The same page serves all paths, because its script reads the path.

    Raises 404 for a path with too many segments or with unusual characters.
    """
    segments = path.removesuffix("/").split("/") if path else []
    if (
        len(segments) > _SEGMENTS_MAX
        or segments[:1] == ["static"]
        or not all(_SEGMENT.fullmatch(segment) for segment in segments)
    ):
        flask.abort(404)
    return _send(assets.all_assets().page, PAGE_HEADERS)


@blueprint.get(f"{assets.PREFIX}/<version>/<path:name>")
def static_file(version: str, name: str) -> flask.Response:
    """Send the static file. Raises 404 for an unknown name.

    Also raises 404 if `version` is not the hash of the files that this process has.
    """
    loaded = assets.all_assets()
    found = loaded.files.get(name) if version == loaded.version else None
    if found is None:
        flask.abort(404)
    return _send(found, FILE_HEADERS)


# A page may have a query, which its script reads.
page.takes_parameters = True  # type: ignore[attr-defined] # read by request_parsing


def _send(found: assets.Asset, headers: dict[str, str]) -> flask.Response:
    """Return the file, compressed if the client accepts gzip; or 304 if the client has the file."""
    is_small = found.compressed is not None and flask.request.accept_encodings["gzip"] > 0
    body = found.compressed if found.compressed is not None and is_small else found.body
    response = flask.Response(body, content_type=found.content_type)
    if is_small:
        response.content_encoding = "gzip"
    if found.compressed is not None:
        response.vary.add("Accept-Encoding")
    response.set_etag(f"{found.tag}-gz" if is_small else found.tag)
    response.make_conditional(flask.request)
    security_headers.set_own(headers)
    return response
