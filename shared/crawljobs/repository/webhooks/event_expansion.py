"""Make a delivery of each new event for each endpoint that wants the event."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

CHUNK = 200  # limit of the events of one call

# - An endpoint gets no event from before its creation, and no event about its own disabling.
# - If an endpoint was disabled for its failures, its deliveries are held.
# - An endpoint that an operator disabled gets no deliveries.
_EXPAND = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now),
    fresh AS (
        SELECT id, version, type, created_at, group_ids, source, data,
            coalesce(subreddit, (SELECT name FROM subreddits WHERE id = subreddit_id)) AS subreddit
        FROM webhook_events WHERE expanded_at IS NULL
        ORDER BY version LIMIT :at_most FOR NO KEY UPDATE SKIP LOCKED
    ),
    made AS (
        INSERT INTO webhook_deliveries (event_id, endpoint_id, state, created_at, next_attempt_at)
        SELECT fresh.id, endpoint.id,
            CASE endpoint.state WHEN 'enabled' THEN 'pending' ELSE 'held' END,
            (SELECT now FROM clock), (SELECT now FROM clock)
        FROM fresh JOIN webhook_endpoints AS endpoint
            ON fresh.type = ANY (endpoint.events)
            AND endpoint.created_at <= fresh.created_at
            AND (endpoint.filter_group_id IS NULL
                OR endpoint.filter_group_id = ANY (fresh.group_ids))
            AND (endpoint.filter_source IS NULL OR endpoint.filter_source = fresh.source)
            AND (endpoint.filter_subreddit IS NULL
                OR endpoint.filter_subreddit = lower(fresh.subreddit))
            AND (fresh.type <> 'webhook.disabled'
                OR fresh.data ->> 'webhook_id' IS DISTINCT FROM CAST(endpoint.id AS text))
        WHERE endpoint.disabled_reason IS DISTINCT FROM 'operator'
        ORDER BY fresh.version, endpoint.id
        ON CONFLICT (event_id, endpoint_id) DO NOTHING
    ),
    marked AS (
        UPDATE webhook_events AS event
        SET expanded_at = (SELECT now FROM clock), subreddit = fresh.subreddit
        FROM fresh WHERE event.id = fresh.id
    )
    SELECT count(*) FROM fresh
    """)


def expand(conn: Connection, *, at_most: int = CHUNK, now: datetime | None = None) -> int:
    """Create the deliveries of the oldest new events, at most `at_most`. Return their number.

    Several processes may call this function at the same time. The processes take different events.
    """
    return int(conn.execute(_EXPAND, {"at_most": at_most, "now": now}).scalar_one())
