"""Tables that workers share: maintenance runs, Reddit budgets, Reddit tokens and pauses."""

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

# The last run of a maintenance task. Without this row, each restart of a process would begin the
# task's interval again. A task with a long interval might then never run.
maintenance_runs = Table(
    "maintenance_runs",
    metadata,
    Column("task", Text, primary_key=True),
    Column("last_run_at", Timestamp, nullable=False),
)

# The request budget of a Reddit client id, with the next free slot for a request. All workers use
# this row.
reddit_budgets = Table(
    "reddit_budgets",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("next_slot_at", Timestamp, nullable=False, server_default=NOW),
    # The start of the latest window of Reddit's rate limit in which a worker reserved a slot.
    Column("window_started_at", Timestamp),
    # `others`: requests in this window from other programs with the same client id. `reserved`: the
    # slots in this window that workers have reserved, plus `others`.
    Column("reserved", Integer, nullable=False, server_default="0"),
    Column("others", Integer, nullable=False, server_default="0"),
    Column("requests_per_window", Integer, nullable=False, server_default="1000"),
    Column("window_seconds", Integer, nullable=False, server_default="600"),
    Column("paused_until", Timestamp),
    Column("throttles_in_a_row", SmallInteger, nullable=False, server_default="0"),
    Column("last_throttled_at", Timestamp),
    # The circuit breaker pauses all workers while Reddit fails. `recent_failures` has one bit for
    # each of Reddit's last 20 replies. A bit is 1 for a failure. The lowest bit is the newest
    # reply.
    Column("recent_failures", Integer, nullable=False, server_default="0"),
    # The circuit breaker stays open until a probe after this time succeeds. Null: the circuit
    # breaker is closed.
    Column("outage_until", Timestamp),
    Column("outages_in_a_row", SmallInteger, nullable=False, server_default="0"),
    # The reason why all workers pause until `outage_until` or `paused_until`.
    Column("paused_reason", Text),
    Column("paused_detail", Text),
    # A probe checks whether Reddit accepts the client.
    #
    # - `probing_until`: until this time, only one worker may send probes.
    # - `probe_began_at`: the time when this worker got the right to send probes.
    # - `probe_good_at`: the beginning of the last probe that Reddit accepted.
    Column("probing_until", Timestamp),
    Column("probe_began_at", Timestamp),
    Column("probe_good_at", Timestamp),
    # The last time when a reason to wait for Reddit ended. Either a pause ended, a token was
    # issued, or the budget became larger.
    Column("waits_ended_at", Timestamp),
    CheckConstraint(
        "paused_reason IN ('rate_limit', 'outage', 'client_refused', 'credentials_refused')",
        name="paused_reason",
    ),
    CheckConstraint("char_length(paused_detail) <= 500", name="paused_detail"),
    CheckConstraint("requests_per_window > 0 AND window_seconds > 0", name="window"),
    CheckConstraint("recent_failures BETWEEN 0 AND 1048575", name="recent_failures"),
)

# The OAuth token of a Reddit client id. All workers use this token, and one worker at a time
# requests a new token.
reddit_tokens = Table(
    "reddit_tokens",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("access_token", Text),
    Column("expires_at", Timestamp),
    Column("refreshing_until", Timestamp),  # only one worker may request a token until this time
    Column("ask_again_at", Timestamp),  # workers send no request for a token before this time
    Column("throttles_in_a_row", SmallInteger, nullable=False, server_default="0"),
    CheckConstraint("(access_token IS NULL) = (expires_at IS NULL)", name="token_expires"),
)

# A pause of the whole queue (scope 0) or of one subreddit (the scope is the subreddit's id).
queue_pauses = Table(
    "queue_pauses",
    metadata,
    Column("scope", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("until", Timestamp),  # null: the pause lasts until an operator ends it
    Column("paused_by", Text, nullable=False),
    Column("paused_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("scope >= 0", name="scope"),
    CheckConstraint("char_length(reason) BETWEEN 1 AND 500", name="reason"),
)
