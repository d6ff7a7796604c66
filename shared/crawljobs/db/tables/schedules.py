"""Tables of schedules, and of their past due times with outcomes (the ledger)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata, one_of

# A schedule that repeats the crawl of one subreddit, or that creates groups with the same steps.
scheduled_jobs = Table(
    "scheduled_jobs",
    metadata,
    id_column(),
    Column("name", Text, nullable=False),
    Column("description", Text),  # free text of an operator
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id")),
    Column("steps", JSONB(none_as_null=True)),  # a list, in the form of domain/scheduled_step.py
    Column("cron_expression", Text, nullable=False),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("priority", SmallInteger, nullable=False, server_default="20"),
    Column("max_retries", SmallInteger),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("misfire_policy", Text, nullable=False, server_default="fire_once"),
    Column("misfire_deadline_seconds", Integer),  # null: the policy's default deadline
    Column("spread_seconds", Integer, nullable=False, server_default="0"),
    Column("runs_per_day", Double),  # planned runs a day; null: never computed
    # The intervals of an @every expression are counted from `anchor_at`.
    Column("anchor_at", Timestamp, nullable=False, server_default=NOW),
    # 'infinity' for an enabled schedule with steps, so that an earlier release never finds it due.
    Column("next_run_at", Timestamp),
    Column("steps_next_run_at", Timestamp),  # the next due time of a schedule with steps
    Column("last_run_at", Timestamp),
    Column("disabled_reason", Text),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("priority BETWEEN 0 AND 100", name="priority"),
    CheckConstraint("max_retries BETWEEN 0 AND 100", name="max_retries"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name"),
    CheckConstraint("char_length(description) BETWEEN 1 AND 1000", name="description"),
    CheckConstraint("NOT enabled OR next_run_at IS NOT NULL", name="enabled_has_next_run"),
    CheckConstraint("num_nonnulls(subreddit_id, steps) = 1", name="subreddit_or_steps"),
    CheckConstraint("jsonb_typeof(steps) = 'array'", name="steps"),
    CheckConstraint(
        "CASE WHEN steps IS NULL THEN steps_next_run_at IS NULL ELSE next_run_at IS NULL "
        "OR next_run_at = 'infinity' AND steps_next_run_at IS NOT NULL END",
        name="steps_next_run",
    ),
    one_of("misfire_policy", "fire_once", "skip", name="misfire_policy"),
    # 31,622,400 s are 366 days, as long as the longest interval of an @every expression.
    CheckConstraint("misfire_deadline_seconds BETWEEN 1 AND 31622400", name="misfire_deadline"),
    CheckConstraint("spread_seconds BETWEEN 0 AND 86400", name="spread"),
    CheckConstraint("runs_per_day >= 0 AND runs_per_day <= 1440", name="runs_per_day"),
    Index("scheduled_jobs_name_key", func.lower(literal_column("name")), unique=True),
    Index("scheduled_jobs_due_idx", "next_run_at", postgresql_where=text("enabled")),
    Index(
        "scheduled_jobs_steps_due_idx",
        "steps_next_run_at",
        postgresql_where=text("enabled AND steps_next_run_at IS NOT NULL"),
    ),
    Index("scheduled_jobs_disabled_idx", "id", postgresql_where=text("NOT enabled")),
    Index("scheduled_jobs_subreddit_id_idx", "subreddit_id"),
)

# A due time of a schedule, with its outcome. Consecutive missed due times share one row.
scheduled_job_runs = Table(
    "scheduled_job_runs",
    metadata,
    id_column(),
    # No foreign key, because the runs of a deleted schedule are deleted later, in chunks.
    Column("scheduled_job_id", BigInteger, nullable=False),
    Column("due_at", Timestamp, nullable=False),
    Column("due_until", Timestamp),  # the last due time, if the row has several missed due times
    Column("ticks", BigInteger, nullable=False, server_default="1"),
    Column("fired_at", Timestamp, nullable=False, server_default=NOW),
    Column("outcome", Text, nullable=False),
    Column("job_id", BigInteger),
    Column("group_id", BigInteger),  # the group that a schedule with steps created
    # True if an operator started the run.
    Column("manual", Boolean, nullable=False, server_default=text("false")),
    one_of("outcome", "enqueued", "merged", "skipped", "missed", name="outcome"),
    CheckConstraint("ticks >= 1", name="ticks"),
    UniqueConstraint("scheduled_job_id", "due_at"),
    Index("scheduled_job_runs_fired_at_idx", "fired_at"),
)
