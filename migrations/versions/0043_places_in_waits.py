"""Store how many waits of a changed upstream are settled, so that each wait is read once."""

from __future__ import annotations

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None
# Earlier code reads all waits of the upstream of each row.
runs_code_from = "0011"

UPGRADE = "ALTER TABLE upstream_changes ADD COLUMN waits_after BIGINT NOT NULL DEFAULT '0'"
DOWNGRADE = "ALTER TABLE upstream_changes DROP COLUMN waits_after"


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
