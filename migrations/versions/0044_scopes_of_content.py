"""Permit API tokens with the scopes `content` (read what was crawled) and `erase` (delete it)."""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None
# Earlier code keeps unknown scopes of a token, and grants nothing for them.
runs_code_from = "0011"

UPGRADE = """
ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_scopes_check;

ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_scopes_check CHECK (
    scopes <@ ARRAY['read', 'jobs', 'schedules', 'audit', 'tokens', 'webhooks', 'content', 'erase']
    AND cardinality(scopes) BETWEEN 1 AND 8)
"""

# A token with no other scopes is deleted, because it can do nothing in earlier code.
DOWNGRADE = """
DELETE FROM api_tokens WHERE scopes <@ ARRAY['content', 'erase'];

UPDATE api_tokens SET scopes = array_remove(array_remove(scopes, 'content'), 'erase')
WHERE scopes && ARRAY['content', 'erase'];

ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_scopes_check;

ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_scopes_check CHECK (
    scopes <@ ARRAY['read', 'jobs', 'schedules', 'audit', 'tokens', 'webhooks']
    AND cardinality(scopes) BETWEEN 1 AND 6)
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
