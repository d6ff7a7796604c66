"""Reads the request budget from the headers of a reply."""

from __future__ import annotations

import math
from collections.abc import Mapping

from crawljobs.domain.request_budget import BudgetReport

# Requests; headers with a larger budget are ignored as invalid.
CAP_MAX = 100_000_000


def report_of(headers: Mapping[str, str]) -> BudgetReport | None:
    """The budget in the x-ratelimit headers; None when they are missing or invalid.

    Old endpoints and every 429 reply lack them.
    """
    try:
        used = float(headers["x-ratelimit-used"])
        remaining = float(headers["x-ratelimit-remaining"])  # "997.0"
        reset = float(headers["x-ratelimit-reset"])
    except (KeyError, ValueError):
        return None
    if not all(math.isfinite(value) and value >= 0 for value in (used, remaining, reset)):
        return None
    if not 1 <= used + remaining <= CAP_MAX or reset > 86_400:
        return None
    return BudgetReport(used=round(used), remaining=round(remaining), reset_seconds=round(reset))
