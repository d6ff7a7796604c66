"""/api/admin/subreddits/{name}/overview: the page of one subreddit, in one answer."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.resources import freshness, subreddit_lookup, subreddits
from admin_api.schemas.subreddit_overview import SubredditOverviewSchema
from crawljobs.domain import freshness as rules
from crawljobs.domain.api_token import Scope
from crawljobs.domain.missing_part import STORED_MAX
from crawljobs.repository.content import listing_gaps, missing_parts, recent_activity
from crawljobs.repository.content.freshness import recent_crawls
from crawljobs.repository.map import map_reads, neighbours
from crawljobs.repository.queue import queue_pauses
from crawljobs.repository.schedules import schedule_changes

CRAWLS_SHOWN = 20

# Values that change only because time passes. They do not change the ETag.
MOVING = frozenset({"as_of", "ratio", "items_per_day"})

blueprint = Blueprint(
    "subreddit overview",
    __name__,
    url_prefix=f"{subreddits.PREFIX}/<subreddit:subreddit>",
    description="The page of one subreddit",
    changes=Scope.JOBS,
)
_schema = SubredditOverviewSchema()


@blueprint.get("/overview")
@blueprint.may_be_unchanged
@blueprint.answers(200, SubredditOverviewSchema, "The subreddit.", headers=conditional.HEADERS)
@blueprint.problems("not_found")
def show_subreddit_overview(subreddit: str) -> flask.Response:
    """Show a subreddit with its freshness, its last crawls and its neighbours

    The answer has all data of a page that clients read again and again: the subreddit, its
    freshness, its live job, its pause, its missing parts and gaps, its last 20 crawls, its items by
    day, and its neighbours in the map.

    With If-None-Match, the answer is 304 while nothing has changed. The ETag is not valid for
    If-Match: for If-Match, send `version` in quotes.
    """
    with state.current().database.read() as conn:
        found = subreddit_lookup.found(conn, subreddit)
        now = schedule_changes.clock(conn)
        parts = missing_parts.list_parts(conn, subreddit_id=found.id, at_most=STORED_MAX)
        crawls = recent_crawls.of_subreddits(
            conn, subreddit_ids=[found.id], at_most=CRAWLS_SHOWN
        ).get(found.id, [])
        node = next(iter(map_reads.nodes(conn, subreddit_ids=[found.id])), None)
        body: dict[str, Any] = {
            **vars(found),
            "missing_parts": len(parts),
            "incomplete": bool(parts),
            "missing": parts[: subreddits.PARTS_SHOWN],
            "gap_ranges": listing_gaps.list_gaps(
                conn, subreddit_id=found.id, at_most=subreddits.GAPS_SHOWN
            ),
            "paused": queue_pauses.is_paused(conn, subreddit_id=found.id),
            "pause": queue_pauses.read_pause(conn, scope=found.id),
            "as_of": now,
            "freshness": rules.freshness(
                last_crawled_at=found.last_crawled_at,
                next_crawl_at=found.next_crawl_at,
                now=now,
            ),
            "live_job": recent_crawls.live_jobs(conn, subreddit_ids=[found.id]).get(found.id),
            "items_per_day": recent_activity.activity(conn, subreddit_id=found.id, now=now).per_day,
            "items_per_request": freshness.items_per_request(crawls),
            "items_by_day": recent_crawls.items_by_day(conn, subreddit_id=found.id, now=now),
            "crawls": crawls,
            "neighbours": neighbours.neighbours_of(conn, subreddit_id=found.id),
            "community": None
            if node is None or node.community_id is None
            else {"id": node.community_id, "name": node.community_name},
        }
    return conditional.respond(conditional.answer(_schema.dump(body), moving=MOVING))
