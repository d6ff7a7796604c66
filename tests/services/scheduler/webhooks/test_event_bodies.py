"""Each attempt of an event sends the same bytes, also when two processes render them."""

from datetime import timedelta

from crawljobs.db.database import Database
from crawljobs.repository.webhooks import delivery_claim, event_expansion
from scheduler.webhooks import event_bodies
from support.webhook_rows import add_endpoint, add_events

LEASE = timedelta(seconds=20)
OLD, NEW = "https://old.example", "https://new.example"


def test_two_processes_with_other_links_send_the_body_that_was_stored_first(
    database: Database,
) -> None:
    with database.begin() as conn:
        mine, other = (add_endpoint(conn, "https://hooks.example/") for _ in range(2))
        (shared,) = add_events(conn)
        event_expansion.expand(conn)
    with database.begin() as late:
        claimed = delivery_claim.claim(late, shares={mine: 1}, per_endpoint=4, lease=LEASE)
        with database.begin() as early:
            others = delivery_claim.claim(early, shares={other: 1}, per_endpoint=4, lease=LEASE)
            first = event_bodies.of_deliveries(early, others, public_url=OLD)
        assert [each.body for each in (*claimed, *others)] == [None, None]
        second = event_bodies.of_deliveries(late, claimed, public_url=NEW)
    assert second == first
    assert OLD in first[shared]
