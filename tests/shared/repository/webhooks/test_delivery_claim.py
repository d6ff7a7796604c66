"""Processes share the attempts of an endpoint: together they never have more than it may have."""

from datetime import timedelta

from crawljobs.db.database import Database
from crawljobs.repository.webhooks import delivery_claim, due_deliveries, event_expansion
from support.webhook_rows import add_endpoint, add_events

LEASE = timedelta(seconds=20)


def test_two_processes_share_the_attempts_of_an_endpoint(database: Database) -> None:
    with database.begin() as conn:
        busy, other = (add_endpoint(conn, "https://hooks.example/") for _ in range(2))
        add_events(conn, 8)
        event_expansion.expand(conn)
    wanted = {busy: 4, other: 1}
    with database.begin() as first:
        mine = delivery_claim.claim(first, shares={busy: 3}, per_endpoint=4, lease=LEASE)
        with database.begin() as second:  # the endpoint `busy` is locked
            theirs = delivery_claim.claim(second, shares=wanted, per_endpoint=4, lease=LEASE)
    assert ([each.endpoint_id for each in mine], len(theirs)) == ([busy] * 3, 1)
    assert theirs[0].endpoint_id == other
    with database.begin() as conn:
        due = due_deliveries.due_endpoints(conn, per_endpoint=4)
        assert {each.id: (each.running, each.due) for each in due} == {busy: (3, 4), other: (1, 4)}
        later = delivery_claim.claim(conn, shares=wanted, per_endpoint=4, lease=LEASE)
    assert sorted(each.endpoint_id for each in later) == [busy, other]
    ids = {each.id for each in (*mine, *theirs, *later)}
    assert len(ids) == 6
