"""/api/admin/budget: the request budget of each Reddit client id, and the reasons for pauses."""

from __future__ import annotations

from typing import Any

from admin_api.http import state
from admin_api.http.blueprint import Blueprint
from admin_api.schemas.budget import BudgetSchema
from crawljobs.repository.reddit_api import budget_overview

PREFIX = "/api/admin/budget"

blueprint = Blueprint("budget", __name__, url_prefix=PREFIX, description="Reddit's request budget")


@blueprint.get("")
@blueprint.answers(200, BudgetSchema, "The budget of each client id.")
def show_budget() -> dict[str, Any]:
    """Show Reddit's request budget

    For each client id, shows the requests left in the time window, and whether Reddit accepts the
    credentials. During a pause of the workers, also shows its reason, its end, and when a worker
    next tests whether its cause has ended.
    """
    with state.current().database.read() as conn:
        found = budget_overview.overview(conn)
    waiting = {reason.value: jobs for reason, jobs in found.waiting.items()}
    return {
        "as_of": found.now,
        "clients": found.clients,
        "workers_alive": found.workers_alive,
        "waiting_jobs": {**waiting, "at_least": found.waiting_at_least},
    }
