"""Columns of subreddits and of pauses."""

from crawlctl.output.columns import Column, Noun

SUBREDDIT = Noun(
    "subreddit",
    (
        Column("name"),
        Column("access"),
        Column("subscribers", kind="number"),
        Column("last_crawled_at", kind="time", title="crawled"),
        Column("next_crawl_at", kind="time", title="next"),
        Column("incomplete"),
        Column("missing_parts", kind="number", title="missing"),
        Column("gaps", kind="number"),
        Column("id", kind="number", wide=True),
        Column("depth", kind="number", wide=True),
        Column("first_seen_at", kind="time", wide=True),
        Column("oldest_post_at", kind="time", wide=True),
        Column("oldest_comment_at", kind="time", wide=True),
        Column("known_to_first_post", wide=True),
        Column("trees_whole", kind="number", wide=True),
        Column("trees_not_whole", kind="number", wide=True),
        Column("min_request_gap_seconds", kind="seconds", wide=True),
        Column("min_crawl_gap_seconds", kind="seconds", wide=True),
        Column("title", wide=True),
    ),
    key="name",
    sections={
        "jobs": Noun(
            "job",
            (
                Column("id", kind="number"),
                Column("status"),
                Column("priority", kind="number"),
                Column("created_at", kind="time"),
                Column("error_message"),
            ),
        )
    },
)
MISSING = Noun(
    "missing part",
    (
        Column("part"),
        Column("kind"),
        Column("item"),
        Column("reason"),
        Column("failures", kind="number"),
        Column("from_at", kind="time", title="from"),
        Column("to_at", kind="time", title="to"),
        Column("next_look_at", kind="time", title="next look"),
        Column("message"),
    ),
    key="item",
)
PAUSE = Noun(
    "pause",
    (
        Column("subreddit"),
        Column("reason"),
        Column("until", kind="time"),
        Column("paused_by"),
        Column("paused_at", kind="time"),
    ),
    key="subreddit",
)
