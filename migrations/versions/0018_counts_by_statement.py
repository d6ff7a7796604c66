"""Count crawls that succeeded once a statement, by their attempts, instead of once a job."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
# Old code, too, writes an attempt in the statement that lets a claimed job succeed.
runs_code_from = "0011"

# The locks keep writers out until this commits, so nothing is missed or counted twice.
UPGRADE = """
LOCK TABLE crawl_jobs, crawl_job_attempts IN SHARE ROW EXCLUSIVE MODE;

CREATE FUNCTION crawl_job_attempts_count_succeeded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_job_count_changes (status, change)
    SELECT 'succeeded', count(*) FROM ended WHERE outcome = 'succeeded' HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE TRIGGER crawl_job_attempts_count_succeeded AFTER INSERT ON crawl_job_attempts
    REFERENCING NEW TABLE AS ended FOR EACH STATEMENT
    EXECUTE FUNCTION crawl_job_attempts_count_succeeded();

-- All other ways in and out of a final status, row by row: they are rare.
CREATE OR REPLACE TRIGGER crawl_jobs_count_change AFTER UPDATE OF status ON crawl_jobs FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (
        OLD.status IN ('succeeded', 'failed', 'cancelled')
        OR NEW.status IN ('failed', 'cancelled')
        OR NEW.status = 'succeeded' AND OLD.status <> 'crawling'))
    EXECUTE FUNCTION crawl_jobs_count_change()
"""

DOWNGRADE = """
LOCK TABLE crawl_jobs, crawl_job_attempts IN SHARE ROW EXCLUSIVE MODE;

DROP TRIGGER crawl_job_attempts_count_succeeded ON crawl_job_attempts;

DROP FUNCTION crawl_job_attempts_count_succeeded();

CREATE OR REPLACE TRIGGER crawl_jobs_count_change AFTER UPDATE OF status ON crawl_jobs FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (
        OLD.status IN ('succeeded', 'failed', 'cancelled')
        OR NEW.status IN ('succeeded', 'failed', 'cancelled')))
    EXECUTE FUNCTION crawl_jobs_count_change()
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
