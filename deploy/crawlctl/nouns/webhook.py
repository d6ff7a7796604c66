"""Columns of webhooks and their deliveries."""

from crawlctl.output.columns import Column, Noun

WEBHOOK = Noun(
    "webhook",
    (
        Column("id", kind="number"),
        Column("url"),
        Column("state"),
        Column("events"),
        Column("last_success_at", kind="time", title="success"),
        Column("last_failure_at", kind="time", title="failure"),
        Column("disabled_reason", wide=True),
        Column("disabled_detail", wide=True),
        Column("disabled_at", kind="time", wide=True),
        Column("filter", wide=True),
        Column("secret_version", kind="number", wide=True),
        Column("previous_secret_until", kind="time", wide=True),
        Column("created_at", kind="time", wide=True),
        Column("created_by", wide=True),
        Column("description", wide=True),
    ),
)
SECRET_WEBHOOK = Noun("created webhook", (*WEBHOOK.columns, Column("secret")))
DELIVERY = Noun(
    "delivery",
    (
        Column("id", kind="number"),
        Column("type"),
        Column("state"),
        Column("attempts", kind="number"),
        Column("job_id", kind="number", title="job"),
        Column("group_id", kind="number", title="group"),
        Column("subreddit"),
        Column("created_at", kind="time", title="created"),
        Column("next_attempt_at", kind="time", title="next"),
        Column("ended_at", kind="time", title="ended"),
        Column("kind", wide=True),
        Column("event_id", wide=True),
        Column("endpoint_id", kind="number", wide=True),
    ),
    sections={
        "attempt_list": Noun(
            "attempt",
            (
                Column("number", kind="number"),
                Column("started_at", kind="time"),
                Column("duration_ms", kind="number"),
                Column("result"),
                Column("status_code", kind="number"),
                Column("detail"),
                Column("response"),
            ),
        )
    },
)
PING = Noun("ping", (Column("delivery_id", kind="number"),), key="delivery_id")
REPLAY = Noun(
    "replay",
    (
        Column("deliveries", kind="number"),
        Column("more"),
        Column("dry_run"),
        Column("operation_id", kind="number"),
    ),
    key="deliveries",
)
VERIFIED = Noun("verified request", (Column("id"), Column("sent_at", kind="time"), Column("valid")))
