"""Columns of the links of the map."""

from crawlctl.output.columns import Column, Noun

LINK = Noun(
    "link",
    (
        Column("a"),
        Column("b"),
        Column("shared_authors", kind="number", title="shared"),
        Column("weight", kind="number"),
        Column("a_community"),
        Column("b_community"),
        Column("a_authors", kind="number", wide=True),
        Column("b_authors", kind="number", wide=True),
        Column("a_subscribers", kind="number", wide=True),
        Column("b_subscribers", kind="number", wide=True),
        Column("a_id", kind="number", wide=True),
        Column("b_id", kind="number", wide=True),
    ),
    key="b",
)
