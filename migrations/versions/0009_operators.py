"""Create what operators need: tokens, idempotency keys, instances, counts of finished jobs."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE api_tokens (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_by TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    revoked_by TEXT,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_id_check CHECK (id ~ '^[0-9a-f]{12}$'),
    CONSTRAINT api_tokens_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT api_tokens_token_hash_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT api_tokens_scopes_check CHECK (
        scopes <@ ARRAY['read', 'jobs', 'schedules', 'audit', 'tokens']
        AND cardinality(scopes) BETWEEN 1 AND 5),
    CONSTRAINT api_tokens_revoked_check CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);

CREATE INDEX api_tokens_name_idx ON api_tokens (name, id);

CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    headers JSONB NOT NULL,
    body TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key),
    CONSTRAINT idempotency_keys_request_hash_check CHECK (octet_length(request_hash) = 32),
    CONSTRAINT idempotency_keys_key_check CHECK (char_length(key) BETWEEN 1 AND 255)
);

CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);

CREATE TABLE service_instances (
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    details JSONB NOT NULL,
    CONSTRAINT service_instances_pkey PRIMARY KEY (name),
    CONSTRAINT service_instances_role_check
        CHECK (role IN ('admin-api', 'crawler-worker', 'scheduler')),
    CONSTRAINT service_instances_name_check CHECK (char_length(name) BETWEEN 1 AND 200)
);

CREATE INDEX service_instances_seen_at_idx ON service_instances (seen_at);

CREATE TABLE crawl_job_counts (
    status TEXT NOT NULL,
    jobs BIGINT NOT NULL,
    CONSTRAINT crawl_job_counts_pkey PRIMARY KEY (status),
    CONSTRAINT crawl_job_counts_status_check CHECK (status IN ('succeeded', 'failed', 'cancelled'))
);

CREATE TABLE crawl_job_count_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    status TEXT NOT NULL,
    change INTEGER NOT NULL,
    CONSTRAINT crawl_job_count_changes_pkey PRIMARY KEY (id)
);

CREATE FUNCTION crawl_jobs_count_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_job_count_changes (status, change)
    SELECT status, change FROM (VALUES (OLD.status, -1), (NEW.status, 1)) AS moved (status, change)
    WHERE status IN ('succeeded', 'failed', 'cancelled');
    RETURN NULL;
END $$;

CREATE FUNCTION crawl_jobs_count_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_job_count_changes (status, change)
    SELECT status, -count(*) FROM deleted
    WHERE status IN ('succeeded', 'failed', 'cancelled') GROUP BY status;
    RETURN NULL;
END $$;

-- Only when the status changes: extending a lease or saving a page costs nothing.
CREATE TRIGGER crawl_jobs_count_change AFTER UPDATE OF status ON crawl_jobs FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (
        OLD.status IN ('succeeded', 'failed', 'cancelled')
        OR NEW.status IN ('succeeded', 'failed', 'cancelled')))
    EXECUTE FUNCTION crawl_jobs_count_change();

CREATE TRIGGER crawl_jobs_count_deleted AFTER DELETE ON crawl_jobs
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT
    EXECUTE FUNCTION crawl_jobs_count_deleted();

-- The triggers lock writers out until this commits, so nothing is missed or counted twice.
INSERT INTO crawl_job_counts (status, jobs)
SELECT status, count(*) FROM crawl_jobs
WHERE status IN ('succeeded', 'failed', 'cancelled') GROUP BY status
"""

DOWNGRADE = """
DROP TRIGGER crawl_jobs_count_deleted ON crawl_jobs;
DROP TRIGGER crawl_jobs_count_change ON crawl_jobs;
DROP FUNCTION crawl_jobs_count_deleted();
DROP FUNCTION crawl_jobs_count_change();
DROP TABLE crawl_job_count_changes;
DROP TABLE crawl_job_counts;
DROP TABLE service_instances;
DROP TABLE idempotency_keys;
DROP TABLE api_tokens
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
