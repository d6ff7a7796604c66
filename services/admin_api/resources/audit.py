"""/api/admin/audit-log: who changed what, and who was refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flask

from admin_api.http import pagination, state, streaming
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import request_id
from admin_api.resources import enqueueing
from admin_api.schemas.audit import (
    AuditEntrySchema,
    AuditListSchema,
    AuditParameters,
    ExportParameters,
)
from crawljobs.domain.access import Scope
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import audit_log
from crawljobs.repository.operations.audit_log import AuditFilter, AuditPage
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

PREFIX = "/api/admin/audit-log"
EXPORTED_AT_ONCE = 1_000  # entries read in one short transaction

blueprint = Blueprint(
    "audit log",
    __name__,
    url_prefix=PREFIX,
    description="Who changed what",
    reads=Scope.AUDIT,
    changes=Scope.AUDIT,
)

_TYPES = {"csv": "text/csv", "jsonl": "application/jsonl"}
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@blueprint.get("")
@blueprint.parameters(AuditParameters)
@blueprint.answers(200, AuditListSchema, "One page of entries.", headers=pagination.LINK_HEADER)
@blueprint.problems(422)
def list_entries(asked: dict[str, Any]) -> enqueueing.Answer:
    """List the audit log, newest first

    Filters are combined. A page looks at 10,000 entries at most, as lists of jobs do.
    """
    page = pagination.Page.asked_for("audit log", asked)
    with state.current().database.read() as conn:
        found = audit_log.list_entries(
            conn, filters=_filters(asked), before_id=page.last_id, limit=page.limit
        )
    return page.answer_with(
        PREFIX, found.entries, next_at=None if found.next is None else [found.next]
    )


@blueprint.get("/export")
@blueprint.parameters(ExportParameters)
@blueprint.sends_files(_TYPES.values(), "The entries, newest first, and a line on their end.")
@blueprint.problems(422)
def export_entries(asked: dict[str, Any]) -> flask.Response:
    """Export the audit log as CSV or JSON lines

    The last line says whether the export is whole. JSON lines end with
    `{"end": "complete", "entries": 7, "next": null}`; `"truncated"` instead of `"complete"` comes
    with the `next` that is the `cursor` of the rest. CSV ends with the row
    `#end,complete,entries=7,next=`, as long as the others. A download without this line broke off.
    """
    page = pagination.Page.asked_for(
        "audit log export", {name: asked[name] for name in asked if name != "format"}
    )
    filters = _filters(asked)
    # The first page is read before the answer begins, so that trouble can still be a problem.
    export = _Export(page, filters, _page(filters, page.last_id, page.limit))
    write = _csv if asked["format"] == "csv" else _json_lines
    response = streaming.response(write(export), mimetype=_TYPES[asked["format"]])
    response.headers["Content-Disposition"] = f'attachment; filename="audit-log.{asked["format"]}"'
    return response


def _filters(asked: dict[str, Any]) -> AuditFilter:
    return AuditFilter(**{name: asked[name] for name in vars(AuditFilter()) if name in asked})


def _page(filters: AuditFilter, before_id: int | None, left: int) -> AuditPage:
    with state.current().database.read() as conn:
        return audit_log.list_entries(
            conn, filters=filters, before_id=before_id, limit=min(left, EXPORTED_AT_ONCE)
        )


@dataclass
class _Export:
    """The entries of one answer; `next` and `count` are final when they have all been read."""

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
                # Too late for another status: the line on the end is missing, and the download is
                # cut off.
                log.warning(
                    "audit.export_broken", reason=str(error), request_id=request_id.current()
                )
                raise

    def end(self) -> dict[str, Any]:
        """After all entries: whether they are all that the filters find, and where to go on."""
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
    told = ["#end", end["end"], f"entries={end['entries']}", f"next={end['next'] or ''}"]
    yield written([*told, *[""] * (len(names) - len(told))])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _json_lines(export: _Export) -> Iterator[str]:
    for entry in export.entries():
        yield json.dumps(entry) + "\n"
    yield json.dumps(export.end()) + "\n"
