"""Columns of operations, which are large changes that workers make in chunks."""

from crawlctl.output.columns import Column, Noun

OPERATION = Noun(
    "operation",
    (
        Column("id", kind="number"),
        Column("kind"),
        Column("resource_type", title="of"),
        Column("resource_id", title="of_id"),
        Column("state"),
        Column("done", kind="number"),
        Column("total", kind="number"),
        Column("jobs_changed", kind="number", title="jobs"),
        Column("error_count", kind="number", title="errors"),
        Column("created_at", kind="time", title="created"),
        Column("created_by", wide=True),
        Column("changed_at", kind="time", wide=True),
        Column("finished_at", kind="time", wide=True),
        Column("counts"),
    ),
)
