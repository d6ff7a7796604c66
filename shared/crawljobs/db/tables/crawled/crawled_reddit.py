"""A table with one row: the Reddit server from which this database's content was crawled."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, SmallInteger, Table, Text

from crawljobs.db.tables.columns import NOW, Timestamp, metadata

# The first worker writes the row. All workers must crawl the same kind of server: the real Reddit,
# or another server. A worker for the other kind refuses to start. A crawl by this worker would
# search its server for the newest item of earlier crawls, which does not exist there.
crawled_reddit = Table(
    "crawled_reddit",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default="1"),
    Column("is_real", Boolean, nullable=False),  # false: another server, such as the sandbox
    Column("api_url", Text, nullable=False),  # the address that the first worker used
    Column("since", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("id = 1", name="id"),
    CheckConstraint("char_length(api_url) <= 500", name="api_url"),
)
