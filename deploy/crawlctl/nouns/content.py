"""Columns of authors, and of the rows that an erasure concerns."""

from crawlctl.output.columns import Column, Noun

AUTHOR = Noun(
    "author",
    (
        Column("id", "author.id", kind="number"),
        Column("name", "author.name"),
        Column("reddit_id", "author.reddit_id"),
        Column("created_at_reddit", "author.created_at_reddit", kind="time"),
        Column("suspended", "author.suspended"),
        Column("first_seen_at", "author.first_seen_at", kind="time"),
        Column("history_fetched_at", "author.history_fetched_at", kind="time"),
    ),
    key="author.name",
    sections={
        "items": Noun(
            "activity",
            (
                Column("subreddit"),
                Column("posts", kind="number"),
                Column("comments", kind="number"),
                Column("first_at", kind="time"),
                Column("last_at", kind="time"),
            ),
            key="subreddit",
        )
    },
)
ERASURE = Noun(
    "erasure",
    (
        Column("posts", kind="number"),
        Column("comments", kind="number"),
        Column("crossposts", kind="number"),
        Column("edges", kind="number"),
        Column("more"),
        Column("dry_run"),
        Column("operation_id", kind="number"),
    ),
    key="operation_id",
)
