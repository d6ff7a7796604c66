"""Keep the description of a schedule, a free text of an operator."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None
runs_code_from = "0011"  # earlier code neither shows nor changes a description

UPGRADE = """
ALTER TABLE scheduled_jobs
    ADD COLUMN description TEXT,
    ADD CONSTRAINT scheduled_jobs_description_check
        CHECK (char_length(description) BETWEEN 1 AND 1000)
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("ALTER TABLE scheduled_jobs DROP COLUMN description")
