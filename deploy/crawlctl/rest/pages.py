"""Lists of the API, read page by page by their cursor."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crawlctl.failures import CommandFailed
from crawlctl.rest.client import Client, Query

PAGE_ITEMS = 500  # limit of the items on one page of the API


def read_items(
    client: Client,
    path: str,
    query: Query,
    *,
    limit: int | None,
    on_rest: Callable[[], None] = lambda: None,
) -> Iterator[Mapping[str, Any]]:
    """Yield the items of a list, at most `limit`. Call `on_rest` when the list has more items.

    Holds one page in memory. Raises Refused and CommandFailed as the client does.
    """
    left, cursor = limit, None
    while left is None or left > 0:
        wanted = PAGE_ITEMS if left is None else min(left, PAGE_ITEMS)
        page = {**query, "limit": wanted, **({"cursor": cursor} if cursor else {})}
        body = client.get(path, page).body
        items = body["items"][:wanted]
        yield from items
        last, cursor = cursor, body.get("next")
        if cursor is None:
            return
        if left is not None:
            left -= len(items)
        if cursor == last and left != 0:
            raise CommandFailed(f"The list {path} has no end: its cursor does not change.")
    on_rest()
