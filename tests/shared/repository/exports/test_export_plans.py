"""Each chunk of an export reads only its own rows, by an index, also with old statistics."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from crawljobs.db.database import Connection
from crawljobs.repository import index_order
from crawljobs.repository.exports import export_statement, export_walks
from crawljobs.repository.exports.export_plan import ExportKind, ExportOrder
from support import content_rows, plans

CHUNK = 50
EARLY, LATE = datetime(2031, 1, 1, 0, 10, tzinfo=UTC), datetime(2031, 1, 1, 2, tzinfo=UTC)
NONE: dict[str, Any] = {"subreddit_id": None, "since": None, "until": None}
ITEM = {
    **NONE, "low_created_at": EARLY, "low_updated_at": EARLY, "low_id": "", "high_id": "",
    "high_created_at": LATE, "high_updated_at": LATE, "low_subreddit_id": 3,
    "high_subreddit_id": 2**63 - 1,
}  # fmt: skip
NUMBERS = {
    **NONE, "low_id": 3, "high_id": 2**63 - 1, "low_author_id": 3, "low_subreddit_id": 3,
    "high_author_id": 2**63 - 1, "high_subreddit_id": 2**63 - 1,
    "low_a_id": 3, "low_b_id": 3, "high_a_id": 2**63 - 1, "high_b_id": 2**63 - 1, "min_shared": 1,
}  # fmt: skip
ORDERS = {
    ExportKind.POSTS: (
        ExportOrder.WHOLE,
        ExportOrder.SPAN,
        ExportOrder.SUBREDDIT,
        ExportOrder.UPDATED,
    ),
    ExportKind.COMMENTS: (
        ExportOrder.WHOLE,
        ExportOrder.SPAN,
        ExportOrder.SUBREDDIT,
        ExportOrder.UPDATED,
    ),
    ExportKind.AUTHORS: (ExportOrder.ID,),
    ExportKind.SUBREDDITS: (ExportOrder.ID,),
    ExportKind.EDGES: (ExportOrder.EDGE, ExportOrder.SUBREDDIT_EDGE),
    ExportKind.LINKS: (ExportOrder.LINK,),
    ExportKind.MAP_NODES: (ExportOrder.NODE,),
}
# The filters of each order. In the other orders, the filters are positions.
FILTERS: dict[ExportOrder, list[dict[str, Any]]] = {
    ExportOrder.SPAN: [{"since": EARLY, "until": LATE}],
    ExportOrder.SUBREDDIT: [{"subreddit_id": 7}],
    ExportOrder.SUBREDDIT_EDGE: [{"subreddit_id": 7}],
    ExportOrder.UPDATED: [
        {}, {"subreddit_id": 7}, {"since": EARLY}, {"until": LATE},
        {"subreddit_id": 7, "since": EARLY, "until": LATE},
    ],
}  # fmt: skip


@pytest.mark.parametrize("statistics", ["present", "old"])
def test_a_chunk_reads_its_own_rows_by_an_index(conn: Connection, statistics: str) -> None:
    content_rows.fill(conn, statistics=statistics)
    checked = 0
    for kind, orders in ORDERS.items():
        shapes = {shape for of, shape in export_statement.FIELDS if of is kind}
        for order, shape, pseudonymous in product(orders, shapes, (False, True)):
            index_order.follow(conn, by_groups=order is ExportOrder.SPAN)
            statement = export_statement.chunk_statement(
                kind, shape, order, pseudonymous=pseudonymous, bodies=True, at_most=CHUNK
            )
            for filters in FILTERS.get(order, [{}]):
                given = ITEM if kind in export_statement.ITEMS else NUMBERS
                nodes = plans.generic_plan(conn, statement, {**given, **filters}, analyze=True)
                name = (kind, order, shape, filters)
                scanned = set(plans.tables_scanned(nodes)) & set(content_rows.LARGE)
                assert not scanned, name
                table = export_walks.TABLES[kind].name
                read = sum(
                    (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
                    * node["Actual Loops"]
                    for node in nodes
                    if node.get("Relation Name") == table and "Scan" in node["Node Type"]
                )
                # A span of time reads at most one chunk of a subreddit too much.
                assert read <= CHUNK * (2 if order is ExportOrder.SPAN else 1), (name, read)
                checked += 1
    assert checked > 40
