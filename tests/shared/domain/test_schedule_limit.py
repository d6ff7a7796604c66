"""A warning appears if all schedules together need more requests than Reddit's budget allows."""

from crawljobs.domain import schedule_limit


def test_before_any_request_the_budget_is_reddit_s_usual_one() -> None:
    quota = schedule_limit.quota(requests_per_day=0, budget_per_second=None)
    assert quota.daily_request_budget == int(1000 / 600 * 86_400 * 0.97)
    assert quota.warning is None


def test_warns_above_the_budget_and_not_at_it() -> None:
    budget = 100 / 86_400 / 0.97 * 1.000001
    full = schedule_limit.quota(requests_per_day=100, budget_per_second=budget)
    assert (full.estimated_requests_per_day, full.daily_request_budget) == (100, 100)
    assert full.warning is None
    above = schedule_limit.quota(requests_per_day=250.4, budget_per_second=budget)
    assert above.warning is not None
    assert "about 250 requests a day, 250 % of the 100" in above.warning


def test_no_budget_at_all_is_a_warning_and_no_division() -> None:
    assert schedule_limit.quota(requests_per_day=1, budget_per_second=0).warning
