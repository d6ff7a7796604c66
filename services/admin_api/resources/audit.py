"""/api/admin/audit-log: the changes by operators, and their refused requests."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flask

from admin_api.http import pagination, responses, state, streaming
from admin_api.http.blueprint import Blueprint
from admin_api.http.exports.formula_cells import without_formula
from admin_api.http.request import request_id
from admin_api.schemas.audit import (
    AuditDaysParameters,
    AuditDaysSchema,
    AuditEntrySchema,
    AuditListSchema,
    AuditParameters,
    ExportParameters,
)
from crawljobs.domain.api_token import Scope
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.history import audit_days
from crawljobs.repository.operations import audit_log
from crawljobs.repository.operations.audit_log import AuditFilter, AuditPage
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

PREFIX = "/api/admin/audit-log"
EXPORT_BATCH = 1_000  # number of entries that one short transaction reads

blueprint = Blueprint(
    "audit log",
    __name__,
    url_prefix=PREFIX,
    description="Changes by operators, and refused requests",
    reads=Scope.AUDIT,
    changes=Scope.AUDIT,
)

_TYPES = {"csv": "text/csv", "jsonl": "application/jsonl"}


@blueprint.get("")
@blueprint.parameters(AuditParameters)
@blueprint.answers_page(AuditListSchema, "One page of entries.")
def list_audit_entries(params: dict[str, Any]) -> responses.Response:
    """List the audit log, newest first

    An entry must match all filters. For a page, the API examines at most 10,000 entries. A page
    with `next` may therefore hold fewer entries than `limit`.
    """
    page = pagination.Page.requested("audit log", params)
    with state.current().database.read() as conn:
        found = audit_log.list_entries(
            conn, filters=_filters(params), before_id=page.last_id, limit=page.limit
        )
    return page.response_with(
        PREFIX, found.entries, next_at=None if found.next is None else [found.next]
    )


@blueprint.get("/days")
@blueprint.parameters(AuditDaysParameters)
@blueprint.answers_polled(AuditDaysSchema, "The numbers of entries.")
def count_audit_days(params: dict[str, Any]) -> dict[str, Any]:
    """Count the entries of the audit log by day, with refused requests"""
    with state.current().database.read() as conn:
        return {"days": audit_days.entries_by_day(conn, days=params["days"])}


@blueprint.get("/export")
@blueprint.parameters(ExportParameters)
@blueprint.sends_files(
    _TYPES.values(), "The entries, newest first, and a last line with the result."
)
@blueprint.problems("too_many_exports")
def export_audit_entries(params: dict[str, Any]) -> flask.Response:
    """Export the audit log as CSV or JSON lines

    The last line shows whether the export is complete. A download without this line is incomplete.

    JSON lines end, for example, with `{"end": "complete", "entries": 7, "next": null}`. In CSV, the
    same line is `#end,complete,entries=7,next=`, with as many cells as the other rows.

    If more entries match than `limit`, `end` is `"truncated"`, and `next` is the `cursor` for the
    remaining entries.
    """
    page = pagination.Page.requested(
        "audit log export", {name: params[name] for name in params if name != "format"}
    )
    filters = _filters(params)
    # Read the first batch before the response starts. If the read fails, the client gets a problem.
    export = _Export(page, filters, _page(filters, page.last_id, page.limit))
    write = _csv if params["format"] == "csv" else _json_lines
    response = streaming.response(write(export), mimetype=_TYPES[params["format"]])
    response.headers["Content-Disposition"] = f'attachment; filename="audit-log.{params["format"]}"'
    return response


def _filters(params: dict[str, Any]) -> AuditFilter:
    return AuditFilter(**{name: params[name] for name in vars(AuditFilter()) if name in params})


def _page(filters: AuditFilter, before_id: int | None, left: int) -> AuditPage:
    with state.current().database.read() as conn:
        return audit_log.list_entries(
            conn, filters=filters, before_id=before_id, limit=min(left, EXPORT_BATCH)
        )


@dataclass
class _Export:
    """Reads the entries of one export.

    `count` is the number of entries that were read so far. `next` is the position after these
    entries, or None if no further entry matches.
    """

    page: pagination.Page
    filters: AuditFilter
    first: AuditPage
    count: int = 0
    next: int | None = None

    def entries(self) -> Iterator[dict[str, Any]]:
        schema = AuditEntrySchema(many=True)
        read = self.first
        while True:
            yield from schema.dump(read.entries)
            self.count += len(read.entries)
            self.next = read.next
            left = self.page.limit - self.count
            if read.next is None or left <= 0:
                return
            try:
                read = _page(self.filters, read.next, left)
            except DatabaseUnavailable as error:
                # The status has already been sent. The download ends without its last line, so that
                # the client detects the error.
                log.warning(
                    "audit.export_failed", reason=str(error), request_id=request_id.current()
                )
                raise

    def end(self) -> dict[str, Any]:
        """Return the last line of the export. Call this after the last entry."""
        if self.next is None:
            return {"end": "complete", "entries": self.count, "next": None}
        cursor = self.page.cursor([self.next])
        return {"end": "truncated", "entries": self.count, "next": cursor}


def _csv(export: _Export) -> Iterator[str]:
    names = list(AuditEntrySchema().fields)
    line = io.StringIO()
    writer = csv.writer(line)

    def written(row: list[str]) -> str:
        line.seek(0)
        line.truncate()
        writer.writerow(row)
        return line.getvalue()

    yield written(names)
    for entry in export.entries():
        yield written([_cell(entry[name]) for name in names])
    end = export.end()
    cells = ["#end", end["end"], f"entries={end['entries']}", f"next={end['next'] or ''}"]
    yield written([*cells, *[""] * (len(names) - len(cells))])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return without_formula(text)


def _json_lines(export: _Export) -> Iterator[str]:
    for entry in export.entries():
        yield json.dumps(entry) + "\n"
    yield json.dumps(export.end()) + "\n"
