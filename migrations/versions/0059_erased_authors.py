"""Remember erased authors by a keyed hash, so that no crawl stores them again."""

from __future__ import annotations

from alembic import op

revision = "0059"
down_revision = "0057"
branch_labels = None
depends_on = None
# Earlier code does not read the table: its workers would store an erased author again. So authors
# are erased after all workers have this release (docs/operations/upgrading.md).
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE erased_authors (
    name_hash BYTEA NOT NULL,
    key_id TEXT NOT NULL,
    author_id BIGINT,
    erased_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT erased_authors_pkey PRIMARY KEY (name_hash),
    CONSTRAINT erased_authors_name_hash_check CHECK (octet_length(name_hash) = 32)
);
CREATE INDEX erased_authors_key_id_idx ON erased_authors (key_id);
CREATE INDEX erased_authors_author_id_idx ON erased_authors (author_id)
    WHERE author_id IS NOT NULL;

CREATE FUNCTION erased_author_keys() RETURNS text[] LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('crawljobs erased authors'));
    RETURN (
        SELECT ARRAY[min(key_id), max(key_id)] FROM erased_authors HAVING min(key_id) IS NOT NULL
    );
END $$;
REVOKE EXECUTE ON FUNCTION erased_author_keys() FROM PUBLIC
"""
DOWNGRADE = "DROP FUNCTION erased_author_keys(); DROP TABLE erased_authors"


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
