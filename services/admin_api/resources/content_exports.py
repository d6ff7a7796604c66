"""/api/export: stored content as a stream of JSON lines or CSV."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import problems, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.exports import export_response, line_writers
from admin_api.http.exports.export_reader import ExportReader
from admin_api.http.request import request_id
from admin_api.resources import subreddit_lookup
from admin_api.schemas.export_filter import (
    ExportedAuthors,
    ExportedEdges,
    ExportedItems,
    ExportedSubreddits,
)
from admin_api.schemas.fields import rfc3339
from crawljobs.domain.api_token import Scope
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.exports import export_chunks, export_plan
from crawljobs.repository.exports.export_plan import ExportKind, ExportPlan, ExportShape, Key

PREFIX = "/api/export"
TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
UPDATED_UNTIL = "Crawljobs-Updated-Until"
HEADERS = {
    UPDATED_UNTIL: {
        "schema": {"type": "string", "format": "date-time"},
        "description": "`updated_since` for the next export, which then misses no change.",
    }
}
_LINES = "The lines, in the order of their keys."

blueprint = Blueprint(
    "exports",
    __name__,
    url_prefix=PREFIX,
    description="Stored content as files of any size",
    reads=Scope.CONTENT,
)


@blueprint.get("/posts")
@blueprint.parameters(ExportedItems)
@blueprint.sends_files(TYPES.values(), _LINES, headers=HEADERS)
@blueprint.problems("not_found", "no_content_key", "too_many_exports", "old_http_version")
def export_posts(params: dict[str, Any]) -> flask.Response:
    """Export stored posts

    The key of a line is `subreddit,created_at,id`; with `subreddit` it is `created_at,id`, with
    `updated_since` it is `updated_at,id`. An export is complete if its response ends properly.
    Otherwise repeat the request, with the key of the last complete line as `after`.
    """
    return _exported(ExportKind.POSTS, params)


@blueprint.get("/comments")
@blueprint.parameters(ExportedItems)
@blueprint.sends_files(TYPES.values(), _LINES, headers=HEADERS)
@blueprint.problems("not_found", "no_content_key", "too_many_exports", "old_http_version")
def export_comments(params: dict[str, Any]) -> flask.Response:
    """Export stored comments

    Keys and interruptions are those of an export of posts.
    """
    return _exported(ExportKind.COMMENTS, params)


@blueprint.get("/authors")
@blueprint.parameters(ExportedAuthors)
@blueprint.sends_files(TYPES.values(), _LINES, headers=HEADERS)
@blueprint.problems("no_content_key", "too_many_exports", "old_http_version")
def export_authors(params: dict[str, Any]) -> flask.Response:
    """Export stored authors

    The key of a line is `id`, in the shape `reddit` `crawljobs_id`.
    """
    return _exported(ExportKind.AUTHORS, params)


@blueprint.get("/subreddits")
@blueprint.parameters(ExportedSubreddits)
@blueprint.sends_files(TYPES.values(), _LINES, headers=HEADERS)
@blueprint.problems("too_many_exports", "old_http_version")
def export_subreddits(params: dict[str, Any]) -> flask.Response:
    """Export known subreddits

    The key of a line is `id`, in the shape `reddit` `crawljobs_id`.
    """
    return _exported(ExportKind.SUBREDDITS, params)


@blueprint.get("/edges")
@blueprint.parameters(ExportedEdges)
@blueprint.sends_files(TYPES.values(), _LINES, headers=HEADERS)
@blueprint.problems("not_found", "no_content_key", "too_many_exports", "old_http_version")
def export_edges(params: dict[str, Any]) -> flask.Response:
    """Export the activity of each author in each subreddit

    The key of a line is `author_id,subreddit_id`, with `subreddit` it is `author_id`.
    """
    return _exported(ExportKind.EDGES, params)


def _exported(kind: ExportKind, params: dict[str, Any]) -> flask.Response:
    export_response.refuse_old_http()
    current = state.current()
    pseudonymous = bool(params.get("pseudonyms"))
    if pseudonymous and current.content_key is None:
        raise problems.Problem("no_content_key", "Set CONTENT_KEY_FILE of admin-api.")
    name, subreddit_id = params.get("subreddit"), None
    if name is not None:
        with current.database.read() as conn:
            subreddit_id = subreddit_lookup.found(conn, name).id
    with current.content_database.read() as conn:
        updated_until = export_chunks.changes_until(conn)
    plan = ExportPlan(
        kind=kind,
        shape=ExportShape(params.get("shape", ExportShape.FLAT)),
        subreddit_id=subreddit_id,
        since=params.get("since"),
        until=params.get("until"),
        updated_since=params.get("updated_since"),
        updated_until=updated_until + export_chunks.COMMIT_DELAY,
        pseudonymous=pseudonymous,
        bodies=params.get("bodies", True),
    )
    is_csv = params["format"] == "csv"
    written = line_writers.csv_lines if is_csv else line_writers.json_lines
    shown = line_writers.name_shown(current.content_key if pseudonymous else None)
    reader = ExportReader(
        database=current.content_database,
        drain=current.drain,
        plan=plan,
        write=written(kind, plan.shape, shown),
        after=plan.first,
        rate=params["rate"],
        request_id=request_id.current(),
    )
    has_head = is_csv
    if params["after"] is not None:
        reader.after = _key(plan, params["after"])
        has_head = False  # the client has the header line already
    streamed = export_response.response(
        reader,
        head=line_writers.csv_header(kind, plan.shape) if has_head else b"",
        mimetype=TYPES[params["format"]],
        parameters={
            name: rfc3339(value) if hasattr(value, "tzinfo") else value
            for name, value in params.items()
            if value is not None
        },
    )
    streamed.headers[UPDATED_UNTIL] = rfc3339(updated_until)
    file = f"{kind.value}.{params['format']}"
    streamed.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return streamed


def _key(plan: ExportPlan, written: str) -> Key:
    """Return the key in the parameter `after`. Raises a Problem if it is invalid."""

    def find_subreddit(name: str) -> int | None:
        with state.current().database.read() as conn:
            return subreddit_admin.find_id(conn, name=name)

    try:
        return export_plan.read_key(plan.order, written, find_subreddit=find_subreddit)
    except ValueError as error:
        raise problems.refuse_value("/after", str(error)) from None
