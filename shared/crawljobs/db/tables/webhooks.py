"""Tables of webhooks: endpoints, events, deliveries and attempts."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata, one_of
from crawljobs.domain import job, webhook

_TYPES = ", ".join(f"'{kind}'" for kind in webhook.SUBSCRIBABLE)

# The URL of a receiver, and the events that the receiver wants. No column has a secret: the secret
# is derived from the master key, the id and the version.
webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    id_column(),
    Column("url", Text, nullable=False),
    Column("description", Text),
    Column("events", ARRAY(Text), nullable=False),
    # The endpoint gets only events that match these filters. Null: no filter.
    Column("filter_group_id", BigInteger),
    Column("filter_source", Text),
    Column("filter_subreddit", Text),  # in lower case
    Column("state", Text, nullable=False, server_default="enabled"),
    Column("disabled_reason", Text),
    Column("disabled_detail", Text),
    Column("disabled_at", Timestamp),
    Column("secret_version", Integer, nullable=False, server_default="1"),
    # Until `previous_secret_until`, this former version of the secret also signs deliveries.
    Column("previous_secret_version", Integer),
    Column("previous_secret_until", Timestamp),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("created_by", Text, nullable=False),  # the name of the token that created the endpoint
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    # Each edit and each change of the state increases this number. An attempt does not.
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("last_success_at", Timestamp),
    # The times of the first and of the latest failure since the last success.
    Column("first_failure_at", Timestamp),
    Column("last_failure_at", Timestamp),
    CheckConstraint(f"char_length(url) BETWEEN 1 AND {webhook.URL_MAX}", name="url"),
    CheckConstraint(
        f"char_length(description) BETWEEN 1 AND {webhook.DESCRIPTION_MAX}", name="description"
    ),
    CheckConstraint(f"events <@ ARRAY[{_TYPES}] AND cardinality(events) >= 1", name="events"),
    CheckConstraint("filter_subreddit = lower(filter_subreddit)", name="filter_subreddit"),
    one_of("filter_source", *job.JobSource, nullable=True, name="filter_source"),
    one_of("state", *webhook.EndpointState, name="state"),
    one_of("disabled_reason", *webhook.DisabledReason, nullable=True, name="disabled_reason"),
    CheckConstraint(
        "(state = 'disabled') = (disabled_reason IS NOT NULL)"
        " AND (disabled_reason IS NULL) = (disabled_at IS NULL)",
        name="disabled_has_reason",
    ),
    CheckConstraint(
        "secret_version > coalesce(previous_secret_version, 0)"
        " AND (previous_secret_version IS NULL) = (previous_secret_until IS NULL)",
        name="secrets",
    ),
)

# A change that is reported to webhook endpoints. The transaction of the change inserts the row, if
# an endpoint subscribes to the type.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True, server_default=text("gen_random_uuid()")),
    # The event gets its version while the changed row is locked. So a later event of the same job
    # or group has a greater version.
    Column("version", BigInteger, Identity(always=True), nullable=False),
    Column("type", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("data", JSONB),  # null for the end of a job: its data are in the columns below
    # The values that filters compare.
    Column("job_id", BigInteger),
    Column("group_ids", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    Column("source", Text),
    Column("subreddit", Text),  # filters compare the name in lower case
    # The other values of a job that has ended.
    Column("outcome", Text),
    Column("error_kind", Text),
    Column("incomplete", Boolean),
    Column("finished_at", Timestamp),
    Column("schedule_id", BigInteger),
    Column("generation", Integer),  # the generation of the first group in group_ids
    Column("body", Text),  # the JSON text that is sent; null until it is rendered
    Column("expanded_at", Timestamp),  # null until the event's deliveries have been created
    # The expansion of a job's event finds the name of this subreddit and stores it in `subreddit`.
    Column("subreddit_id", BigInteger),
    one_of("type", *webhook.EventType, name="type"),
    CheckConstraint("data IS NOT NULL OR job_id IS NOT NULL", name="has_data"),
    Index("webhook_events_new_idx", "version", postgresql_where=text("expanded_at IS NULL")),
    # Events enter this index when their deliveries are created, not in the transaction of a change.
    Index(
        "webhook_events_expanded_idx",
        "created_at",
        postgresql_where=text("expanded_at IS NOT NULL"),
    ),
    Index(
        "webhook_events_pauses_idx",
        "created_at",
        postgresql_where=text("type = 'budget.paused'"),
    ),
)

# The delivery of one event to one endpoint.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    id_column(),
    Column(
        "event_id",
        UUID(as_uuid=True),
        ForeignKey("webhook_events.id", ondelete="CASCADE"),
        nullable=False,
    ),
    # No foreign key, because the deliveries of a deleted endpoint are deleted later, in chunks.
    Column("endpoint_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False, server_default="event"),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # The number of attempts before the last replay. Such attempts do not lengthen a delay.
    Column("attempts_before", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Timestamp, nullable=False, server_default=NOW),
    Column("lease_until", Timestamp),  # a sender holds the delivery until this time
    Column("claim_token", UUID(as_uuid=True)),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("ended_at", Timestamp),
    UniqueConstraint("event_id", "endpoint_id"),
    one_of("kind", *webhook.DeliveryKind, name="kind"),
    one_of("state", *webhook.DeliveryState, name="state"),
    CheckConstraint("attempts >= attempts_before AND attempts_before >= 0", name="attempts"),
    CheckConstraint("(ended_at IS NULL) = (state IN ('pending', 'held'))", name="open_has_no_end"),
    CheckConstraint("(lease_until IS NULL) = (claim_token IS NULL)", name="lease_has_token"),
    # Finds due deliveries of one endpoint, so a backlog of one endpoint delays no other endpoint.
    Index(
        "webhook_deliveries_due_idx",
        "endpoint_id",
        "next_attempt_at",
        "id",
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "webhook_deliveries_claimed_idx",
        "endpoint_id",
        postgresql_where=text("claim_token IS NOT NULL"),
    ),
    Index(
        "webhook_deliveries_pings_idx",
        "next_attempt_at",
        postgresql_where=text("state = 'pending' AND kind = 'ping'"),
    ),
    # Lists of one state read one range of the index, and the list of all states merges five ranges.
    Index("webhook_deliveries_state_idx", "endpoint_id", "state", "id"),
)

# One attempt to deliver, with the answer of the receiver.
webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column(
        "delivery_id",
        BigInteger,
        ForeignKey("webhook_deliveries.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", Timestamp, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("result", Text, nullable=False),
    Column("status_code", SmallInteger),
    Column("detail", Text),
    Column("response", Text),
    one_of("result", *webhook.AttemptResult, name="result"),
    CheckConstraint("number >= 1 AND duration_ms >= 0", name="numbers"),
    CheckConstraint(
        f"octet_length(response) <= {webhook.RESPONSE_MAX} AND char_length(detail) <= 1000",
        name="lengths",
    ),
    Index("webhook_attempts_started_at_idx", "started_at"),  # for the counts of attempts by minute
)
