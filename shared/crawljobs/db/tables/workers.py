"""Tables that workers share, except the queue: task turns, budgets, tokens and pauses."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    SmallInteger,
    Table,
    Text,
)

from crawljobs.db.tables.columns import NOW, Timestamp, metadata

# The last run of a task with a long interval, so that it also runs if processes restart often.
maintenance_runs = Table(
    "maintenance_runs",
    metadata,
    Column("task", Text, primary_key=True),
    Column("last_run_at", Timestamp, nullable=False),
)

# The request budget of a Reddit client id, with the next free slot. All workers share it.
reddit_budgets = Table(
    "reddit_budgets",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("next_slot_at", Timestamp, nullable=False, server_default=NOW),
    Column("window_started_at", Timestamp),  # start of the window that `reserved` counts
    Column("reserved", Integer, nullable=False, server_default="0"),  # own slots plus `others`
    Column("others", Integer, nullable=False, server_default="0"),  # requests of other programs
    Column("requests_per_window", Integer, nullable=False, server_default="1000"),
    Column("window_seconds", Integer, nullable=False, server_default="600"),
    Column("paused_until", Timestamp),
    Column("throttles_in_a_row", SmallInteger, nullable=False, server_default="0"),
    Column("last_throttled_at", Timestamp),
    # The circuit breaker: one bit for each of the last 20 replies, 1 for a failure. The lowest bit
    # is the newest reply.
    Column("recent_failures", Integer, nullable=False, server_default="0"),
    Column("outage_until", Timestamp),  # open until a probe after this succeeds; null: closed
    Column("outages_in_a_row", SmallInteger, nullable=False, server_default="0"),
    # The reason of a pause of all workers, which `outage_until` or `paused_until` shows.
    Column("paused_reason", Text),
    Column("paused_detail", Text),
    # Probes whether Reddit accepts the client: the turn of one worker, and the last good probe.
    Column("probing_until", Timestamp),
    Column("probe_began_at", Timestamp),
    Column("probe_good_at", Timestamp),
    # The last end of a wait for Reddit: a pause ended, or a token or a larger budget arrived.
    Column("waits_ended_at", Timestamp),
    CheckConstraint(
        "paused_reason IN ('rate_limit', 'outage', 'client_refused', 'credentials_refused')",
        name="paused_reason",
    ),
    CheckConstraint("char_length(paused_detail) <= 500", name="paused_detail"),
    CheckConstraint("requests_per_window > 0 AND window_seconds > 0", name="window"),
    CheckConstraint("recent_failures BETWEEN 0 AND 1048575", name="recent_failures"),
)

# The OAuth token of a Reddit client id, and the turn to request a new one. All workers share it.
reddit_tokens = Table(
    "reddit_tokens",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("access_token", Text),
    Column("expires_at", Timestamp),
    Column("refreshing_until", Timestamp),  # a worker has the turn to request a token until then
    Column("ask_again_at", Timestamp),  # no request to the token endpoint before this time
    Column("throttles_in_a_row", SmallInteger, nullable=False, server_default="0"),
    CheckConstraint("(access_token IS NULL) = (expires_at IS NULL)", name="token_expires"),
)

# A pause of the whole queue (scope 0) or of one subreddit (the scope is its id).
queue_pauses = Table(
    "queue_pauses",
    metadata,
    Column("scope", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("until", Timestamp),  # null: until an operator resumes
    Column("paused_by", Text, nullable=False),
    Column("paused_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("scope >= 0", name="scope"),
    CheckConstraint("char_length(reason) BETWEEN 1 AND 500", name="reason"),
)
