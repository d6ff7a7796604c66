"""Columns of the caller's own token."""

from crawlctl.output.columns import Column, Noun

IDENTITY = Noun(
    "identity",
    (
        Column("url"),
        Column("origin"),
        Column("name"),
        Column("scopes"),
        Column("expires_at", kind="time"),
    ),
    key="name",
)
