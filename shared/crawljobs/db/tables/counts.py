"""Tables with the numbers of finished jobs, so that no query has to count all jobs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from crawljobs.db.tables.columns import id_column, metadata, one_of

# The number of jobs in one final status. A sweep adds the rows of crawl_job_count_changes later, so
# the present number is the sum of this row and those rows.
crawl_job_counts = Table(
    "crawl_job_counts",
    metadata,
    Column("status", Text, primary_key=True),
    Column("jobs", BigInteger, nullable=False),
    one_of("status", "succeeded", "failed", "cancelled", name="status"),
)

# A change of the number of jobs in a final status. Triggers insert a row for each change. With a
# shared counter instead, each completion would wait for the lock of another completion. A trigger
# on crawl_job_attempts counts succeeded crawls. Triggers on crawl_jobs count all other changes.
crawl_job_count_changes = Table(
    "crawl_job_count_changes",
    metadata,
    id_column(),
    Column("status", Text, nullable=False),
    Column("change", Integer, nullable=False),
)
