"""The names of enqueue requests, one by one, and the JSON that the enqueue statement takes."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import priority_ceiling


class Ask(NamedTuple):
    """The request for one subreddit, and the place of its result."""

    place: int
    request: EnqueueRequest
    name: str


def of_requests(requests: Iterable[EnqueueRequest]) -> list[Ask]:
    """Return one ask for each subreddit of each request, in the order of the first occurrences.

    Names that differ only in case are one subreddit. Raises InvalidSubredditName.
    """
    asks: list[Ask] = []
    for request in requests:
        names: dict[str, str] = {}
        for given in request.subreddits:
            name = subreddits.checked_name(given)
            names.setdefault(name.lower(), name)
        asks += [Ask(place, request, name) for place, name in enumerate(names.values(), len(asks))]
    return asks


def waves(asks: Iterable[Ask]) -> list[list[Ask]]:
    """Return groups with each subreddit at most once: a statement cannot merge into a job twice."""
    found: defaultdict[int, list[Ask]] = defaultdict(list)
    requested: Counter[str] = Counter()
    for ask in asks:
        key = ask.name.lower()
        found[requested[key]].append(ask)
        requested[key] += 1
    return list(found.values())


def as_json(asks: Sequence[Ask]) -> str:
    """Return the requests of the asks. The statement numbers the names in the order of `asks`."""
    requests: list[dict[str, object]] = []
    first = 0
    for _, group in groupby(asks, key=lambda ask: id(ask.request)):
        same = list(group)
        request = same[0].request
        requests.append(
            {
                "names": [ask.name for ask in same],
                "first": first,
                "priority": request.priority,
                "ceiling": priority_ceiling(request.source),
                "source": request.source,
                "schedule": request.scheduled_job_id,
                "ask_depth": request.depth,
                "ask_at": request.visible_at and request.visible_at.isoformat(),
                "retries": request.max_retries,
                "trace": request.traceparent,
                "origin": request.discovered_from,
            }
        )
        first += len(same)
    return json.dumps(requests)
