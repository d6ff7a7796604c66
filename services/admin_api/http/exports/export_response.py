"""Begins an export: counts it as running, reads a chunk, writes an audit row, and streams."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator

import flask

from admin_api.http import api_counters, auth, problems, state
from admin_api.http.exports import sent_pieces
from admin_api.http.exports.export_reader import ExportReader
from admin_api.http.streaming import PIECE_SECONDS, RETRY_AFTER_SECONDS
from crawljobs.db.database import Connection
from crawljobs.repository.exports.export_plan import ExportKind
from crawljobs.repository.operations import audit_log


def refuse_old_http() -> None:
    """Raise a Problem for HTTP/1.0, which cannot show that a response was interrupted."""
    if flask.request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        raise problems.Problem(
            "old_http_version",
            "The end of an HTTP/1.0 response looks like an interruption. Use HTTP/1.1; in nginx, "
            "set proxy_http_version 1.1.",
        )


def take_place() -> str:
    """Count an export of content as running, and return the key of the token that requests it.

    Raises a Problem if too many exports are running, for this token or in the process.
    """
    key = auth.current_identity().key
    places = state.current().content_exports
    if not places.begin(key, is_exempt=False):
        api_counters.throttled("exports")
        raise problems.Problem(
            "too_many_exports",
            f"A process serves {places.at_most} exports of content at once, at most "
            f"{places.per_token} of one token. Wait until an export has ended, then send the "
            "request again.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    return key


def response(
    reader: ExportReader,
    *,
    head: bytes,
    mimetype: str,
    parameters: dict[str, object],
    tail: Iterable[bytes] = (),
) -> flask.Response:
    """Return the response that streams `head`, the lines of the export and `tail`.

    A HEAD request gets only headers. Before the response starts, the function reads the first chunk
    and writes an audit row with the `parameters`. An error of these two steps becomes a problem
    response. An export has an audit row because it is a bulk read of content.
    """
    if flask.request.method == "HEAD":
        headers_alone = flask.Response(mimetype=mimetype)
        # Otherwise Flask would add `Content-Length: 0`, as if a GET request got an empty file.
        headers_alone.automatically_set_content_length = False
        headers_alone.headers["Vary"] = "Accept-Encoding"
        return headers_alone
    place = take_place()
    places = state.current().content_exports
    is_graph = reader.plan.kind is ExportKind.MAP_NODES
    kind = (ExportKind.LINKS if is_graph else reader.plan.kind).value
    try:
        first = reader.first()
        actor = auth.current_actor()

        def record(conn: Connection) -> None:
            audit_log.record(
                conn,
                actor=actor,
                action="export",
                resource_type="content",
                resource_id=kind,
                after=parameters,
            )

        state.current().database.in_own_transaction(record)
        is_gzip = flask.request.accept_encodings["gzip"] > 0

        def contents() -> Iterator[bytes]:
            if head:
                yield head
            yield from reader.contents(first)
            yield from tail

        body = sent_pieces.gzipped(contents()) if is_gzip else contents()
        streamed = flask.Response(sent_pieces.pieces(body), mimetype=mimetype)
    except BaseException:
        places.end(place)
        raise
    # Count the export as ended when Flask closes the response. If Flask does not close it, the
    # garbage collection of the response has the same effect.
    streamed.call_on_close(weakref.finalize(streamed, places.end, place))
    streamed.headers["Vary"] = "Accept-Encoding"
    if is_gzip:
        streamed.headers["Content-Encoding"] = "gzip"
    connection = flask.request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(PIECE_SECONDS)
    return streamed
