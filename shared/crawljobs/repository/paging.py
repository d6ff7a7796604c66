"""A page of a list: walk an index so far, keep what the filters find, and tell where to go on."""

from __future__ import annotations


def common_tables(walk: str, *, conditions: str, position: str, look_at: int, limit: str) -> str:
    """WITH `found` (id, place, position) and one row of `walk_end` (position).

    `walk` selects an id and what the others name, in order, at most `look_at` rows. `walk_end` is
    where it ended without filling the page, else null; `limit` is one more than the page holds.
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
