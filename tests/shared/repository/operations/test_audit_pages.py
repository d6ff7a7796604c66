"""The pages of the audit log: exact times, the part of the log that is read, and JSON values."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.repository.operations import audit_log
from crawljobs.repository.operations.audit_log import AuditFilter, AuditPage
from support.jobs import T0

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def write(conn: Connection, entry_id: int, after: timedelta = 0 * SECOND, **values: Any) -> None:
    given = {"id": entry_id, "at": T0 + after, "actor": "ann", "action": "boost",
             "resource_type": "crawl_job", "resource_id": "1", **values}  # fmt: skip
    conn.execute(
        text(f"INSERT INTO admin_audit_log ({', '.join(given)}) OVERRIDING SYSTEM VALUE "
             f"VALUES ({', '.join(f':{name}' for name in given)})"),
        given,
    )  # fmt: skip


def page(conn: Connection, *, before_id: int | None = None, limit: int = 99,
         scan_limit: int | None = None, **filters: Any) -> AuditPage:  # fmt: skip
    return audit_log.list_entries(
        conn,
        filters=AuditFilter(**filters),
        before_id=before_id,
        limit=limit,
        scan_limit=scan_limit,
    )


def ids(conn: Connection, **options: Any) -> list[int]:
    return [entry.id for entry in page(conn, **options).entries]


def test_a_range_of_time_includes_its_start_and_excludes_its_end(conn: Connection) -> None:
    for number, after in enumerate((0, 1, 2, 3), start=998):
        write(conn, number, after * SECOND)
    assert ids(conn, since=T0 + SECOND, until=T0 + 3 * SECOND) == [1000, 999]
    assert ids(conn, since=T0 + 3 * SECOND) == [1001]
    assert ids(conn, until=T0 + HOUR) == [1001, 1000, 999, 998]
    assert ids(conn, since=T0 + 4 * SECOND) == []
    assert ids(conn, until=T0) == []


def test_entries_of_simultaneous_transactions_are_found_by_their_own_time(
    conn: Connection,
) -> None:
    """Their ids can be in another order than their times."""
    write(conn, 1, -45 * SECOND)
    write(conn, 2, 10 * SECOND)
    write(conn, 3)
    assert ids(conn, since=T0 + 5 * SECOND) == [2]
    assert ids(conn, until=T0 + 5 * SECOND) == [3, 1]


def test_a_range_of_time_limits_the_part_of_the_log_that_is_read(conn: Connection) -> None:
    for number in range(1, 6):
        write(conn, number, number * HOUR)
    early = page(conn, until=T0 + HOUR + SECOND, scan_limit=2)
    assert ([entry.id for entry in early.entries], early.next) == ([1], None)
    late = page(conn, since=T0 + 5 * HOUR, scan_limit=2)
    assert ([entry.id for entry in late.entries], late.next) == ([5], None)


def test_the_refused_requests_of_a_resource_are_listed_unless_left_out(conn: Connection) -> None:
    for number, action in enumerate(("boost", "refused", "cancel", "refused"), start=1):
        write(conn, number, action=action)
    resource = {"resource_type": "crawl_job", "resource_id": "1"}
    assert ids(conn, **resource) == [4, 3, 2, 1]
    assert ids(conn, **resource, changes_only=True) == [3, 1]
    assert ids(conn, changes_only=True) == [3, 1]
    assert ids(conn, actor="ann", changes_only=True) == [3, 1]


def test_a_page_that_stops_early_continues_after_the_last_entry_it_read(conn: Connection) -> None:
    for number in range(1, 8):
        write(conn, number, actor=("ann", "bob")[number == 2])
    first = page(conn, actor="bob", action="boost", scan_limit=3)
    assert ([entry.id for entry in first.entries], first.next) == ([2], None)
    write(conn, 8, resource_id="2")
    found, before_id, pages = [], None, 0
    while pages == 0 or before_id is not None:
        one = page(conn, resource_id="2", before_id=before_id, scan_limit=3)
        found += [entry.id for entry in one.entries]
        before_id, pages = one.next, pages + 1
    assert (found, pages) == ([8], 3)


def test_a_page_has_a_hundred_entries_unless_another_number_is_given(conn: Connection) -> None:
    for number in range(1, 102):
        write(conn, number)
    default = audit_log.list_entries(conn)
    assert ([entry.id for entry in default.entries], default.next) == ([*range(101, 1, -1)], 2)
    rest = audit_log.list_entries(conn, before_id=2)
    assert ([entry.id for entry in rest.entries], rest.next) == ([1], None)
    exact = page(conn, limit=101)
    assert (len(exact.entries), exact.next) == (101, None)


def nested(levels: int) -> str:
    """An array of arrays with this number of levels below the object that holds it."""
    return '{"a": ' + "[" * levels + "]" * levels + "}"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (None, None),
        ('{"a": 1.5}', {"a": 1.5}),
        ("[1]", {"value": [1]}),
        ('{"a": "' + "x" * 199_991 + '"}', {"a": "x" * 199_991}),  # 200,000 characters
        ('{"a": "' + "x" * 199_992 + '"}', {"unreadable": "more than 200,000 characters"}),
        ('{"a": "' + "x" * 300_000 + '"}', {"unreadable": "more than 200,000 characters"}),
        (nested(48), json.loads(nested(48))),
        (nested(49), json.loads(nested(49))),
        (nested(50), {"unreadable": "more than 50 levels deep"}),
        ('{"a": ' + "9" * 30 + "}", {"a": int("9" * 30)}),
        ('{"a": ' + "9" * 31 + "}", {"a": "9" * 31}),
        ('{"a": 0.' + "1" * 28 + "}", {"a": float("0." + "1" * 28)}),
        ('{"a": 0.' + "1" * 29 + "}", {"a": "0." + "1" * 29}),
    ],
)
def test_json_is_shown_as_far_as_it_can_be_read(
    conn: Connection, stored: str | None, shown: dict[str, Any] | None
) -> None:
    conn.execute(text("ALTER TABLE admin_audit_log DROP CONSTRAINT admin_audit_log_sizes_check"))
    conn.execute(
        text("INSERT INTO admin_audit_log (actor, action, resource_type, before, after) "
             "VALUES ('a', 'b', 'c', CAST(:value AS jsonb), CAST(:value AS jsonb))"),
        {"value": stored},
    )  # fmt: skip
    (entry,) = audit_log.list_entries(conn).entries
    assert entry.before == shown
    assert entry.after == shown
