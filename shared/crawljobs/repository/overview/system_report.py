"""Read data to check the whole installation: database, processes, settings and conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from crawljobs.db import schema
from crawljobs.db.schema import SchemaState
from crawljobs.domain import attention, process_differences
from crawljobs.domain.attention import Check
from crawljobs.domain.attention_system import SYSTEM, SystemFacts
from crawljobs.domain.attention_table import CONDITIONS
from crawljobs.domain.process_differences import SettingDifference
from crawljobs.repository.operations import service_instances
from crawljobs.repository.operations.service_instances import Instance
from crawljobs.repository.overview import database_state, disabled_schedules, system_overview
from crawljobs.repository.overview.database_state import (
    ProgramConnections,
    ServerState,
    TableState,
)
from crawljobs.repository.overview.disabled_schedules import BrokenSchedule
from crawljobs.repository.overview.system_overview import SystemOverview

INSTANCES_MAX = 100
DIFFERENCES_MAX = 50


@dataclass(frozen=True)
class SystemReport:
    """The state of the installation. `checks` has each condition with its present number."""

    overview: SystemOverview
    schema: SchemaState
    server: ServerState
    programs: Sequence[ProgramConnections]
    table_bytes: Mapping[str, int]
    tables: Sequence[TableState]
    instances: Sequence[Instance]
    differences: Sequence[SettingDifference]
    broken_schedules: Sequence[BrokenSchedule]
    checks: Sequence[Check]


def read_report(
    conn: Connection,
    *,
    table_bytes: Mapping[str, int],
    promised_share: float = 0.0,
    now: datetime | None = None,
) -> SystemReport:
    """Return the report with at most INSTANCES_MAX processes.

    `table_bytes` are the sizes of the largest tables.
    """
    overview = system_overview.read_overview(conn, promised_share=promised_share, now=now)
    server = database_state.server_state(conn)
    found = schema.read_state(conn)
    instances = service_instances.list_instances(conn, limit=INSTANCES_MAX, now=now)
    alive = [each for each in instances if each.alive]
    differences = process_differences.differing_settings(
        (each.role, each.name, each.details) for each in alive
    )
    clocks = [process_differences.clock_difference(each.details, each.seen_at) for each in alive]
    facts = SystemFacts(
        is_schema_unknown=not found.is_known,
        is_read_only=server.is_read_only,
        connections_share=server.connections_used / max(1, server.connections_max),
        is_autovacuum_off=server.is_autovacuum_off,
        clock_difference_seconds=max((abs(each) for each in clocks if each is not None), default=0),
        differing_settings=len(differences),
    )
    return SystemReport(
        overview=overview,
        schema=found,
        server=server,
        programs=database_state.programs(conn),
        table_bytes=table_bytes,
        tables=database_state.table_states(conn, list(table_bytes)),
        instances=instances,
        differences=differences[:DIFFERENCES_MAX],
        broken_schedules=disabled_schedules.list_broken(conn),
        checks=[
            *attention.checks(SYSTEM, facts),
            *attention.checks(CONDITIONS, overview.facts),
        ],
    )
