"""Count what other consumers of a Reddit client id use, apart from what we reserved."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
# Code that does not know the column leaves what it once counted; that slows us, for one window.
runs_code_from = "0011"

UPGRADE = "ALTER TABLE reddit_budgets ADD COLUMN others INTEGER DEFAULT 0 NOT NULL"
DOWNGRADE = "ALTER TABLE reddit_budgets DROP COLUMN others"


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
