"""How many finished jobs there are, kept up to date so that nobody has to count them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from crawljobs.db.tables.columns import id_column, metadata, one_of

# Finished jobs of one status, up to the changes that are not merged yet.
crawl_job_counts = Table(
    "crawl_job_counts",
    metadata,
    Column("status", Text, primary_key=True),
    Column("jobs", BigInteger, nullable=False),
    one_of("status", "succeeded", "failed", "cancelled", name="status"),
)

# Jobs that entered or left a final status. Triggers write them: a row of its own for each change,
# since a shared counter would make every finish wait for the one before. Crawls that succeeded are
# counted by the attempts that a statement writes, everything else by the jobs' rows.
crawl_job_count_changes = Table(
    "crawl_job_count_changes",
    metadata,
    id_column(),
    Column("status", Text, nullable=False),
    Column("change", Integer, nullable=False),
)
