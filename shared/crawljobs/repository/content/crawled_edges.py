"""What new posts and comments count for: edges of their authors, evidence for other subreddits.

A page of one statement counts in that statement. A page of several counts after all of them, or
two pages could wait for edges of each other: one from its posts, one from its comments.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text


def counting(*, edges: str, evidence: str) -> str:
    """Common table expressions that count the rows of two queries.

    `edges` selects author_id, subreddit_id, posts, comments, first_at, last_at, and `evidence`
    found_in, name, mentions, crossposts; each key once.
    """
    return f"""
    edges AS (
        INSERT INTO author_subreddits AS edge
            (author_id, subreddit_id, posts, comments, first_at, last_at)
        {edges}
        ORDER BY author_id, subreddit_id
        ON CONFLICT (author_id, subreddit_id) DO UPDATE SET
            posts = edge.posts + excluded.posts,
            comments = edge.comments + excluded.comments,
            first_at = least(edge.first_at, excluded.first_at),
            last_at = greatest(edge.last_at, excluded.last_at)
    ), evidence AS (
        INSERT INTO discovery_evidence AS known (found_in, name, mentions, crossposts)
        {evidence}
        ORDER BY found_in, name
        ON CONFLICT (found_in, name) DO UPDATE SET
            mentions = known.mentions + excluded.mentions,
            crossposts = known.crossposts + excluded.crossposts,
            last_at = excluded.last_at
    )"""


def telling(*, edges: str, evidence: str) -> str:
    """Columns that hold the rows of both queries as JSON, for Counts."""
    return f"""
        (SELECT json_agg(edge) FROM ({edges}) AS edge) AS edges,
        (SELECT json_agg(known) FROM ({evidence}) AS known) AS evidence"""


# How many rows `written` has, for Written.
WRITTEN = """count(*) FILTER (WHERE inserted) AS inserted,
        count(*) FILTER (WHERE NOT inserted) AS updated"""

_ADD = text(
    "WITH "
    + counting(
        edges="""
        SELECT author_id, subreddit_id, sum(posts), sum(comments), min(first_at), max(last_at)
        FROM json_to_recordset(CAST(:edges AS json)) AS edge (
            author_id bigint, subreddit_id bigint, posts bigint, comments bigint,
            first_at timestamptz, last_at timestamptz)
        GROUP BY author_id, subreddit_id""",
        evidence="""
        SELECT found_in, name, sum(mentions), sum(crossposts)
        FROM json_to_recordset(CAST(:evidence AS json)) AS known (
            found_in bigint, name text, mentions bigint, crossposts bigint)
        GROUP BY found_in, name""",
    )
    + " SELECT"
)


@dataclass
class Counts:
    """What the statements of one page leave to be counted."""

    edges: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)

    def take(self, row: Any) -> None:
        """Of a row that has the columns of `telling`."""
        self.edges += row.edges or []
        self.evidence += row.evidence or []

    def add(self, conn: Connection) -> None:
        """Count all of it, in one order."""
        if self.edges or self.evidence:
            values = {"edges": json.dumps(self.edges), "evidence": json.dumps(self.evidence)}
            conn.execute(_ADD, values)
