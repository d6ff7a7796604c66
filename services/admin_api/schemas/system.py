"""The schema of the check of the whole installation."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.attention import CODES
from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.known import Known, known
from admin_api.schemas.overview import LEVELS
from admin_api.schemas.stats import Rounded
from admin_api.schemas.worker import ROLES
from crawljobs.domain.attention import Severity
from crawljobs.domain.attention_system import SYSTEM

CHECKS = [*(condition.code for condition in SYSTEM), *CODES]


def _count(text: str) -> fields.Integer:
    return fields.Integer(required=True, validate=validate.Range(min=0), metadata=described(text))


class CheckSchema(ma.Schema):
    """A condition with its present number and its limit."""

    code = fields.String(required=True, validate=Known("CheckCode", CHECKS))
    ok = fields.Boolean(required=True, metadata=described("The condition does not hold."))
    severity = fields.String(
        required=True,
        validate=known(Severity),
        metadata=described("The severity while the condition holds."),
    )
    value = Rounded(required=True, metadata=described("The present number."))
    limit = Rounded(required=True, metadata=described("The limit of the number."))
    holds_at = fields.String(
        required=True,
        validate=validate.OneOf(["above", "equal"]),
        metadata=described("The condition holds above the limit, or at it."),
    )
    sentence = fields.String(
        required=True, allow_none=True, metadata=described("The condition; null if `ok`.")
    )
    remedy = fields.String(required=True, metadata=described("How the condition ends."))
    link = fields.String(required=True, metadata=described("A path that shows the cause."))
    alert = fields.String(required=True, allow_none=True, metadata=described("Null without one."))


class SchemaStateSchema(ma.Schema):
    """The revision of the database's schema, and the version of the API server that answered."""

    revision = fields.String(
        required=True, allow_none=True, metadata=described("Null before the first migration.")
    )
    is_known = fields.Boolean(
        required=True, metadata=described("The version of the API runs on this revision.")
    )
    newest_known = fields.String(
        required=True, metadata=described("The newest revision that the API knows.")
    )
    api_version = fields.String(required=True)


class ProgramConnectionsSchema(ma.Schema):
    """The connections of a program."""

    program = fields.String(required=True, metadata=described("Its application_name."))
    connections = fields.Integer(required=True)


class TableStateSchema(ma.Schema):
    """One of the 10 largest tables. The numbers of rows are estimates of the server."""

    name = fields.String(required=True)
    bytes = _count("With indexes and TOAST table.")
    live_rows = fields.Integer(required=True)
    dead_rows = fields.Integer(required=True)
    vacuumed_at = Timestamp(required=True, allow_none=True)
    analyzed_at = Timestamp(required=True, allow_none=True)


class DatabaseStateSchema(ma.Schema):
    """The database server."""

    version = fields.String(required=True, metadata=described("The version of PostgreSQL."))
    bytes = _count("The size of the database.")
    connections_used = _count("Connections to all databases of the server.")
    connections_max = _count("The limit, without the connections of superusers.")
    connections = fields.List(
        fields.Nested(ProgramConnectionsSchema),
        required=True,
        metadata=described("The 20 programs with the most connections to this database."),
    )
    oldest_transaction_seconds = Rounded(
        required=True,
        metadata=described(
            "The age of the oldest transaction that keeps dead rows, of those that the role of the "
            "API or a scheduler can see; 0 without one."
        ),
    )
    tables = fields.List(
        fields.Nested(TableStateSchema),
        required=True,
        metadata=described("The largest tables; empty while a migration locks a table."),
    )


class ProcessStateSchema(ma.Schema):
    """A process that sends heartbeats."""

    name = fields.String(required=True)
    role = fields.String(required=True, validate=Known("WorkerRole", ROLES))
    version = fields.String(required=True)
    started_at = Timestamp(required=True)
    seen_at = Timestamp(required=True)
    alive = fields.Boolean(required=True)
    clock_difference_seconds = Rounded(
        required=True,
        allow_none=True,
        metadata=described(
            "How far its clock is ahead of the database's clock; null if its release is older."
        ),
    )


class SettingValueSchema(ma.Schema):
    """A value of a setting, with the processes that have it."""

    value = fields.String(required=True)
    processes = fields.List(fields.String(), required=True)


class SettingDifferenceSchema(ma.Schema):
    """A setting that differs between the live processes of a service."""

    role = fields.String(required=True, validate=Known("WorkerRole", ROLES))
    setting = fields.String(required=True)
    values = fields.List(fields.Nested(SettingValueSchema), required=True)


class BrokenScheduleSchema(ma.Schema):
    """A schedule that the scheduler disabled, because it cannot fire."""

    id = identifier("The schedule.")
    name = fields.String(required=True)
    disabled_reason = fields.String(required=True, metadata=described("At most 300 characters."))


class SystemSchema(ma.Schema):
    """The check of the whole installation."""

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    level = fields.String(
        required=True,
        validate=Known("AttentionLevel", LEVELS),
        metadata=described("The highest severity of the conditions that hold; `ok` without one."),
    )
    checks = fields.List(fields.Nested(CheckSchema), required=True)
    schema = fields.Nested(SchemaStateSchema, required=True)
    database = fields.Nested(DatabaseStateSchema, required=True)
    processes = fields.List(
        fields.Nested(ProcessStateSchema),
        required=True,
        metadata=described("At most 100 processes, sorted by name."),
    )
    setting_differences = fields.List(
        fields.Nested(SettingDifferenceSchema),
        required=True,
        metadata=described("At most 50. Settings that may differ, such as sizes, are left out."),
    )
    broken_schedules = fields.List(
        fields.Nested(BrokenScheduleSchema),
        required=True,
        metadata=described("The oldest 10."),
    )
