"""SQL for a page of a list: read a bounded part of an index, and keep the rows that match."""

from __future__ import annotations


def common_tables(walk: str, *, conditions: str, position: str, look_at: int, limit: str) -> str:
    """Return a WITH clause for `found` (id, place, position) and `walk_end` (position), one row.

    `walk` selects, in order, at most `look_at` rows with an id and the columns that `conditions`
    and `position` use. `limit` is one more than the page holds. `walk_end` is the last position of
    the walk if the page is not full; null if it is full or if no rows are left.
    """
    return f"""
    WITH seen AS MATERIALIZED (
        SELECT id, place, {conditions} AS is_found, {position} AS position
        FROM (SELECT *, row_number() OVER () AS place FROM ({walk}) AS looked_at) AS numbered
        WHERE {conditions} OR place = {look_at} LIMIT {limit}
    ), found AS (
        SELECT id, place, position FROM seen WHERE is_found
    ), walk_end AS (
        SELECT CASE WHEN (SELECT count(*) FROM found) < {limit} THEN (
            SELECT position FROM seen WHERE place = {look_at}
        ) END AS position
    )"""
