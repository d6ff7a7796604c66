"""Handles one page of a list: the request, the response, and the cursor of the next page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from admin_api.http import responses, state
from admin_api.schemas.fields import rfc3339

LINK_HEADER = {
    "Link": {
        "schema": {"type": "string"},
        "description": 'The next page, as `<...>; rel="next"`. Absent on the last page.',
    }
}


class Row(Protocol):
    @property
    def id(self) -> int: ...


AnyRow = TypeVar("AnyRow", bound=Row)


@dataclass(frozen=True)
class Page:
    """A request for one page of a list.

    `after` is the position after which the page begins, or None for the first page. A position is
    a row's sort key: the values by which the list is sorted.
    """

    listing: str
    filters: Mapping[str, Any]
    limit: int
    after: list[Any] | None

    @classmethod
    def requested(cls, listing: str, params: Mapping[str, Any]) -> Page:
        """Return the page that the query parameters request.

        Raises a Problem if the cursor belongs to other filters or to another list.
        """
        filters = {
            name: value
            for name, value in params.items()
            if name not in ("limit", "cursor") and value is not None and value != []
        }
        after: list[Any] | None = None
        if params["cursor"] is not None:
            after = state.current().cursors.decode(
                params["cursor"], listing=listing, filters=filters
            )
        return cls(listing=listing, filters=filters, limit=params["limit"], after=after)

    @property
    def last_id(self) -> int | None:
        """Return `after` as a number. Works for a list that is sorted by one number."""
        return None if self.after is None else int(self.after[0])

    @property
    def rows_to_fetch(self) -> int:
        """Return the limit plus one. The additional row shows that there is a next page."""
        return self.limit + 1

    def response(
        self,
        path: str,
        rows: Sequence[AnyRow],
        *,
        position: Callable[[AnyRow], int] = attrgetter("id"),
    ) -> responses.Response:
        """Return body, status and headers. `rows` holds up to `rows_to_fetch` rows.

        `position` returns a row's unique number. The list is sorted by these numbers.
        """
        items = rows[: self.limit]
        return self.response_with(
            path, items, next_at=[position(items[-1])] if len(rows) > self.limit else None
        )

    def response_with(
        self, path: str, items: Sequence[Any], *, next_at: list[Any] | None
    ) -> responses.Response:
        """Return body, status and headers.

        `next_at` is the position after which the next page begins, or None if there is no next
        page. A position is a row's sort key.
        """
        if next_at is None:
            return {"items": items, "next": None}, 200, {}
        cursor = self.cursor(next_at)
        query = urlencode({**self._as_parameters(), "cursor": cursor}, doseq=True)
        link = {"Link": f'<{path}?{query}>; rel="next"'}
        return {"items": items, "next": cursor}, 200, link

    def cursor(self, position: list[Any]) -> str:
        """Return the cursor of the page that begins after this position."""
        return state.current().cursors.encode(
            listing=self.listing, filters=self.filters, position=position
        )

    def _as_parameters(self) -> dict[str, Any]:
        plain = {name: _as_parameter(value) for name, value in self.filters.items()}
        return {**plain, "limit": self.limit}


def _as_parameter(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return rfc3339(value) if isinstance(value, datetime) else value
