"""The pages of the dashboard, for tests that look at each of them: add a line for a new page."""

from collections.abc import Callable

from support.dashboard_rows import Seeded

# By name: the path for the seeded rows. A page for one row does not exist in an empty database: its
# picture there shows the state "does not exist".
PAGES: dict[str, Callable[[Seeded], str]] = {
    "overview": lambda _: "/ui/",
    "overview-hour": lambda _: "/ui/?range=1h",
    "job-waiting": lambda seeded: f"/ui/jobs/{seeded.waiting_job}",
    "job-failed": lambda seeded: f"/ui/jobs/{seeded.failed_job}",
    "job-crawling": lambda seeded: f"/ui/jobs/{seeded.crawling_job}",
    "schedules": lambda _: "/ui/schedules",
    "schedule": lambda seeded: f"/ui/schedules/{seeded.schedule}",
    "schedule-ledger": lambda seeded: f"/ui/schedules/{seeded.schedule}?view=ledger",
    "jobs": lambda _: "/ui/jobs",
    "jobs-failed": lambda _: "/ui/jobs?status=failed",
    "subreddits": lambda _: "/ui/subreddits",
    "subreddits-by-name": lambda _: "/ui/subreddits?sort=name",
    "subreddit": lambda _: "/ui/subreddits/python",
    "map": lambda _: "/ui/map",
    "map-around": lambda _: "/ui/map?around=python&colour=freshness&find=rust",
    "groups": lambda _: "/ui/groups",
    "group": lambda seeded: f"/ui/groups/{seeded.held_group}",
    "group-graph": lambda seeded: f"/ui/groups/{seeded.held_group}?view=graph",
    "group-stages": lambda seeded: f"/ui/groups/{seeded.large_group}?view=graph",
    "group-timeline": lambda seeded: f"/ui/groups/{seeded.held_group}?view=timeline",
    "budget": lambda _: "/ui/budget",
    "workers": lambda _: "/ui/workers",
    "system": lambda _: "/ui/system",
    "audit": lambda _: "/ui/audit",
    "tokens": lambda _: "/ui/tokens",
    "settings": lambda _: "/ui/settings",
    "webhooks": lambda _: "/ui/webhooks",
    "webhook": lambda seeded: f"/ui/webhooks/{seeded.webhook}",
    "webhook-held": lambda seeded: f"/ui/webhooks/{seeded.webhook + 1}?state=held",
    "delivery": lambda seeded: f"/ui/webhooks/deliveries/{seeded.delivery}",
    "not-found": lambda _: "/ui/no/such/page",
}
