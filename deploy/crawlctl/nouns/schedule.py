"""Columns of schedules and their runs."""

from crawlctl.output.columns import Column, Noun

SCHEDULE = Noun(
    "schedule",
    (
        Column("id", kind="number"),
        Column("name"),
        Column("subreddit"),
        Column("step_count", kind="number", title="steps"),
        Column("cron_expression", title="cron"),
        Column("timezone", title="zone"),
        Column("enabled", title="on"),
        Column("next_run_at", kind="time", title="next"),
        Column("last_run_at", kind="time", wide=True),
        Column("priority", kind="number", wide=True),
        Column("max_retries", kind="number", wide=True),
        Column("misfire_policy", wide=True),
        Column("misfire_deadline_seconds", kind="seconds", wide=True),
        Column("spread_seconds", kind="seconds", wide=True),
        Column("open_group_id", kind="number", wide=True),
        Column("description", wide=True),
        Column("version", kind="number", wide=True),
        Column("disabled_reason"),
    ),
)
RUN = Noun(
    "run",
    (
        Column("id", kind="number"),
        Column("due_at", kind="time", title="due"),
        Column("fired_at", kind="time", title="fired"),
        Column("outcome"),
        Column("ticks", kind="number"),
        Column("job_id", kind="number", title="job"),
        Column("group_id", kind="number", title="group"),
        Column("manual"),
    ),
)
PREVIEW = Noun(
    "preview",
    (Column("cron_expression"), Column("timezone"), Column("description")),
    key="cron_expression",
    sections={
        "next_runs": Noun("due time", (Column("utc", kind="time"), Column("local"), Column("note")))
    },
)
IMPORTED_SCHEDULE = Noun(
    "imported schedule",
    (
        Column("name"),
        Column("result"),
        Column("id", kind="number"),
        Column("status", kind="number", wide=True),
        Column("detail"),
    ),
    key="name",
)
