"""One request to Reddit's API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crawler_worker.reddit import reply_cells
from crawljobs.domain.reply_meaning import Endpoint

Parameters = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` and `params` form its URL. `form` is the body of a POST request."""

    method: str
    path: str
    params: Parameters
    form: Parameters | None = None

    @property
    def endpoint(self) -> Endpoint:
        return reply_cells.endpoint_of(self.path)
