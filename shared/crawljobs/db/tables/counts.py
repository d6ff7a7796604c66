"""Tables with the numbers of finished jobs, so that no query has to count all jobs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from crawljobs.db.tables.columns import id_column, metadata, one_of

# The number of jobs in one final status. The present number is the sum of this row and of the
# status's rows in crawl_job_count_changes. A sweep moves those changes into this row later.
crawl_job_counts = Table(
    "crawl_job_counts",
    metadata,
    Column("status", Text, primary_key=True),
    Column("jobs", BigInteger, nullable=False),
    one_of("status", "succeeded", "failed", "cancelled", name="status"),
)

# A change of the number of jobs in a final status. A trigger on crawl_job_attempts inserts the
# changes for succeeded crawls. Triggers on crawl_jobs insert all other changes. If the triggers
# updated crawl_job_counts instead, concurrent completions would wait for the lock of its row.
crawl_job_count_changes = Table(
    "crawl_job_count_changes",
    metadata,
    id_column(),
    Column("status", Text, nullable=False),
    Column("change", Integer, nullable=False),
)
