"""Columns of groups and steps."""

from crawlctl.output.columns import Column, Noun

_COUNTS = ("pending", "enqueued", "held", "succeeded", "failed", "cancelled", "skipped")
GROUP = Noun(
    "group",
    (
        Column("id", kind="number"),
        Column("name"),
        Column("outcome"),
        Column("steps", kind="number"),
        *(Column(name, f"counts.{name}", kind="number") for name in _COUNTS),
        Column("generation", kind="number", wide=True),
        Column("created_at", kind="time"),
        Column("created_by", wide=True),
        Column("sealed_at", kind="time", wide=True),
        Column("paused_at", kind="time", wide=True),
        Column("cancelled_at", kind="time", wide=True),
        Column("finished_at", kind="time"),
        Column("scheduled_job_id", kind="number", wide=True),
        Column("due_at", kind="time", wide=True),
        Column("requests_used", "requests.used", kind="number", wide=True),
        Column("requests_expected", "requests.expected", kind="number", wide=True),
        Column("eta", "requests.eta", kind="time", wide=True),
        Column("first_failure", "first_failure.key", wide=True),
    ),
)
STEP = Noun(
    "step",
    (
        Column("key"),
        Column("subreddit"),
        Column("state"),
        Column("reason"),
        Column("job_id", kind="number"),
        Column("waiting_for", kind="number"),
        Column("priority", kind="number", wide=True),
        Column("on_upstream_failure", wide=True),
        Column("require_outcome", wide=True),
        Column("visible_at", kind="time", wide=True),
        Column("changed_at", kind="time"),
    ),
    key="key",
)
GROUP_CHANGE = Noun(
    "change of a group",
    (
        Column("group_id", kind="number"),
        Column("dry_run"),
        Column("steps", kind="number"),
        Column("jobs_changed", kind="number"),
        Column("counts"),
    ),
    key="group_id",
    sections={
        "items": Noun(
            "changed step",
            (Column("key"), Column("job_id", kind="number"), Column("result"), Column("detail")),
            key="key",
        )
    },
)
STEP_EXPLANATION = Noun(
    "explanation",
    (Column("group_id", kind="number"), Column("key"), Column("state"), Column("summary")),
    key="key",
    sections={
        "upstreams": Noun(
            "upstream",
            (
                Column("number", kind="number"),
                Column("waited_for_by", kind="number", title="for"),
                Column("kind"),
                Column("group_id", kind="number"),
                Column("key"),
                Column("job_id", kind="number"),
                Column("state"),
                Column("is_root", title="root"),
                Column("summary"),
            ),
            key="number",
        )
    },
)
