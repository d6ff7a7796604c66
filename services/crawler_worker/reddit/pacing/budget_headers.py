"""Reads the request budget from the headers of Reddit's reply."""

from __future__ import annotations

import math
from collections.abc import Mapping

from crawljobs.domain.request_budget import BudgetReport

# The maximum number of requests in a budget. Headers with a larger budget are ignored as invalid.
CAP_MAX = 100_000_000


def report_of(headers: Mapping[str, str]) -> BudgetReport | None:
    """Return the budget in the x-ratelimit headers, or None if they are missing or invalid.

    Redirects and most error replies, for example with the status 429, do not have these headers.
    """
    try:
        used = float(headers["x-ratelimit-used"])
        remaining = float(headers["x-ratelimit-remaining"])  # a decimal number, for example "997.0"
        reset = float(headers["x-ratelimit-reset"])
    except (KeyError, ValueError):
        return None
    if not all(math.isfinite(value) and value >= 0 for value in (used, remaining, reset)):
        return None
    if not 1 <= used + remaining <= CAP_MAX or reset > 86_400:
        return None
    return BudgetReport(used=round(used), remaining=round(remaining), reset_seconds=round(reset))
