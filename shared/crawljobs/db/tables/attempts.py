"""The table of job attempts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from crawljobs.db.tables.columns import Timestamp, id_column, metadata, one_of

# A claim that ended, with its outcome. Consecutive deferrals share one row if their messages are
# equal except for the numbers in them. `started_at` and `ended_at` of this row belong to the last
# deferral.
#
# `job_id` has no foreign key, because the check of the key would lock the job's row a second time.
# The key is not needed: one statement deletes a job and its attempts.
crawl_job_attempts = Table(
    "crawl_job_attempts",
    metadata,
    id_column(),
    Column("job_id", BigInteger, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_kind", Text),
    Column("error_message", Text),
    # Consecutive deferrals with almost equal messages share one row. `times` is the number of these
    # deferrals.
    Column("times", Integer, nullable=False, server_default="1"),
    # If the row stands for several deferrals: the start of the first of them. Otherwise null.
    Column("first_started_at", Timestamp),
    one_of(
        "outcome",
        "succeeded",
        "failed",
        "deferred",
        "released",
        "lease_expired",
        "cancelled",
        name="outcome",
    ),
    Index("crawl_job_attempts_job_id_idx", "job_id"),
)
