"""Carries out the requests for exports of content: the plan, the reader and the response."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import flask

from admin_api.http import problems, state
from admin_api.http.exports import export_response, graph_lines, line_writers
from admin_api.http.exports.export_reader import ExportReader
from admin_api.http.exports.line_writers import Write
from admin_api.http.request import request_id
from admin_api.resources import subreddit_lookup
from admin_api.schemas.fields import rfc3339
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.exports import export_chunks, export_plan
from crawljobs.repository.exports.export_chunks import ExportStart
from crawljobs.repository.exports.export_plan import ExportKind, ExportPlan, ExportShape, Key

TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
UPDATED_UNTIL = "Crawljobs-Updated-Until"


def exported(kind: ExportKind, params: dict[str, Any]) -> flask.Response:
    """Return the response with the lines of this kind.

    Raises a Problem if the parameters are wrong, if no place for an export is free, or if the
    server lacks the key for pseudonyms.
    """
    export_response.refuse_old_http()
    current = state.current()
    pseudonymous = bool(params.get("pseudonyms"))
    has_author = line_writers.author_field(kind) is not None
    if pseudonymous and has_author and current.content_key is None:
        raise problems.Problem("no_content_key", "Set CONTENT_KEY_FILE of admin-api.")
    name, subreddit_id = params.get("subreddit"), None
    if name is not None:
        with current.database.read() as conn:
            subreddit_id = subreddit_lookup.found(conn, name).id
    start = _start()
    plan = ExportPlan(
        kind=kind,
        shape=ExportShape(params.get("shape", ExportShape.FLAT)),
        subreddit_id=subreddit_id,
        since=params.get("since"),
        until=params.get("until"),
        updated_since=params.get("updated_since"),
        updated_until=start.at,
        pseudonymous=pseudonymous,
        bodies=params.get("bodies", True),
        min_shared=params.get("min_shared", 1),
    )
    is_csv = params["format"] == "csv"
    written = line_writers.csv_lines if is_csv else line_writers.json_lines
    key = current.content_key if pseudonymous and has_author else None
    shown = line_writers.name_shown(key)
    reader = _reader(plan, written(kind, plan.shape, shown), params)
    has_head = is_csv
    if params["after"] is not None:
        reader.after = _key(plan, params["after"])
        has_head = False  # the client has the header line already
    streamed = export_response.response(
        reader,
        head=line_writers.csv_header(kind, plan.shape) if has_head else b"",
        mimetype=TYPES[params["format"]],
        parameters=_audited(params),
    )
    return _described(streamed, kind, params, start)


def exported_graph(params: dict[str, Any]) -> flask.Response:
    """Return the response with the map as a graph: its nodes, then its links.

    Raises a Problem if the parameters are wrong, or if no place for an export is free.
    """
    export_response.refuse_old_http()
    if params["after"] is not None:
        raise problems.refuse_value("/after", "a graph cannot be continued")
    written = graph_lines.FORMATS[params["format"]]
    start = _start()
    pseudonymous = bool(params["pseudonyms"])
    of_nodes = ExportPlan(ExportKind.MAP_NODES, pseudonymous=pseudonymous)
    nodes = _reader(of_nodes, written.node, params)
    of_links = ExportPlan(
        ExportKind.LINKS, min_shared=params["min_shared"], pseudonymous=pseudonymous
    )
    links = _reader(of_links, written.link, params)

    def tail() -> Iterator[bytes]:
        yield written.middle
        yield from links.contents()
        yield written.end

    streamed = export_response.response(
        nodes,
        head=written.head,
        mimetype=written.mimetype,
        parameters=_audited(params),
        tail=tail(),
    )
    return _described(streamed, ExportKind.LINKS, params, start)


def _start() -> ExportStart:
    with state.current().database.read() as conn:
        oldest_change = export_chunks.read_oldest_change(conn)
    with state.current().content_database.read() as conn:
        return export_chunks.read_start(conn, oldest_change=oldest_change)


def _reader(plan: ExportPlan, write: Write, params: dict[str, Any]) -> ExportReader:
    return ExportReader(
        database=state.current().content_database,
        drain=state.current().drain,
        plan=plan,
        write=write,
        after=plan.first,
        rate=params["rate"],
        request_id=request_id.current(),
        connection=flask.request.environ.get("gunicorn.socket"),
    )


def _audited(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that have a value, as JSON values."""
    return {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in params.items()
        if value is not None
    }


def _described(
    response: flask.Response, kind: ExportKind, params: dict[str, Any], start: ExportStart
) -> flask.Response:
    """Add the headers of an export, and return the response."""
    response.headers[UPDATED_UNTIL] = rfc3339(start.changes_until)
    file = f"{kind.value}.{params['format']}"
    response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return response


def _key(plan: ExportPlan, written: str) -> Key:
    """Return the key in the parameter `after`. Raises a Problem if it is invalid."""

    def find_subreddit(name: str) -> int | None:
        with state.current().database.read() as conn:
            return subreddit_admin.find_id(conn, name=name)

    try:
        return export_plan.read_key(plan.order, written, find_subreddit=find_subreddit)
    except ValueError as error:
        raise problems.refuse_value("/after", str(error)) from None
