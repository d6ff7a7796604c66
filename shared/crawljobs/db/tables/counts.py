"""Tables of the numbers of finished jobs, so that no query has to count the jobs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from crawljobs.db.tables.columns import id_column, metadata, one_of

# The number of finished jobs of one status, without the changes that are not merged yet.
crawl_job_counts = Table(
    "crawl_job_counts",
    metadata,
    Column("status", Text, primary_key=True),
    Column("jobs", BigInteger, nullable=False),
    one_of("status", "succeeded", "failed", "cancelled", name="status"),
)

# A number of jobs that entered or left a final status. Triggers insert a row for each change: with
# a shared counter, each completion would wait for the lock of the previous one. Succeeded crawls
# are counted by their new attempt rows, all other changes by the rows of the jobs.
crawl_job_count_changes = Table(
    "crawl_job_count_changes",
    metadata,
    id_column(),
    Column("status", Text, nullable=False),
    Column("change", Integer, nullable=False),
)
