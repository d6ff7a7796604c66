"""What workers share beside the queue."""

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

# When a task on a long interval last ran, so that frequent restarts cannot starve it.
maintenance_runs = Table(
    "maintenance_runs",
    metadata,
    Column("task", Text, primary_key=True),
    Column("last_run_at", Timestamp, nullable=False),
)

# The budget of one Reddit client id, shared by every worker: the next free request slot.
reddit_budgets = Table(
    "reddit_budgets",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("next_slot_at", Timestamp, nullable=False, server_default=NOW),
    Column("window_started_at", Timestamp),  # of the fixed window that `reserved` counts
    Column("reserved", Integer, nullable=False, server_default="0"),  # by us, and used by others
    Column("others", Integer, nullable=False, server_default="0"),  # of them: other consumers'
    Column("requests_per_window", Integer, nullable=False, server_default="1000"),
    Column("window_seconds", Integer, nullable=False, server_default="600"),
    Column("paused_until", Timestamp),
    Column("throttles_in_a_row", SmallInteger, nullable=False, server_default="0"),
    Column("last_throttled_at", Timestamp),
    # The breaker: a bit for each of the last 20 replies, the newest lowest, 1 for a failed one.
    Column("recent_failures", Integer, nullable=False, server_default="0"),
    Column("outage_until", Timestamp),  # open until a probe after this succeeds; null: closed
    Column("outages_in_a_row", SmallInteger, nullable=False, server_default="0"),
    # Why all workers pause, while `outage_until` or `paused_until` says that they do.
    Column("paused_reason", Text),
    Column("paused_detail", Text),
    # Whether Reddit accepts the client: the turn of the worker that looks, and the last good look.
    Column("probing_until", Timestamp),
    Column("probe_began_at", Timestamp),
    Column("probe_good_at", Timestamp),
    CheckConstraint(
        "paused_reason IN ('rate_limit', 'outage', 'client_refused', 'credentials_refused')",
        name="paused_reason",
    ),
    CheckConstraint("char_length(paused_detail) <= 500", name="paused_detail"),
    CheckConstraint("requests_per_window > 0 AND window_seconds > 0", name="window"),
    CheckConstraint("recent_failures BETWEEN 0 AND 1048575", name="recent_failures"),
)

# The OAuth token of one Reddit client id, shared by every worker, and who may ask for the next.
reddit_tokens = Table(
    "reddit_tokens",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("access_token", Text),
    Column("expires_at", Timestamp),
    Column("refreshing_until", Timestamp),  # somebody asks for a new one, at most until then
    Column("ask_again_at", Timestamp),  # the token endpoint wants to be left alone until then
    Column("throttles_in_a_row", SmallInteger, nullable=False, server_default="0"),
    CheckConstraint("(access_token IS NULL) = (expires_at IS NULL)", name="token_expires"),
)

# Work that nobody may begin: everything (scope 0), or one subreddit (scope its id).
queue_pauses = Table(
    "queue_pauses",
    metadata,
    Column("scope", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("until", Timestamp),  # null: until somebody resumes
    Column("paused_by", Text, nullable=False),
    Column("paused_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("scope >= 0", name="scope"),
    CheckConstraint("char_length(reason) BETWEEN 1 AND 500", name="reason"),
)
