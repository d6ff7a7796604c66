"""Columns of jobs, and of the results of changes of jobs."""

from crawlctl.output.columns import Column, Noun

_ATTEMPT = Noun(
    "attempt",
    (
        Column("started_at", kind="time"),
        Column("ended_at", kind="time"),
        Column("outcome"),
        Column("times", kind="number"),
        Column("worker"),
        Column("error_kind"),
        Column("error_message"),
    ),
)
_MISSING = Noun(
    "missing part",
    (Column("kind"), Column("item"), Column("reason"), Column("failures", kind="number")),
)
RELATED_STEP = Noun(
    "step",
    (
        Column("group_id", kind="number"),
        Column("key"),
        Column("subreddit"),
        Column("state"),
        Column("relation"),
    ),
    key="key",
)
_CHANGE = Noun(
    "change",
    (
        Column("at", kind="time"),
        Column("actor"),
        Column("action"),
        Column("reason", "after.reason"),
        Column("request_id"),
    ),
)
JOB = Noun(
    "job",
    (
        Column("id", kind="number"),
        Column("subreddit"),
        Column("status"),
        Column("wait_reason", title="wait"),
        Column("priority", kind="number", title="prio"),
        Column("base_priority", kind="number", wide=True),
        Column("source"),
        Column("scheduled_job_id", kind="number", wide=True),
        Column("created_at", kind="time", title="created"),
        Column("visible_at", kind="time", wide=True),
        Column("finished_at", kind="time", wide=True),
        Column("duration_seconds", kind="seconds", title="duration"),
        Column("claimed_by", wide=True),
        Column("claimed_at", kind="time", wide=True),
        Column("progress_at", kind="time", wide=True),
        Column("retry_count", kind="number", wide=True),
        Column("max_retries", kind="number", wide=True),
        Column("next_retry_at", kind="time", wide=True),
        Column("rerun_requested", wide=True),
        Column("follow_up_job_id", kind="number", wide=True),
        Column("incomplete", wide=True),
        Column("outcome", wide=True),
        Column("error_kind", wide=True),
        Column("trace_id", wide=True),
        Column("error_message", title="error"),
    ),
    sections={
        "attempts": _ATTEMPT,
        "missing": _MISSING,
        "steps": RELATED_STEP,
        "audit_log": _CHANGE,
    },
)
ENQUEUED = Noun(
    "enqueued job",
    (
        Column("result"),
        Column("job_id", "job.id", kind="number"),
        Column("subreddit", "job.subreddit"),
        Column("status", "job.status"),
        Column("wait_reason", "job.wait_reason"),
        Column("priority", "job.priority", kind="number"),
        Column("visible_at", "job.visible_at", kind="time"),
    ),
    key="job.id",
)
IMPORTED = Noun(
    "enqueued name",
    (
        Column("subreddit"),
        Column("code"),
        Column("job_id", kind="number"),
        Column("status", kind="number", wide=True),
        Column("detail"),
    ),
    key="job_id",
)
CHANGED = Noun(
    "changed job",
    (
        Column("id", kind="number"),
        Column("code"),
        Column("status", kind="number", wide=True),
        Column("other_job_id", kind="number"),
        Column("detail"),
    ),
)
EXPLANATION = Noun(
    "explanation",
    (
        Column("job_id", kind="number"),
        Column("status"),
        Column("summary"),
        Column("position", kind="number"),
        Column("position_at_least"),
        Column("waits_for"),
        Column("until", kind="time"),
        Column("estimated_start", kind="time"),
        Column("remedy", "remedy.text"),
        Column("command", "remedy.crawlctl"),
    ),
    key="job_id",
    sections={
        "conditions": Noun(
            "condition",
            (
                Column("name"),
                Column("met"),
                Column("value"),
                Column("detail"),
                Column("remedy", "remedy.text"),
                Column("command", "remedy.crawlctl"),
            ),
        ),
        "steps": RELATED_STEP,
    },
)
