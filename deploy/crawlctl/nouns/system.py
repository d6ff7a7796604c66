"""Columns of processes, of the request budget, of audit entries and of tokens."""

from crawlctl.output.columns import Column, Item, Noun


def _crawls(worker: Item) -> list[str]:
    return [str(job.get("subreddit")) for job in worker.get("jobs") or ()]


WORKER = Noun(
    "process",
    (
        Column("name"),
        Column("role"),
        Column("version"),
        Column("alive"),
        Column("seen_at", kind="time", title="seen"),
        Column("started_at", kind="time", title="started"),
        Column("crawls", read=_crawls),
        Column("details", wide=True),
    ),
    key="name",
)
BUDGET = Noun(
    "client of Reddit",
    (
        Column("client_id", title="client"),
        Column("state"),
        Column("reason"),
        Column("in_use", title="in use"),
        Column("remaining", kind="number"),
        Column("usable", kind="number"),
        Column("reserved", kind="number"),
        Column("requests_per_window", kind="number", wide=True),
        Column("others", kind="number", wide=True),
        Column("window_ends_at", kind="time", title="window ends"),
        Column("next_slot_at", kind="time", wide=True),
        Column("paused_until", kind="time"),
        Column("credentials", wide=True),
        Column("last_throttled_at", kind="time", wide=True),
        Column("detail", wide=True),
        Column("remedy"),
    ),
    key="client_id",
)
AUDIT_ENTRY = Noun(
    "audit entry",
    (
        Column("id", kind="number"),
        Column("at", kind="time"),
        Column("actor"),
        Column("action"),
        Column("resource_type", title="type"),
        Column("resource_id", title="resource"),
        Column("client_address", title="from"),
        Column("token_id", wide=True),
        Column("request_id", wide=True),
        Column("peer_address", wide=True),
        Column("db_role", wide=True),
        Column("before", wide=True),
        Column("after", wide=True),
    ),
)
TOKEN = Noun(
    "token",
    (
        Column("id"),
        Column("name"),
        Column("scopes"),
        Column("live"),
        Column("created_at", kind="time", title="created"),
        Column("created_by", wide=True),
        Column("expires_at", kind="time", title="expires"),
        Column("last_used_at", kind="time", title="used"),
        Column("revoked_at", kind="time", wide=True),
        Column("revoked_by", wide=True),
    ),
)
CREATED_TOKEN = Noun("created token", (*TOKEN.columns, Column("token")))
