"""/api/admin/system: the check of the whole installation, for `crawlctl doctor`."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.http.polling.conditional import Answer
from admin_api.resources import overview, schedule_demand
from admin_api.schemas.route_durations import RouteListSchema
from admin_api.schemas.system import SystemSchema
from crawljobs import errors
from crawljobs.domain import process_differences
from crawljobs.domain.process_differences import SettingDifference
from crawljobs.repository import table_sizes
from crawljobs.repository.operations.service_instances import Instance
from crawljobs.repository.overview import system_report
from crawljobs.repository.overview.system_report import SystemReport
from crawljobs.version import VERSION

PREFIX = "/api/admin/system"
KEPT_SECONDS = 5.0  # a process keeps the answer this long; table sizes are slow to read

# The values of these keys change with the time alone, or at each heartbeat. The ETag leaves them
# out. A setting that differs between processes also has a field `value`. This field stays in the
# ETag, because a new value must change the ETag.
MOVING = frozenset(
    {
        "as_of",
        "checks.value",
        "seen_at",
        "clock_difference_seconds",
        "oldest_transaction_seconds",
    }
)

blueprint = Blueprint(
    "system", __name__, url_prefix=PREFIX, description="The check of the installation"
)
_schema = SystemSchema()


@blueprint.get("")
@blueprint.may_be_unchanged
@blueprint.answers(200, SystemSchema, "The system.", headers=conditional.HEADERS)
def show_system() -> flask.Response:
    """Check the whole installation

    `checks` has each condition with its present number, its limit and its remedy. The answer also
    shows the revision of the schema, the database server with its connections and largest tables,
    the processes with their versions and clocks, settings that differ between processes, and broken
    schedules. A process computes the answer at most once in five seconds, for all clients together.
    """
    found = state.current().shared.get("system", _compute, seconds=KEPT_SECONDS)
    return conditional.respond(found)


@blueprint.get("/routes")
@blueprint.answers(200, RouteListSchema, "The durations by route.")
def show_route_durations() -> dict[str, Any]:
    """Show how long requests take, by route

    Each process of the API counts its own requests since its start. The answer has the numbers of
    the process that answers. The metrics have the sums of all processes.
    """
    kept = state.current().durations
    name = state.current().heartbeat.name
    return {"process": name, "seconds": kept.seconds, "routes": kept.all()}


def _compute() -> Answer:
    promised = schedule_demand.promised_share()
    table_bytes = _table_bytes()
    with state.current().database.read() as conn:
        found = system_report.read_report(conn, table_bytes=table_bytes, promised_share=promised)
    return conditional.answer(_schema.dump(_body(found)), moving=MOVING)


def _table_bytes() -> dict[str, int]:
    """Return the sizes of the largest tables, or {} while a migration locks a table."""
    try:
        return state.current().database.in_own_transaction(table_sizes.largest_tables)
    except errors.DatabaseUnavailable:
        return {}


def _body(found: SystemReport) -> dict[str, Any]:
    tables = [{**vars(each), "bytes": found.table_bytes.get(each.name, 0)} for each in found.tables]
    return {
        "as_of": found.overview.now,
        "level": overview.level_of(each.severity for each in found.checks if not each.ok),
        "checks": found.checks,
        "schema": {**vars(found.schema), "api_version": VERSION},
        "database": {
            **vars(found.server),
            "bytes": found.server.database_bytes,
            "connections": found.programs,
            "oldest_transaction_seconds": found.overview.facts.oldest_transaction_seconds,
            "tables": tables,
        },
        "processes": [_process(each) for each in found.instances],
        "setting_differences": [_difference(each) for each in found.differences],
        "broken_schedules": found.broken_schedules,
    }


def _process(instance: Instance) -> dict[str, Any]:
    difference = process_differences.clock_difference(instance.details, instance.seen_at)
    return {**vars(instance), "clock_difference_seconds": difference}


def _difference(difference: SettingDifference) -> dict[str, Any]:
    values = [
        {"value": value, "processes": processes}
        for value, processes in difference.processes.items()
    ]
    return {"role": difference.role, "setting": difference.setting, "values": values}
