"""/api/admin/map: the links between subreddits that have authors in common."""

from __future__ import annotations

from typing import Any

from admin_api.http import problems, state
from admin_api.http.blueprint import Blueprint
from admin_api.schemas.map import MapParameters, MapSchema
from crawljobs.db.database import Connection
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.map import map_reads
from crawljobs.repository.map.map_reads import MapLink, MapNode

PREFIX = "/api/admin/map"

blueprint = Blueprint("map", __name__, url_prefix=PREFIX, description="The map of subreddits")


@blueprint.get("")
@blueprint.parameters(MapParameters)
@blueprint.answers_polled(MapSchema, "The strongest links, and their subreddits.")
@blueprint.problems("not_found")
def show_map(params: dict[str, Any]) -> dict[str, Any]:
    """Show which subreddits have authors in common

    Workers compute the links of a subreddit after each crawl, and once a week. A link is kept while
    it is one of the 50 strongest links of one of its two subreddits. Communities are computed from
    the links of the whole map, not only from the links in the answer.
    """
    with state.current().database.read() as conn:
        links = _links(conn, params)
        shown = links[: params["limit"]]
        members = sorted({end for link in shown for end in (link.a, link.b)})
        nodes = map_reads.nodes(conn, subreddit_ids=members)
        current = map_reads.state(conn)
    return {
        "nodes": [_shown(node) for node in nodes],
        "links": shown,
        "has_more": len(links) > len(shown),
        "due": current.due,
        "links_at": current.links_at,
        "communities_at": current.communities_at,
    }


def _links(conn: Connection, params: dict[str, Any]) -> list[MapLink]:
    """Return the strongest links, at most one link more than `limit`.

    Raises a Problem if the subreddit `around` is not stored.
    """
    limit, min_shared = params["limit"] + 1, params["min_shared"]
    if params["around"] is None:
        return map_reads.strongest_links(conn, min_shared=min_shared, limit=limit)
    subreddit_id = subreddit_admin.find_id(conn, name=params["around"])
    if subreddit_id is None:
        raise problems.Problem("not_found", f"There is no subreddit {params['around']}.")
    return map_reads.links_around(
        conn, subreddit_id=subreddit_id, min_shared=min_shared, limit=limit
    )


def _shown(node: MapNode) -> dict[str, Any]:
    community = None
    if node.community_id is not None:
        community = {"id": node.community_id, "name": node.community_name}
    fields = {name: getattr(node, name) for name in MapNode.__dataclass_fields__}
    return {**fields, "community": community}
