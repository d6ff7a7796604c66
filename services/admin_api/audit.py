"""/api/admin/audit-log: who changed what, and who was refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import flask

from admin_api import enqueueing, pages, request_id, state
from admin_api.blueprint import Blueprint
from admin_api.schemas.audit import (
    AuditEntrySchema,
    AuditListSchema,
    AuditParameters,
    ExportParameters,
)
from crawljobs import logs
from crawljobs.domain.access import Scope
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository import audit_log
from crawljobs.repository.audit_log import AuditFilter, AuditPage

log = logs.get_logger(__name__)

PREFIX = "/api/admin/audit-log"
EXPORT_MAX = 100_000  # entries; narrow the range for more
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
@blueprint.answers(200, AuditListSchema, "One page of entries.", headers=pages.LINK_HEADER)
@blueprint.problems(422)
def list_entries(asked: dict[str, Any]) -> enqueueing.Answer:
    """List the audit log, newest first

    Filters are combined. A page looks at 10,000 entries at most, as lists of jobs do.
    """
    page = pages.Page.asked_for("audit log", asked)
    with state.current().database.read() as conn:
        found = audit_log.list_entries(
            conn, filters=_filters(asked), before_id=page.last_id, limit=page.limit
        )
    return page.answer_with(
        PREFIX, found.entries, next_at=None if found.next is None else [found.next]
    )


@blueprint.get("/export")
@blueprint.parameters(ExportParameters)
@blueprint.sends_files(_TYPES.values(), "The entries, newest first, at most 100,000.")
@blueprint.problems(422)
def export_entries(asked: dict[str, Any]) -> flask.Response:
    """Export the audit log as CSV or JSON lines"""
    write = _csv if asked["format"] == "csv" else _json_lines
    filters = _filters(asked)
    # The first page is read before the answer begins, so that trouble can still be a problem.
    first = _page(filters, None)
    response = flask.Response(
        flask.stream_with_context(write(_pages(filters, first))),
        mimetype=_TYPES[asked["format"]],
    )
    response.headers["Content-Disposition"] = f'attachment; filename="audit-log.{asked["format"]}"'
    return response


def _filters(asked: dict[str, Any]) -> AuditFilter:
    return AuditFilter(**{name: asked[name] for name in AuditFilter.__dataclass_fields__})


def _page(filters: AuditFilter, before_id: int | None) -> AuditPage:
    with state.current().database.read() as conn:
        return audit_log.list_entries(
            conn, filters=filters, before_id=before_id, limit=EXPORTED_AT_ONCE
        )


def _pages(filters: AuditFilter, first: AuditPage) -> Iterator[dict[str, Any]]:
    schema = AuditEntrySchema(many=True)
    page, left = first, EXPORT_MAX
    while True:
        yield from schema.dump(page.entries[:left])
        left -= len(page.entries)
        if page.next is None or left <= 0:
            return
        try:
            page = _page(filters, page.next)
        except DatabaseUnavailable as error:
            # Too late for another status: breaking off tells the client that it is not whole.
            log.warning("audit.export_broken", reason=str(error), request_id=request_id.current())
            raise


def _csv(entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    names = list(AuditEntrySchema().fields)
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(names)
    for entry in entries:
        writer.writerow([_cell(entry[name]) for name in names])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _json_lines(entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        yield json.dumps(entry) + "\n"
