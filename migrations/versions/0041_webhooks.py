"""Create the tables of webhooks, and permit API tokens with the scope of webhooks."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE webhook_endpoints (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    url TEXT NOT NULL,
    description TEXT,
    events TEXT[] NOT NULL,
    filter_group_id BIGINT,
    filter_source TEXT,
    filter_subreddit TEXT,
    state TEXT DEFAULT 'enabled' NOT NULL,
    disabled_reason TEXT,
    disabled_detail TEXT,
    disabled_at TIMESTAMP WITH TIME ZONE,
    secret_version INTEGER DEFAULT '1' NOT NULL,
    previous_secret_version INTEGER,
    previous_secret_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_by TEXT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    last_success_at TIMESTAMP WITH TIME ZONE,
    first_failure_at TIMESTAMP WITH TIME ZONE,
    last_failure_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_endpoints_url_check CHECK (char_length(url) BETWEEN 1 AND 2000),
    CONSTRAINT webhook_endpoints_description_check
        CHECK (char_length(description) BETWEEN 1 AND 1000),
    CONSTRAINT webhook_endpoints_events_check
        CHECK (events <@ ARRAY['job.succeeded', 'job.failed', 'job.cancelled',
            'group.finished', 'group.step_failed', 'schedule.disabled', 'schedule.missed',
            'subreddit.access_changed', 'budget.paused', 'webhook.disabled']
            AND cardinality(events) >= 1),
    CONSTRAINT webhook_endpoints_filter_subreddit_check
        CHECK (filter_subreddit = lower(filter_subreddit)),
    CONSTRAINT webhook_endpoints_filter_source_check
        CHECK (filter_source IS NULL OR filter_source IN ('user', 'schedule', 'discovery',
            'stale')),
    CONSTRAINT webhook_endpoints_state_check CHECK (state IN ('enabled', 'disabled')),
    CONSTRAINT webhook_endpoints_disabled_reason_check
        CHECK (disabled_reason IS NULL OR disabled_reason IN ('operator', 'gone', 'failing')),
    CONSTRAINT webhook_endpoints_disabled_has_reason_check
        CHECK ((state = 'disabled') = (disabled_reason IS NOT NULL)
            AND (disabled_reason IS NULL) = (disabled_at IS NULL)),
    CONSTRAINT webhook_endpoints_secrets_check
        CHECK (secret_version > coalesce(previous_secret_version, 0)
            AND (previous_secret_version IS NULL) = (previous_secret_until IS NULL))
);

CREATE TABLE webhook_events (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    version BIGINT GENERATED ALWAYS AS IDENTITY,
    type TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    data JSONB,
    job_id BIGINT,
    group_ids BIGINT[] DEFAULT '{}' NOT NULL,
    source TEXT,
    subreddit TEXT,
    outcome TEXT,
    error_kind TEXT,
    incomplete BOOLEAN,
    finished_at TIMESTAMP WITH TIME ZONE,
    schedule_id BIGINT,
    generation INTEGER,
    body TEXT,
    expanded_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_events_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_events_type_check
        CHECK (type IN ('job.succeeded', 'job.failed', 'job.cancelled', 'group.finished',
            'group.step_failed', 'schedule.disabled', 'schedule.missed',
            'subreddit.access_changed', 'budget.paused', 'webhook.disabled', 'test.ping')),
    CONSTRAINT webhook_events_has_data_check CHECK (data IS NOT NULL OR job_id IS NOT NULL)
);

CREATE INDEX webhook_events_created_at_idx ON webhook_events (created_at);

CREATE INDEX webhook_events_new_idx ON webhook_events (version) WHERE expanded_at IS NULL;

CREATE INDEX webhook_events_pauses_idx ON webhook_events (created_at)
    WHERE type = 'budget.paused';

CREATE TABLE webhook_deliveries (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id UUID NOT NULL,
    endpoint_id BIGINT NOT NULL,
    kind TEXT DEFAULT 'event' NOT NULL,
    state TEXT DEFAULT 'pending' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    attempts_before INTEGER DEFAULT '0' NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    claim_token UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_event_id_endpoint_id_key UNIQUE (event_id, endpoint_id),
    CONSTRAINT webhook_deliveries_kind_check CHECK (kind IN ('event', 'replay', 'ping')),
    CONSTRAINT webhook_deliveries_state_check
        CHECK (state IN ('pending', 'held', 'delivered', 'failed', 'dropped')),
    CONSTRAINT webhook_deliveries_attempts_check
        CHECK (attempts >= attempts_before AND attempts_before >= 0),
    CONSTRAINT webhook_deliveries_open_has_no_end_check
        CHECK ((ended_at IS NULL) = (state IN ('pending', 'held'))),
    CONSTRAINT webhook_deliveries_lease_has_token_check
        CHECK ((lease_until IS NULL) = (claim_token IS NULL)),
    CONSTRAINT webhook_deliveries_event_id_fkey
        FOREIGN KEY(event_id) REFERENCES webhook_events (id) ON DELETE CASCADE
);

CREATE INDEX webhook_deliveries_claimed_idx ON webhook_deliveries (endpoint_id)
    WHERE claim_token IS NOT NULL;

CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (endpoint_id, next_attempt_at, id)
    WHERE state = 'pending';

CREATE INDEX webhook_deliveries_pings_idx ON webhook_deliveries (next_attempt_at)
    WHERE state = 'pending' AND kind = 'ping';

CREATE INDEX webhook_deliveries_state_idx ON webhook_deliveries (endpoint_id, state, id);

CREATE TABLE webhook_attempts (
    delivery_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    duration_ms INTEGER NOT NULL,
    result TEXT NOT NULL,
    status_code SMALLINT,
    detail TEXT,
    response TEXT,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (delivery_id, number),
    CONSTRAINT webhook_attempts_result_check
        CHECK (result IN ('succeeded', 'http_error', 'timeout', 'connection_failed',
            'tls_failed', 'invalid_answer', 'proxy_failed', 'refused_address', 'dns_failed',
            'interrupted')),
    CONSTRAINT webhook_attempts_numbers_check CHECK (number >= 1 AND duration_ms >= 0),
    CONSTRAINT webhook_attempts_lengths_check
        CHECK (octet_length(response) <= 2048 AND char_length(detail) <= 1000),
    CONSTRAINT webhook_attempts_delivery_id_fkey
        FOREIGN KEY(delivery_id) REFERENCES webhook_deliveries (id) ON DELETE CASCADE
);

ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_scopes_check;

ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_scopes_check CHECK (
    scopes <@ ARRAY['read', 'jobs', 'schedules', 'audit', 'tokens', 'webhooks']
    AND cardinality(scopes) BETWEEN 1 AND 6)
"""

# A token whose only scope is `webhooks` is deleted, because it can do nothing in earlier code.
DOWNGRADE = """
DROP TABLE webhook_attempts, webhook_deliveries, webhook_events, webhook_endpoints;

DELETE FROM api_tokens WHERE scopes <@ ARRAY['webhooks'];

UPDATE api_tokens SET scopes = array_remove(scopes, 'webhooks')
WHERE 'webhooks' = ANY (scopes);

ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_scopes_check;

ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_scopes_check CHECK (
    scopes <@ ARRAY['read', 'jobs', 'schedules', 'audit', 'tokens']
    AND cardinality(scopes) BETWEEN 1 AND 5)
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
