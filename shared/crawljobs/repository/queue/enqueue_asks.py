"""Split each enqueue request into one Ask for each subreddit name, and convert the Asks to JSON."""

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
    """One subreddit name of an EnqueueRequest, which may have several names.

    `place` is the index of the name's result in the list that a call of job_enqueue returns. The
    list has the results of all requests of the call.
    """

    place: int
    request: EnqueueRequest
    name: str


def of_requests(requests: Iterable[EnqueueRequest]) -> list[Ask]:
    """Return one Ask for each subreddit of each request, in the order in which names first occur.

    Names that differ only in case are the same subreddit. Raises InvalidSubredditName.
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
    """Split the Asks into batches. A batch has at most one Ask for a subreddit.

    Each batch gets its own statement, because one statement cannot merge two requests into the same
    job.
    """
    found: defaultdict[int, list[Ask]] = defaultdict(list)
    requested: Counter[str] = Counter()
    for ask in asks:
        key = ask.name.lower()
        found[requested[key]].append(ask)
        requested[key] += 1
    return list(found.values())


def as_json(asks: Sequence[Ask]) -> str:
    """Return the asks as JSON for the enqueue statement.

    With each result, the statement returns `place`: the index of the result's ask in `asks`.
    """
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
                "of_step": request.of_step,
            }
        )
        first += len(same)
    return json.dumps(requests)
