"""/docs: the API explained, by files of our own under the strict policy of every answer."""

from __future__ import annotations

import flask

from admin_api import openapi


def blueprint(api: openapi.Api) -> flask.Blueprint:
    """The page, its script and style, and the document it shows.

    /api/openapi.json wants the token as everything under /api does; the page reads a copy beside
    itself, so that a newcomer can read before having one. It holds no data.
    """
    docs = flask.Blueprint(
        "docs", __name__, url_prefix="/docs", static_folder="static", static_url_path="/static"
    )

    @docs.get("")
    def index() -> flask.Response:
        return docs.send_static_file("index.html")

    @docs.get("/openapi.json")
    def openapi_copy() -> flask.Response:
        return openapi.respond(api)

    return docs
