"""/api/export: stored content as a stream of JSON lines or CSV."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http.blueprint import Blueprint
from admin_api.http.exports import graph_lines
from admin_api.resources import export_requests
from admin_api.schemas.export_filter import (
    ExportedAuthors,
    ExportedEdges,
    ExportedItems,
    ExportedLinks,
    ExportedSubreddits,
)
from crawljobs.domain.api_token import Scope
from crawljobs.repository.exports.export_plan import ExportKind

PREFIX = "/api/export"
_TYPES = export_requests.TYPES.values()
_LINES = "The lines, in the order of their keys."
_HEADERS = {
    export_requests.UPDATED_UNTIL: {
        "schema": {"type": "string", "format": "date-time"},
        "description": "`updated_since` for the next export, which then misses no change.",
    }
}

blueprint = Blueprint(
    "exports",
    __name__,
    url_prefix=PREFIX,
    description="Stored content as files of any size",
    reads=Scope.CONTENT,
)


@blueprint.get("/posts")
@blueprint.parameters(ExportedItems)
@blueprint.sends_files(_TYPES, _LINES, headers=_HEADERS)
@blueprint.problems("not_found", "no_content_key", "too_many_exports", "old_http_version")
def export_posts(params: dict[str, Any]) -> flask.Response:
    """Export stored posts

    The key of a line is `subreddit,created_at,id`. With the parameter `subreddit`, the key is
    `created_at,id`. With `updated_since`, the key is `updated_at,id`. An export is complete if its
    response ends properly. Otherwise repeat the request, with the key of the last complete line as
    `after`.
    """
    return export_requests.exported(ExportKind.POSTS, params)


@blueprint.get("/comments")
@blueprint.parameters(ExportedItems)
@blueprint.sends_files(_TYPES, _LINES, headers=_HEADERS)
@blueprint.problems("not_found", "no_content_key", "too_many_exports", "old_http_version")
def export_comments(params: dict[str, Any]) -> flask.Response:
    """Export stored comments

    The lines have the same keys as the lines of an export of posts. An interrupted export continues
    in the same way.
    """
    return export_requests.exported(ExportKind.COMMENTS, params)


@blueprint.get("/authors")
@blueprint.parameters(ExportedAuthors)
@blueprint.sends_files(_TYPES, _LINES, headers=_HEADERS)
@blueprint.problems("no_content_key", "too_many_exports", "old_http_version")
def export_authors(params: dict[str, Any]) -> flask.Response:
    """Export stored authors

    The key of a line is `id`. In the shape `reddit`, the key is `crawljobs_id`.
    """
    return export_requests.exported(ExportKind.AUTHORS, params)


@blueprint.get("/subreddits")
@blueprint.parameters(ExportedSubreddits)
@blueprint.sends_files(_TYPES, _LINES, headers=_HEADERS)
@blueprint.problems("too_many_exports", "old_http_version")
def export_subreddits(params: dict[str, Any]) -> flask.Response:
    """Export known subreddits

    The key of a line is `id`. In the shape `reddit`, the key is `crawljobs_id`.
    """
    return export_requests.exported(ExportKind.SUBREDDITS, params)


@blueprint.get("/edges")
@blueprint.parameters(ExportedEdges)
@blueprint.sends_files(_TYPES, _LINES, headers=_HEADERS)
@blueprint.problems("not_found", "no_content_key", "too_many_exports", "old_http_version")
def export_edges(params: dict[str, Any]) -> flask.Response:
    """Export the activity of each author in each subreddit

    The key of a line is `author_id,subreddit_id`. With the parameter `subreddit`, the key is
    `author_id`.
    """
    return export_requests.exported(ExportKind.EDGES, params)


@blueprint.get("/links")
@blueprint.parameters(ExportedLinks)
@blueprint.sends_files(
    [*_TYPES, *(one.mimetype for one in graph_lines.FORMATS.values())], _LINES, headers=_HEADERS
)
@blueprint.problems("too_many_exports", "old_http_version")
def export_links(params: dict[str, Any]) -> flask.Response:
    """Export the links between subreddits that have authors in common

    The key of a line is `a_id,b_id`. The formats `graphml` and `gexf` begin with the nodes: the
    subreddits of the map, with the number of their authors and the name of their community.
    """
    if params["format"] in graph_lines.FORMATS:
        return export_requests.exported_graph(params)
    return export_requests.exported(ExportKind.LINKS, params)
