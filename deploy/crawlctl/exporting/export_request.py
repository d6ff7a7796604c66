"""The request of an export, and the key of a line, after which an export continues."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crawlctl.failures import CommandFailed

KINDS = ("posts", "comments", "authors", "subreddits", "edges", "links")
# Formats of the kind `links`. The API cannot continue an interrupted export in these formats.
GRAPH_FORMATS = ("graphml", "gexf")
ITEMS = ("posts", "comments")  # the kinds with the parameter updated_since
_TIMES = ("since", "until")
_RATE = "rate"  # the parameter that changes the speed of an export and not its lines


@dataclass(frozen=True)
class ExportRequest:
    """An export of one kind in a format of the API. `query` has its other parameters."""

    kind: str
    format: str
    query: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of the API."""
        return f"/api/export/{self.kind}"

    @property
    def is_csv(self) -> bool:
        """Whether the first line has the names of the columns."""
        return self.format == "csv"

    def parameters(self, after: str | None) -> dict[str, Any]:
        """Return the query of a request that begins after this key."""
        whole = {**self.query, "format": self.format}
        return {**whole, "after": after} if after is not None else whole

    def key_fields(self) -> list[str]:
        """Return the names of the fields that are the key of a line."""
        is_reddit = self.query.get("shape") == "reddit"
        if self.kind == "edges":
            return ["author_id"] if "subreddit" in self.query else ["author_id", "subreddit_id"]
        if self.kind == "links":
            return ["a_id", "b_id"]
        if self.kind not in ITEMS:
            return ["crawljobs_id" if is_reddit else "id"]
        if "updated_since" in self.query:
            return ["updated_at", "id"]
        created = "created_utc" if is_reddit else "created_at"
        return [created, "id"] if "subreddit" in self.query else ["subreddit", created, "id"]

    def key_of(self, line: bytes, header: bytes) -> str:
        """Return the key of a complete line. Raises CommandFailed if the line has none."""
        try:
            values = self._values(line.decode(), header.decode())
            return ",".join(str(values[name]) for name in self.key_fields())
        except (ValueError, KeyError, TypeError, StopIteration, RecursionError, csv.Error):
            raise CommandFailed(
                "The last line of the file is damaged: delete the file, and start again."
            ) from None

    def _values(self, line: str, header: str) -> Mapping[str, Any]:
        if not self.is_csv:
            values: Mapping[str, Any] = json.loads(line)
            return values
        names, cells = next(csv.reader(io.StringIO(header))), next(csv.reader(io.StringIO(line)))
        return dict(zip(names, cells, strict=True))


def comparable(description: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the description of an export, without the values that may differ in a continued run.

    These values are the rate and the times `since` and `until`. A user may continue the export at
    another rate, and `--since 30d` means another time in each run.
    """
    left_out = {*_TIMES, _RATE}
    query = {name: value for name, value in description["query"].items() if name not in left_out}
    return {**description, "query": query, "times": sorted({*description["query"]} & {*_TIMES})}


def continued(request: ExportRequest, stored: Mapping[str, Any]) -> ExportRequest:
    """Return the request that continues an export with the parameters `stored`.

    The result has the rate of `request`, and the times of `stored`.
    """
    query = {name: value for name, value in stored.items() if name != _RATE}
    if _RATE in request.query:
        query[_RATE] = request.query[_RATE]
    return ExportRequest(request.kind, request.format, query)
