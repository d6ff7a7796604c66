"""Logs the items that a crawl could not read, and the parts that it gave up."""

from __future__ import annotations

from crawljobs.domain.claim import Claim
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.reddit_items import Items
from crawljobs.runtime import logs

log = logs.get_logger(__name__)


def dropped(claim: Claim, phase: str, items: Items) -> None:
    """If some items of a reply could not be read, log their number."""
    if items.dropped + items.unknown:
        log.warning(
            "items.dropped",
            job_id=claim.job_id,
            phase=phase,
            dropped=items.dropped,
            unknown=items.unknown,
        )


def part_given_up(claim: Claim, part: MissingPart) -> None:
    """Log a part that the crawl gave up, with its failure and the time of its next try."""
    log.warning(
        "crawl.part_given_up",
        job_id=claim.job_id,
        subreddit=claim.subreddit,
        kind=part.kind,
        item=part.item,
        reason=part.reason,
        error=part.message,
        failures=part.failures,
        next_look_at=part.next_look_at.isoformat(),
    )
