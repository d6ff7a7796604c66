"""/docs: the API explained, by files of our own under the strict policy of every answer."""

from __future__ import annotations

import flask
import werkzeug

from admin_api.openapi import document


def blueprint(api: document.Api) -> flask.Blueprint:
    """The page, its script and style, and the document it shows.

    /api/openapi.json wants the token as everything under /api does; the page reads a copy beside
    itself, so that a newcomer can read before having one. It holds no data.
    """
    docs = flask.Blueprint("docs", __name__, static_folder="static", static_url_path="/docs/static")

    @docs.get("/")
    def root() -> werkzeug.Response:
        return flask.redirect("/docs")

    @docs.get("/docs")
    def index() -> flask.Response:
        return docs.send_static_file("index.html")

    @docs.get("/docs/openapi.json")
    def openapi_copy() -> flask.Response:
        return document.respond(api)

    return docs
