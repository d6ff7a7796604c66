"""The budget in a reply's headers is used only if its numbers are possible."""

import pytest

from crawler_worker.reddit.pacing.budget_headers import report_of
from crawljobs.domain.request_budget import BudgetReport


@pytest.mark.parametrize(
    ("used", "remaining", "reset", "report"),
    [
        ("0", "1.0", "0", BudgetReport(0, 1, 0)),
        ("1", "0.0", "600", BudgetReport(1, 0, 600)),
        ("0.4", "997.6", "59.5", BudgetReport(0, 998, 60)),
        ("0", "100000000", "600", BudgetReport(0, 100_000_000, 600)),
        ("1", "100000000", "600", None),
        ("3", "997.0", "86400", BudgetReport(3, 997, 86_400)),
        ("3", "997.0", "86401", None),
        ("-1", "997.0", "600", None),
        ("3", "997.0", "-1", None),
        ("inf", "997.0", "600", None),
        ("3", "997.0", "nan", None),
        ("0.5", "0.4", "600", None),
    ],
)
def test_a_report_has_at_least_one_request_and_at_most_a_day(
    used: str, remaining: str, reset: str, report: BudgetReport | None
) -> None:
    headers = {
        "x-ratelimit-used": used,
        "x-ratelimit-remaining": remaining,
        "x-ratelimit-reset": reset,
    }
    assert report_of(headers) == report
