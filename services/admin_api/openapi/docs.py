"""/docs: the page that documents the API. It needs no file from another server."""

from __future__ import annotations

import flask
import werkzeug

from admin_api.openapi import document


def blueprint(api: document.Api) -> flask.Blueprint:
    """Return the blueprint with the page, its script and style, and the OpenAPI document.

    /api/openapi.json needs a token, like every path under /api. The page reads a copy that needs no
    token, so that people without a token can read the documentation. The copy contains no data of
    the service.
    """
    docs = flask.Blueprint("docs", __name__, static_folder="static", static_url_path="/docs/static")

    @docs.get("/")
    def root() -> werkzeug.Response:
        """Redirect browsers to the dashboard, and other clients to the documentation.

        A client is a browser if its Accept header contains text/html.
        """
        accepted = flask.request.accept_mimetypes
        is_browser = any(kind == "text/html" and quality > 0 for kind, quality in accepted)
        response = flask.redirect("/ui/" if is_browser else "/docs")
        response.vary.add("Accept")
        return response

    @docs.get("/docs")
    def index() -> flask.Response:
        return docs.send_static_file("index.html")

    @docs.get("/docs/openapi.json")
    def openapi_copy() -> flask.Response:
        return document.respond(api)

    return docs
