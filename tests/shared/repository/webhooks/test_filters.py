"""The filters of an endpoint mean the same when an event is written and when it is expanded."""

import itertools
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, literal, select, text

from crawljobs.db.database import Connection
from crawljobs.domain.webhook import EventType
from crawljobs.repository.webhooks import event_expansion
from crawljobs.repository.webhooks.events.event_interest import fits
from support.webhook_rows import add_endpoint, add_events

KIND = EventType.JOB_FAILED
ENDPOINTS = [
    {"filter_group_id": group, "filter_source": source, "filter_subreddit": subreddit}
    for group, source, subreddit in itertools.product(
        (None, 2, 9), (None, "user", "stale"), (None, "cats", "dogs")
    )
] + [
    {"events": []},
    {"state": "disabled", "disabled_reason": "operator"},
    {"state": "disabled", "disabled_reason": "failing"},
]
EVENTS: list[dict[str, Any]] = [
    {"group_ids": [1, 2], "source": "user", "subreddit": "Cats"},
    {"group_ids": [], "source": None, "subreddit": None},
]


def is_written(conn: Connection, event: dict[str, Any]) -> bool:
    """Return whether an endpoint wants the event, as the transaction of a change decides it."""
    source, subreddit = event["source"], event["subreddit"]
    condition = fits(
        literal(KIND.value, Text),
        group_ids=literal(event["group_ids"], ARRAY(BigInteger)),
        source=literal(source, Text),
        subreddit=literal(subreddit and subreddit.lower(), Text),
    )
    return bool(conn.execute(select(condition)).scalar_one())


def is_delivered(conn: Connection, event: dict[str, Any]) -> bool:
    """Return whether the deliverer makes a delivery of the event for the endpoint."""
    add_events(conn, kind=KIND, **event)
    event_expansion.expand(conn)
    deleted = conn.execute(text("DELETE FROM webhook_deliveries"))
    return bool(deleted.rowcount)


def test_an_event_is_written_for_an_endpoint_exactly_if_it_is_delivered(conn: Connection) -> None:
    results = set()
    for columns, event in itertools.product(ENDPOINTS, EVENTS):
        given = dict(columns)
        kinds = given.pop("events", [KIND]) or [EventType.JOB_CANCELLED]
        if "disabled_reason" in given:
            given["disabled_at"] = text("now()")
        add_endpoint(conn, "https://x", *kinds, **given)
        found = is_written(conn, event)
        assert found == is_delivered(conn, event), (columns, event)
        results.add(found)
        conn.execute(text("DELETE FROM webhook_endpoints"))
    assert results == {True, False}
