"""The list of operations finds each operation once, and reads few rows by indexes."""

import itertools
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.operation import OperationKind, OperationState
from crawljobs.repository.operations import operation_list, operation_rows
from support import plans

S = OperationState
ROWS = 3_000
BOTH = (False, True)
VALUES: dict[str, Any] = {
    "kind": "delete_group",
    "before_id": 2_000,
    "of_type": "job_group",
    "of_id": 10,
}


@pytest.fixture
def many(conn: Connection) -> Connection:
    """Add operations: each 1,000th is unfinished, each other 10th has failed."""
    conn.execute(
        text(
            "INSERT INTO operations (kind, resource_type, resource_id, created_by, total, state, "
            "finished_at) SELECT CASE n % 7 WHEN 0 THEN 'delete_group' ELSE 'cancel_group' END, "
            "'job_group', n, 'ada', 1, CASE WHEN n % 1000 = 0 THEN 'running' "
            "WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END, "
            "CASE WHEN n % 1000 <> 0 THEN now() END FROM generate_series(1, :n) AS n"
        ),
        {"n": ROWS},
    )
    return conn


def pages(conn: Connection, **filters: Any) -> list[list[int]]:
    """Return the resources of each page."""
    found: list[list[int]] = []
    before: int | None = None
    for _ in range(ROWS):
        page = operation_list.list_operations(conn, before_id=before, **filters)
        found.append([each.resource_id for each in page.operations])
        before = page.next
        if before is None:
            return found
    raise AssertionError("the pages do not end")


def test_the_pages_hold_each_operation_that_matches_all_filters_once(many: Connection) -> None:
    whole = [*range(ROWS, 0, -1)]
    assert list(itertools.chain(*pages(many, limit=700))) == whole
    failed = [n for n in whole if n % 10 == 0 and n % 1000]
    assert list(itertools.chain(*pages(many, states=[S.FAILED], limit=100))) == failed
    assert pages(many, states=[S.RUNNING, S.PENDING]) == [[3000, 2000, 1000]]
    both = [n for n in failed if n % 7 == 0]
    by_kind = {"states": [S.FAILED], "kind": OperationKind.DELETE_GROUP}
    assert list(itertools.chain(*pages(many, **by_kind))) == both
    # A page checks at most `scan_limit` rows, so it can be short and have a next page.
    short = pages(many, **by_kind, scan_limit=50)
    assert list(itertools.chain(*short)) == both
    assert len(short) == ROWS // 50 + 1


def test_no_list_scans_the_table(many: Connection) -> None:
    statements = {
        f"{states} {by_kind} {continues}": operation_list.page_statement(
            states=states, by_kind=by_kind, continues=continues, limit=11, scan_limit=50
        )
        for states, by_kind, continues in itertools.product(
            ((), (S.FAILED,), (S.PENDING, S.RUNNING)), BOTH, BOTH
        )
    }
    statements["open of a resource"] = operation_rows._OPEN_OF
    scanned = {
        name: plans.tables_scanned(plans.generic_plan(many, statement, VALUES))
        for name, statement in statements.items()
    }
    assert {name: tables for name, tables in scanned.items() if tables} == {}
    unfinished = statements[f"{(S.PENDING, S.RUNNING)} False False"]
    assert plans.rows_read(many, unfinished, VALUES, table="operations") <= 6
