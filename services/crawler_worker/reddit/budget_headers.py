"""What the headers of a reply say of the request budget."""

from __future__ import annotations

import math
from collections.abc import Mapping

from crawljobs.domain.request_budget import BudgetReport

# Above this a header is not a budget but nonsense.
CAP_MAX = 100_000_000


def report_of(headers: Mapping[str, str]) -> BudgetReport | None:
    """The x-ratelimit headers; old endpoints and every 429 lack them."""
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
