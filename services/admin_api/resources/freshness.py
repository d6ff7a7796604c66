"""/api/admin/freshness: how late subreddits are, in numbers and as a list."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import pagination, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.http.polling.conditional import Answer
from admin_api.schemas.freshness import (
    FreshnessParameters,
    FreshnessSchema,
    SubredditRowListSchema,
)
from crawljobs.domain import freshness as rules
from crawljobs.repository.content.freshness import lateness, recent_crawls, subreddit_order
from crawljobs.repository.content.freshness.recent_crawls import LiveJob, RecentCrawl
from crawljobs.repository.content.freshness.subreddit_order import SubredditRow, SubredditSort
from crawljobs.repository.schedules import schedule_changes

PREFIX = "/api/admin/freshness"
KEPT_SECONDS = 5.0

# Values that change only because time passes. They do not change the ETag.
MOVING = frozenset({"as_of", "ratio"})

blueprint = Blueprint(
    "freshness", __name__, url_prefix=PREFIX, description="How late subreddits are"
)
_counts, _rows = FreshnessSchema(), SubredditRowListSchema()


@blueprint.get("")
@blueprint.may_be_unchanged
@blueprint.answers(200, FreshnessSchema, "The numbers.", headers=conditional.HEADERS)
def show_freshness() -> flask.Response:
    """Count subreddits by lateness

    The lateness compares the age of the last crawl with the time from the last crawl to the next
    planned crawl. A process computes the answer at most once in five seconds, for all clients
    together. With If-None-Match, the answer is 304 while the numbers are the same.
    """
    found = state.current().shared.get("freshness", _compute, seconds=KEPT_SECONDS)
    return conditional.respond(found)


def _compute() -> Answer:
    with state.current().database.read() as conn:
        now = schedule_changes.clock(conn)
        found = lateness.count_lateness(conn, now=now)
    body = {
        "as_of": now,
        "by_lateness": found.by_class,
        "at_least": sorted(found.at_least),
    }
    return conditional.answer(_counts.dump(body), moving=MOVING)


@blueprint.get("/subreddits")
@blueprint.parameters(FreshnessParameters)
@blueprint.answers_page(SubredditRowListSchema, "One page of subreddits in their short form.")
def list_subreddits_by_freshness(params: dict[str, Any]) -> flask.Response:
    """List subreddits in their short form, with their freshness

    A subreddit must match all filters. For a page, the API examines at most 2,000 subreddits. A
    page with `next` may therefore hold fewer subreddits than `limit`, or none. With If-None-Match,
    the answer is 304 while only ratios have changed.
    """
    page = pagination.Page.requested("freshness", params)
    filters = {name: params[name] for name in ("access", "incomplete", "gap", "lateness")}
    with state.current().database.read() as conn:
        now = schedule_changes.clock(conn)
        found = subreddit_order.list_rows(
            conn,
            sort=SubredditSort(params["sort"]),
            filters={**filters, "contains": params["name_contains"]},
            after=page.after,
            limit=page.limit,
            now=now,
        )
        ids = [each.id for each in found.rows]
        crawls = recent_crawls.of_subreddits(conn, subreddit_ids=ids, at_most=2)
        live = recent_crawls.live_jobs(conn, subreddit_ids=ids)
    items = [_row(each, now, crawls.get(each.id, []), live.get(each.id)) for each in found.rows]
    body, _, headers = page.response_with(f"{PREFIX}/subreddits", items, next_at=found.next)
    response = conditional.respond(conditional.answer(_rows.dump(body), moving=MOVING))
    response.headers.extend(headers)
    return response


def _row(
    row: SubredditRow, now: Any, crawls: list[RecentCrawl], live: LiveJob | None
) -> dict[str, Any]:
    return {
        **vars(row),
        "freshness": rules.freshness(
            last_crawled_at=row.last_crawled_at, next_crawl_at=row.next_crawl_at, now=now
        ),
        "items_per_day": items_per_day(crawls),
        "items_per_request": items_per_request(crawls[:1]),
        "live_job": live,
    }


def items_per_day(crawls: list[RecentCrawl]) -> float | None:
    """Return the number of items of the newest crawl, divided by the days since the previous crawl.

    Returns None if there is no previous crawl.
    """
    if len(crawls) < 2:
        return None
    newest, before = crawls[0].finished_at, crawls[1].finished_at
    if newest <= before:
        return None
    return crawls[0].items / ((newest - before).total_seconds() / 86_400)


def items_per_request(crawls: list[RecentCrawl]) -> float | None:
    """Return the items of these crawls, divided by their requests, or None without requests."""
    requests = sum(each.requests for each in crawls)
    return sum(each.items for each in crawls) / requests if requests else None
