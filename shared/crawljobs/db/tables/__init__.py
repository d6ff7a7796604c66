"""The definitions of all tables. The comment above a table describes one row of the table.

In production, the migrations create the tables. A test compares the created tables with these
definitions.
"""

from crawljobs.db.tables.access import api_tokens, idempotency_keys
from crawljobs.db.tables.attempts import crawl_job_attempts
from crawljobs.db.tables.audit import admin_audit_log
from crawljobs.db.tables.columns import metadata
from crawljobs.db.tables.crawled.author_activity import author_subreddits, authors
from crawljobs.db.tables.crawled.content import comments, posts
from crawljobs.db.tables.crawled.coverage import crawl_gaps, missing_parts
from crawljobs.db.tables.crawled.crawled_reddit import crawled_reddit
from crawljobs.db.tables.crawled.deletion_checks import deletion_walk, omitted_items
from crawljobs.db.tables.crawled.discovery import discovery_evidence, discovery_roots
from crawljobs.db.tables.crawled.erasure import erased_authors
from crawljobs.db.tables.crawled.history import post_scores, subreddit_counts
from crawljobs.db.tables.crawled.known_subreddits import subreddits
from crawljobs.db.tables.groups import (
    group_finishes,
    group_steps,
    job_groups,
    step_waits,
    upstream_changes,
)
from crawljobs.db.tables.instances import service_instances
from crawljobs.db.tables.jobs import crawl_job_count_changes, crawl_job_counts, crawl_jobs
from crawljobs.db.tables.map import map_nodes, subreddit_links
from crawljobs.db.tables.operations import operations
from crawljobs.db.tables.queue_history import budget_history, queue_history, webhook_history
from crawljobs.db.tables.schedules import scheduled_job_runs, scheduled_jobs
from crawljobs.db.tables.webhooks import (
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
    webhook_events,
)
from crawljobs.db.tables.workers import (
    maintenance_runs,
    queue_pauses,
    reddit_budgets,
    reddit_tokens,
)

__all__ = [
    "STORAGE_PARAMETERS",
    "admin_audit_log",
    "api_tokens",
    "author_subreddits",
    "authors",
    "budget_history",
    "comments",
    "crawl_gaps",
    "crawl_job_attempts",
    "crawl_job_count_changes",
    "crawl_job_counts",
    "crawl_jobs",
    "crawled_reddit",
    "deletion_walk",
    "discovery_evidence",
    "discovery_roots",
    "erased_authors",
    "group_finishes",
    "group_steps",
    "idempotency_keys",
    "job_groups",
    "maintenance_runs",
    "map_nodes",
    "metadata",
    "missing_parts",
    "omitted_items",
    "operations",
    "post_scores",
    "posts",
    "queue_history",
    "queue_pauses",
    "reddit_budgets",
    "reddit_tokens",
    "scheduled_job_runs",
    "scheduled_jobs",
    "service_instances",
    "step_waits",
    "subreddit_counts",
    "subreddit_links",
    "subreddits",
    "upstream_changes",
    "webhook_attempts",
    "webhook_deliveries",
    "webhook_endpoints",
    "webhook_events",
    "webhook_history",
]

# The settings of tables with frequent updates. A low fillfactor leaves free space on each page, so
# that the new version of a row fits on the same page (a HOT update). Vacuum and analyze run more
# often than by default.
STORAGE_PARAMETERS = {
    "crawl_jobs": "fillfactor = 75, autovacuum_vacuum_scale_factor = 0.01, "
    "autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.05",
    "reddit_budgets": "fillfactor = 10, autovacuum_vacuum_scale_factor = 0, "
    "autovacuum_vacuum_threshold = 200",
}
