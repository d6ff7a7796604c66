"""Count new posts and comments: for each author in a subreddit, and as evidence for discovery.

An edge is a row with an author's numbers of posts and comments in a subreddit. Evidence is a row
with the numbers of mentions and crossposts of another subreddit.

- If one statement stores the page, the statement also adds the counts.
- If several statements store the page, one more statement adds all counts at the end. With counts
  after each statement, two transactions could deadlock: the first has locked the edges for its
  posts, and the second the edges for its comments.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text


def count_ctes(*, edges: str, evidence: str) -> str:
    """Return common table expressions that add the rows of two queries to the stored counts.

    - `edges`: selects author_id, subreddit_id, posts, comments, first_at and last_at.
    - `evidence`: selects found_in, name, mentions and crossposts.

    The first two columns of each query are the key of the stored row. A query may return only one
    row for a key.
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


def count_columns(*, edges: str, evidence: str) -> str:
    """Return two columns for `Counts.take`. Each column has the rows of one query as JSON."""
    return f"""
        (SELECT json_agg(edge) FROM ({edges}) AS edge) AS edges,
        (SELECT json_agg(known) FROM ({evidence}) AS known) AS evidence"""


# Selects the numbers of inserted and of updated rows. The class Written holds these numbers.
WRITTEN = """count(*) FILTER (WHERE inserted) AS inserted,
        count(*) FILTER (WHERE NOT inserted) AS updated"""

_ADD = text(
    "WITH "
    + count_ctes(
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
    """Collects how many posts, comments, mentions and crossposts of a page are new.

    One statement then adds these counts to the rows of edges and evidence.
    """

    edges: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)

    def take(self, row: Any) -> None:
        """Collect the counts of one statement. `row` has the columns of `count_columns`."""
        self.edges += row.edges or []
        self.evidence += row.evidence or []

    def add(self, conn: Connection) -> None:
        """Add the collected counts to the stored edges and evidence. Locks rows in key order."""
        if self.edges or self.evidence:
            values = {"edges": json.dumps(self.edges), "evidence": json.dumps(self.evidence)}
            conn.execute(_ADD, values)
