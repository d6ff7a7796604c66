"""/api/admin/budget: the request budget of each Reddit client id, its pauses and its demand."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.http.polling.conditional import Answer
from admin_api.resources import schedule_demand
from admin_api.schemas.budget import BudgetSchema
from crawljobs.db.database import Connection
from crawljobs.domain import budget_forecast
from crawljobs.domain.attention import COUNT_MAX
from crawljobs.domain.budget_forecast import Forecast
from crawljobs.repository.content.deletion_checks import check_progress
from crawljobs.repository.queue import job_counts, queue_pauses
from crawljobs.repository.reddit_api import (
    budget_overview,
    request_spending,
    spending_jobs,
    window_minutes,
)
from crawljobs.repository.reddit_api.budget_overview import BudgetOverview
from crawljobs.repository.reddit_api.request_spending import Spending

PREFIX = "/api/admin/budget"

# Values that change only because time passes. They do not change the ETag.
MOVING = frozenset({"as_of", "next_slot_at", "empty_at", "content_checks.unchecked_seconds"})

blueprint = Blueprint("budget", __name__, url_prefix=PREFIX, description="Reddit's request budget")
_schema = BudgetSchema()


@blueprint.get("")
@blueprint.may_be_unchanged
@blueprint.answers(200, BudgetSchema, "The budget of each client id.", headers=conditional.HEADERS)
def show_budget() -> flask.Response:
    """Show Reddit's request budget, its consumers, and the requests that the queue still needs

    For each client id, shows the requests left in the time window, and whether Reddit accepts the
    credentials. If the workers pause, shows the reason and the end of the pause, and the time at
    which a worker next checks whether Reddit works again.

    `minutes` shows how the requests of the window were spent. `demand` estimates when the budget
    has served all live jobs. `schedules` has the requests that all schedules need in a day.
    `spending` and `spending_jobs` show which sources and jobs spend requests. `content_checks` has
    the age of the oldest check of a stored item.
    """
    return conditional.respond(state.current().shared.get("budget", _compute))


def _compute() -> Answer:
    quota = schedule_demand.quota()
    with state.current().database.read() as conn:
        found = budget_overview.overview(conn)
        spending = request_spending.recent_spending(conn)
        demand = _demand(conn, found, spending)
        checks = check_progress.progress(conn, now=found.now)
        minutes = window_minutes.of_windows(conn, found.clients)
        jobs = spending_jobs.most_requests(conn)
    waiting = {reason.value: jobs for reason, jobs in found.waiting.items()}
    body: dict[str, Any] = {
        "as_of": found.now,
        "clients": [
            {**vars(each), "minutes": minutes.get(each.client_id, ())} for each in found.clients
        ],
        "workers_alive": found.workers_alive,
        "waiting_jobs": {**waiting, "at_least": found.waiting_at_least},
        "demand": demand,
        "schedules": quota,
        "content_checks": checks
        and {
            **vars(checks),
            "interval_days": round(checks.interval_seconds / 86_400),
        },
        "spending": spending.by_source,
        "spending_jobs": jobs,
    }
    return conditional.answer(_schema.dump(body), moving=MOVING)


def _demand(conn: Connection, found: BudgetOverview, spending: Spending) -> Forecast:
    counts = job_counts.count_jobs(conn, at_most=COUNT_MAX)
    live = request_spending.live_demand(
        conn, counts=counts, requests_per_crawl=spending.requests_per_crawl
    )
    everything = [
        pause for pause in queue_pauses.list_pauses(conn, limit=1) if pause.subreddit is None
    ]
    return budget_forecast.forecast(
        live,
        found.clients,
        now=found.now,
        paused=bool(everything),
        paused_until=everything[0].until if everything else None,
    )
