"""Columns of the token with which crawlctl sends its requests."""

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
