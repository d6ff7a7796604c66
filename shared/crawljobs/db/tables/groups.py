"""Tables of groups, their steps, and the waits between steps."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata, one_of

STEP_STATES = ("pending", "enqueued", "held", "succeeded", "failed", "cancelled", "skipped")
_OUTCOMES = ("succeeded", "partly", "failed", "cancelled")

# A set of crawls that users handle as one thing.
job_groups = Table(
    "job_groups",
    metadata,
    id_column(),
    Column("name", Text),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("created_by", Text, nullable=False),  # the name of the creator's API token
    Column("sealed_at", Timestamp),  # since this time the group accepts no further steps
    Column("paused_at", Timestamp),  # since this time no pending step of the group starts
    Column("cancelled_at", Timestamp),
    Column("cancelled_by", Text),
    # The number of times that the group has run: 1 until a retry opens the finished group again.
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("finished_at", Timestamp),
    Column("outcome", Text),
    # If this time is not null, the resolver examines the group's pending steps. The group with the
    # earliest time comes first.
    Column("ready_at", Timestamp),
    # The numbers of steps by state. Each transaction that changes a step holds the group's lock.
    *(Column(state, Integer, nullable=False, server_default="0") for state in STEP_STATES),
    # No foreign key, because a group stays when its schedule is deleted.
    Column("scheduled_job_id", BigInteger),
    Column("due_at", Timestamp),  # the due time of the schedule that created the group
    CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name"),
    CheckConstraint("generation >= 1", name="generation"),
    CheckConstraint(" AND ".join(f"{state} >= 0" for state in STEP_STATES), name="counts"),
    CheckConstraint("(finished_at IS NULL) = (outcome IS NULL)", name="finished_has_outcome"),
    CheckConstraint("finished_at IS NULL OR sealed_at IS NOT NULL", name="finished_is_sealed"),
    one_of("outcome", *_OUTCOMES, nullable=True, name="outcome"),
    Index("job_groups_ready_idx", "ready_at", "id", postgresql_where=text("ready_at IS NOT NULL")),
    Index("job_groups_open_idx", "id", postgresql_where=text("finished_at IS NULL")),
    Index(
        "job_groups_finished_idx",
        "finished_at",
        "id",
        postgresql_where=text("finished_at IS NOT NULL"),
    ),
    Index("job_groups_name_idx", func.lower(literal_column("name")), "id"),
    Index(
        "job_groups_scheduled_job_id_idx",
        "scheduled_job_id",
        "id",
        postgresql_where=text("scheduled_job_id IS NOT NULL"),
    ),
)

# A request of a group to crawl one subreddit. A pending step is no job: the resolver enqueues the
# step when its waits have ended. The step then follows the job.
group_steps = Table(
    "group_steps",
    metadata,
    id_column(),
    Column("group_id", BigInteger, ForeignKey("job_groups.id"), nullable=False),
    Column("key", Text, nullable=False),  # the name of the step in its group
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("max_retries", SmallInteger, nullable=False),
    Column("visible_at", Timestamp),  # the crawl does not start before this time
    Column("traceparent", Text),  # W3C trace context of the request
    Column("on_upstream_failure", Text, nullable=False, server_default="cancel"),
    Column("require_outcome", Text, nullable=False, server_default="any"),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("reason", Text),  # why the step has its state
    Column("changed_at", Timestamp, nullable=False, server_default=NOW),
    Column("job_id", BigInteger),  # the job that the step follows; no foreign key: jobs are pruned
    # True: a crawl was running when the step was enqueued, so the step awaits the follow-up job.
    Column("follows_rerun", Boolean, nullable=False, server_default=text("false")),
    Column("waiting_for", Integer, nullable=False, server_default="0"),  # the number of open waits
    # The number of steps on the longest chain of waits that leads to this step.
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    # True: an operator let the step proceed although an upstream did not succeed.
    Column("proceeds", Boolean, nullable=False, server_default=text("false")),
    # True if the step was skipped because of an upstream. A retry of the upstream reopens the step.
    Column("skipped_for_upstream", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("group_id", "key"),
    one_of("state", *STEP_STATES, name="state"),
    one_of("on_upstream_failure", "cancel", "proceed", "hold", name="on_upstream_failure"),
    one_of("require_outcome", "any", "crawled", "complete", name="require_outcome"),
    CheckConstraint("char_length(key) BETWEEN 1 AND 100", name="key"),
    CheckConstraint("priority BETWEEN 0 AND 100", name="priority"),
    CheckConstraint("max_retries BETWEEN 0 AND 100", name="max_retries"),
    CheckConstraint("waiting_for >= 0", name="waiting_for"),
    CheckConstraint("state <> 'enqueued' OR job_id IS NOT NULL", name="enqueued_has_job"),
    # Finds, for one group, the steps that the resolver can start.
    Index(
        "group_steps_ready_idx",
        "group_id",
        "id",
        postgresql_where=text("state = 'pending' AND waiting_for = 0"),
    ),
    Index("group_steps_state_idx", "group_id", "state", "id"),
    Index("group_steps_job_id_idx", "job_id", postgresql_where=text("job_id IS NOT NULL")),
    Index("group_steps_enqueued_idx", "id", postgresql_where=text("state = 'enqueued'")),
    Index("group_steps_held_idx", "changed_at", postgresql_where=text("state = 'held'")),
    Index("group_steps_subreddit_id_idx", "subreddit_id", "id"),
)

# One wait of a step for the end of another step, a job or a group. A wait for the step's own group
# is a wait for all other steps of that group.
step_waits = Table(
    "step_waits",
    metadata,
    id_column(),
    Column(
        "step_id",
        BigInteger,
        ForeignKey("group_steps.id", ondelete="CASCADE"),
        nullable=False,
    ),
    # No foreign keys, because an ended wait keeps its result when the upstream is deleted.
    Column("upstream_step_id", BigInteger),
    Column("upstream_job_id", BigInteger),
    Column("upstream_group_id", BigInteger),
    Column("ended_at", Timestamp),
    Column("state", Text),  # the state in which the upstream ended
    Column("reason", Text),
    CheckConstraint(
        "num_nonnulls(upstream_step_id, upstream_job_id, upstream_group_id) = 1", name="upstream"
    ),
    CheckConstraint("(ended_at IS NULL) = (state IS NULL)", name="ended_has_state"),
    one_of(
        "state",
        "succeeded",
        "failed",
        "cancelled",
        "skipped",
        nullable=True,
        name="state",
    ),
    Index("step_waits_step_id_idx", "step_id", "id"),
    Index(
        "step_waits_upstream_step_idx",
        "upstream_step_id",
        "id",
        postgresql_where=text("upstream_step_id IS NOT NULL"),
    ),
    Index(
        "step_waits_upstream_job_idx",
        "upstream_job_id",
        "id",
        postgresql_where=text("upstream_job_id IS NOT NULL"),
    ),
    Index(
        "step_waits_open_job_idx",
        "id",
        postgresql_where=text("upstream_job_id IS NOT NULL AND ended_at IS NULL"),
    ),
    Index(
        "step_waits_upstream_group_idx",
        "upstream_group_id",
        "id",
        postgresql_where=text("upstream_group_id IS NOT NULL"),
    ),
)

# A changed upstream: a job, a step or a group on which steps depend. The resolver reads the present
# state of the upstream, updates the steps, and deletes the row.
upstream_changes = Table(
    "upstream_changes",
    metadata,
    id_column(),
    Column("job_id", BigInteger),
    Column("step_id", BigInteger),
    Column("group_id", BigInteger),
    Column("actor", Text),  # the person who ended the job; null if no person did
    # Waits for this upstream are processed in the order of their ids. The waits up to this id have
    # been processed.
    Column("waits_after", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("num_nonnulls(job_id, step_id, group_id) = 1", name="upstream"),
)

# The end of one generation (run) of a group. A group that opens again begins a new one.
group_finishes = Table(
    "group_finishes",
    metadata,
    Column(
        "group_id",
        BigInteger,
        ForeignKey("job_groups.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("generation", Integer, primary_key=True),
    Column("finished_at", Timestamp, nullable=False),
    Column("outcome", Text, nullable=False),
    one_of("outcome", *_OUTCOMES, name="outcome"),
)
