"""The parts of the original's summary, by section of docs/from-the-original.md.

Each part has the subject and the original value of its row. The page must have exactly these rows.
"""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "from-the-original.md"
HEAD = ["subject", "original", "here", "same", "reason"]

PARTS: dict[str, dict[str, str]] = {
    "Coming from the original API": {
        "PUT of a schedule": "overwrites",
        "absent fields in a PUT": "not stated",
        "unknown fields of a body": "not stated",
        "a number in quotes": "not stated",
        "description of a schedule": "text",
        "name of a schedule": "text",
        "expression of a schedule": "named, or `@every`",
        "unknown subreddit_id": "not stated",
        "a second job of a subreddit": "the row of a subreddit is unique",
        "a request during a crawl": "not stated",
        "the state success": "`success`",
        "unknown id": "not stated",
        "a change that the state forbids": "not stated",
        "form of an error": "not stated",
        "bulk routes": "not stated",
        "bulk change of the status": "a status",
        "boost": "a number",
        "retries of a job": "counts the retries",
        "start of a due retry": "within 5 minutes",
        "aging": "10 points after an hour",
        "error of a retried job": "not stated",
        "lists": "all schedules",
        "deleted schedule": "not stated",
        "token": "required",
        "user in the audit log": "user",
        "IP address in the audit log": "one address",
    },
    "Endpoints": {
        "boost a job": "`POST /api/admin/jobs/{id}/boost`",
        "change the status of many jobs": "`PUT /api/admin/jobs/bulk/status`",
        "retry many failed jobs": "`POST /api/admin/jobs/bulk/retry`",
        "list schedules": "`GET /api/admin/scheduled-jobs`",
        "create a schedule": "`POST /api/admin/scheduled-jobs`",
        "show a schedule": "`GET /api/admin/scheduled-jobs/{id}`",
        "replace a schedule": "`PUT /api/admin/scheduled-jobs/{id}`",
        "delete a schedule": "`DELETE /api/admin/scheduled-jobs/{id}`",
        "enable or disable a schedule": "`POST /api/admin/scheduled-jobs/{id}/toggle`",
    },
    "Columns": {
        "subreddit of a job": "`subreddit_id`, unique",
        "status of a job": "`status`",
        "priority of a job": "`priority`",
        "creation of a job": "`created_at`",
        "earliest claim": "`visible_at`",
        "failed attempts": "`retry_count`",
        "limit of failed attempts": "`max_retries`, default 3",
        "time of the next retry": "`next_retry_at`",
        "legacy count of retries": "`retries`",
        "name of a schedule": "`name`",
        "description of a schedule": "`description`",
        "subreddit of a schedule": "`subreddit_id`",
        "expression": "`cron_expression`",
        "switch": "`enabled`",
        "priority of the jobs of a schedule": "`priority`",
        "next due time": "`next_run_at`",
        "audited action": "action",
        "audited resource": "resource",
        "audited user": "user",
        "audited time": "timestamp",
        "audited address": "IP address",
    },
    "Formulas": {
        "delay before a retry, without jitter and limit": "`60 * 2 ** n`",
        "longest delay": "`24 * 3600`",
        "jitter as a factor of the delay": "`1 + 0.2 * r`",
        "delay with jitter and limit": "`min(60 * 2 ** n * (1 + 0.2 * r), 24 * 3600)`",
        "priority after a wait": "`p if w <= 60 else min(100, p + 10)`",
        "highest priority of background jobs": "`100`",
        "priority after a boost": "`min(100, p + b)`",
    },
    "Timers": {
        "claim of a job": "5 s",
        "requeue of due retries": "5 min",
        "aging": "5 min",
        "stale check": "6 h",
        "check for due schedules": "1 min",
    },
    "Settings": {
        "days until a subreddit is stale": "`STALE_DAYS` 30 d",
        "minutes until a stuck crawl is reset": "`RESET_CRAWLING_AFTER_MIN` 15 min",
        "token of the admin endpoints": "`ADMIN_API_TOKEN` required",
    },
    "Cron expressions": {
        "each year": "`@yearly`",
        "each month": "`@monthly`",
        "each week": "`@weekly`",
        "each day": "`@daily`",
        "each hour": "`@hourly`",
        "interval in hours": "`@every 1h`",
        "interval in minutes": "`@every 30m`",
        "interval in days": "`@every 7d`",
        "five fields": "planned",
    },
    "Functions": {
        "aging": "`AgeStarvedJobs()`",
        "delay of a retry": "`CalculateRetryDelay()`",
        "failure with a retry": "`MarkJobFailedWithRetry()`",
        "requeue": "`RequeueRetryableJobs()`",
        "claim": "`ClaimNextJob()`",
        "expressions": "parser in cron.go",
        "scheduler": "service.go",
    },
    "Metrics": dict.fromkeys(
        (
            "queue depth by status",
            "average wait from creation to claim",
            "rate of failed jobs",
            "rate of retries that succeed",
            "distribution of priorities",
            "rate of executed schedules",
        ),
        "recommended",
    ),
    "Alerts": {
        "deep queue": "more than 1000",
        "failed jobs": "more than 10 %",
        "job that is stuck in crawling": "more than 1 hour",
        "schedule that misses its time": "any",
    },
    "Dashboards": dict.fromkeys(
        (
            "throughput over time",
            "histogram of priorities",
            "patterns of retries",
            "timeline of schedules",
        ),
        "recommended",
    ),
    "Other parts": {
        "order of claims": "priority, then creation",
        "claim without waiting for locks": "`FOR UPDATE SKIP LOCKED`",
        "cost of the check for due schedules": "grows with the due schedules",
        "indexes for claims and due retries": "yes",
        "bulk changes instead of single calls": "yes",
        "token for all admin endpoints": "`ADMIN_API_TOKEN` as bearer token",
        "audit of all changes": "`admin_audit_log`",
        "end of a job that always fails": "`max_retries`",
        "encryption of requests": "HTTPS in production",
        "rotation of tokens": "recommended",
        "watch of the audit log": "recommended",
        "missing columns": "degrades",
        "old jobs after an upgrade": "continue",
        "place of the scheduler": "goroutine in the crawler",
        "graceful shutdown": "yes",
        "sweep of 10,000 waiting jobs by aging": "under 100 ms",
        "depth of the queue": "10,000 jobs",
        "stale subreddits": "crawled again",
        "applying migrations": "`make migrate-up`",
        "taking migrations back": "down files",
        "documentation of the system": "one page",
        "shell examples": "`docs/examples/job_api_examples.sh`",
        "description of the examples": "`docs/examples/README.md`",
        "removal of old jobs": "by hand",
        "standard cron": "planned",
        "job dependencies": "planned",
        "limit of requests by subreddit": "planned",
        "groups of jobs": "planned",
        "webhooks": "planned",
        "dashboard": "planned",
    },
}

# SHA-256 of the three example calls. The page has their exact text.
EXAMPLES = {
    "create": "7e5f43b26442de85",
    "boost": "12bf018f6a54c016",
    "retry": "edf88c4ceac3fc5d",
}


@dataclass(frozen=True)
class PageRow:
    """A row of the page."""

    subject: str
    original: str
    here: str
    same: str
    reason: str

    @property
    def names(self) -> list[str]:
        """Return the texts of the column `here` that are written as code."""
        return re.findall(r"`([^`]+)`", self.here)


def rows(section: str, page: str) -> list[PageRow]:
    """Return the rows of the section's table. Raises ValueError if it is not found once."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, _, *body = (
        [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
        for line in lines
    )
    if head != HEAD:
        raise ValueError(f"{section}: the columns are {head}")
    return [PageRow(*cells) for cells in body]


def sections(page: str) -> list[str]:
    return re.findall(r"^## (.+)$", page, re.MULTILINE)


def examples(page: str) -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
