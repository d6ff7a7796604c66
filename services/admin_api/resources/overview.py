"""/api/admin/overview: the state of the whole system, for dashboards and for `crawlctl status`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import flask

from admin_api.http import state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.http.polling.conditional import Answer
from admin_api.resources import schedule_demand
from admin_api.schemas.overview import LEVELS, OverviewSchema
from crawljobs.domain import job_progress
from crawljobs.domain.job import Job
from crawljobs.repository.overview import system_overview
from crawljobs.repository.overview.system_overview import SystemOverview

PREFIX = "/api/admin/overview"

# The values of these keys change with the time alone. The ETag leaves these values out.
MOVING = frozenset(
    {
        "as_of",
        "value",
        "oldest_queued_seconds",
        "longest_crawl_seconds",
        "finished_per_minute",
        "observed_seconds",
        "lag_seconds",
        "oldest_pending_seconds",
        "oldest_undelivered_seconds",
        "oldest_transaction_seconds",
    }
)

blueprint = Blueprint(
    "overview", __name__, url_prefix=PREFIX, description="The state of the whole system"
)
_schema = OverviewSchema()


@blueprint.get("")
@blueprint.may_be_unchanged
@blueprint.answers(200, OverviewSchema, "The overview.", headers=conditional.HEADERS)
def show_overview() -> flask.Response:
    """Show the state of the whole system, and what needs attention

    The answer is for the first screen of a dashboard. It has jobs by state, rates, running crawls,
    failures, schedules, pauses, the budget, processes, groups, webhooks and the database.
    `attention` lists each condition that needs an operator, with its remedy. A process computes the
    answer at most once a second, for all clients together. A request with If-None-Match gets the
    status 304 if only times and ages in the answer have changed.
    """
    return conditional.respond(state.current().shared.get("overview", _compute))


def _compute() -> Answer:
    promised = schedule_demand.promised_share()
    with state.current().database.read() as conn:
        found = system_overview.read_overview(conn, promised_share=promised)
    return conditional.answer(_schema.dump(_body(found)), moving=MOVING)


def level_of(severities: Iterable[str]) -> str:
    """Return the highest of these severities, or `ok` if there is no severity."""
    found = set(severities)
    return next((each for each in reversed(LEVELS) if each in found), "ok")


def _body(found: SystemOverview) -> dict[str, Any]:
    numbers, gauges = found.numbers, found.gauges
    everything = [each for each in found.pauses if each.subreddit is None]
    waiting = {reason.value: jobs for reason, jobs in found.waiting_for_reddit.items()}
    return {
        "as_of": found.now,
        "level": level_of(each.severity for each in found.attention),
        "attention": found.attention,
        "jobs": {
            **vars(gauges.jobs),
            "capped": sorted(gauges.jobs.capped),
            "oldest_queued_seconds": gauges.oldest_queued_seconds,
            "longest_crawl_seconds": gauges.longest_crawl_seconds,
            "expired_leases": numbers.expired_leases,
            "recent": found.recent,
        },
        "running": [_running(each) for each in found.running],
        "failures": found.failures,
        "schedules": {
            "enabled": int(gauges.enabled_schedules),
            "disabled": int(gauges.disabled_schedules),
            "broken": numbers.broken_schedules,
            "missed": int(gauges.missed_ticks),
            "lag_seconds": gauges.schedule_lag_seconds,
            "next": found.next_schedules,
        },
        "pauses": {
            "everything": everything[0] if everything else None,
            "subreddits": len(found.pauses) - len(everything),
        },
        "budget": {
            "clients": found.clients,
            "waiting_jobs": {**waiting, "at_least": found.waiting_at_least},
        },
        "processes": found.processes,
        "workers_lost": int(gauges.workers_lost),
        "groups": gauges.groups,
        "webhooks": gauges.webhooks,
        "database": {
            "bytes": int(gauges.database_bytes),
            "oldest_transaction_seconds": found.facts.oldest_transaction_seconds,
            "dead_row_share": gauges.dead_tuple_ratio,
        },
    }


def _running(job: Job) -> dict[str, Any]:
    progress = job_progress.of_job(job)
    return {
        "job_id": job.id,
        "subreddit": job.subreddit,
        "worker": job.claimed_by,
        "claimed_at": job.claimed_at,
        "phase": progress.phase,
        "done": progress.done,
        "total": progress.total,
        "eta": progress.eta,
    }
