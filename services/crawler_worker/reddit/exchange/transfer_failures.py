"""Converts the errors of an HTTP exchange to failures of a crawl."""

from __future__ import annotations

from urllib3 import exceptions

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange import connections, exchange_deadline

DETAIL_MAX = 200  # limit to which the text of an error is cut, in characters


def is_timeout(error: BaseException) -> bool:
    return isinstance(error, TimeoutError | exceptions.TimeoutError) or (
        isinstance(error, connections.NotConnected) and error.cause is crawl_failures.Cause.TIMEOUT
    )


def failure_of(error: Exception, *, seconds: float) -> crawl_failures.UpstreamTrouble:
    """Return the exception to raise for this error. `seconds` is the exchange's time limit."""
    detail = str(error)[:DETAIL_MAX].encode("ascii", "backslashreplace").decode()
    detail = "".join(letter if letter.isprintable() else " " for letter in detail)
    if isinstance(error, connections.NotConnected):
        return crawl_failures.Unreachable(
            f"no connection to Reddit ({error.cause})", cause=error.cause, detail=detail
        )
    if exchange_deadline.is_over():
        return crawl_failures.UpstreamTrouble(
            f"no whole reply within {seconds:.0f} s", detail=detail
        )
    return crawl_failures.UpstreamTrouble(
        f"no reply from Reddit ({type(error).__name__})", detail=detail
    )
