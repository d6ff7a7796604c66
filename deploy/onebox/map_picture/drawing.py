"""Draw the map of the crawled subreddits into a file, after the last crawl of a demo."""

import time
from pathlib import Path
from typing import Any

from onebox.api_client import ApiClient
from onebox.demo_errors import OneboxError
from onebox.map_picture import svg
from onebox.stop_request import StopRequest

MAP = "/api/admin/map?limit=400"
SUBREDDITS_MAX = 100  # limit of the drawn subreddits; the layout of twice as many is 4 times slower
CURRENT_SECONDS = 20.0  # limit of the wait until workers have computed all links
LOOK_SECONDS = 0.2


def draw(api: ApiClient, stop: StopRequest, path: Path) -> str:
    """Write the map to `path`. Return the sentence that the demo prints."""
    try:
        found = _current_map(api, stop)
        if not found["links"]:
            return "No map was drawn, because no two subreddits have two known authors in common."
        nodes, links = _shown(found)
        note = f"{len(nodes)} subreddits, {len(links)} links. Thick lines: many shared authors. "
        if any(not node.is_crawled for node in nodes):
            note += "Empty circles: not crawled yet."
        _write(path, svg.document(nodes, links, note=note))
    except (OneboxError, OSError) as error:
        return f"No map was drawn: {error}"
    return f"The map of {len(nodes)} subreddits is in {path}: open it in a browser."


def _current_map(api: ApiClient, stop: StopRequest) -> dict[str, Any]:
    """Wait until workers have computed all links and communities of the map, and return the map.

    Wait at most CURRENT_SECONDS. After this time, some links or communities may be missing.
    """
    deadline = time.monotonic() + CURRENT_SECONDS
    while True:
        found = api.get(MAP)
        has_all = found["due"] == 0 and (found["links_at"] or "") <= (found["communities_at"] or "")
        if has_all or time.monotonic() > deadline:
            return found
        stop.check()
        stop.sleep(LOOK_SECONDS)


def _shown(found: dict[str, Any]) -> tuple[list[svg.Subreddit], list[svg.Link]]:
    """Return the strongest links, and the subreddits that they connect.

    Leave out a link if its subreddits would raise the number of subreddits above SUBREDDITS_MAX.
    """
    members: set[int] = set()
    links = []
    for link in found["links"]:
        ends = {link["a"], link["b"]}
        if len(members | ends) <= SUBREDDITS_MAX:
            members |= ends
            links.append(svg.Link(link["a"], link["b"], link["shared_authors"], link["weight"]))
    nodes = [
        svg.Subreddit(
            id=node["id"],
            name=node["name"],
            size=node["subscribers"] or 0,
            community=None if node["community"] is None else node["community"]["name"],
            is_crawled=node["last_crawled_at"] is not None,
        )
        for node in found["nodes"]
        if node["id"] in members
    ]
    # The layout starts with the members of a community side by side. Otherwise members would have
    # to move across the picture.
    nodes.sort(key=lambda node: (node.community or "", node.id))
    return nodes, links


def _write(path: Path, document: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(document)
    new.replace(path)
