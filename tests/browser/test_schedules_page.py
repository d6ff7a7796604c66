"""Schedules: the list, one schedule, its ledger, its changes, and the form with a live preview."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from support.dashboard_page import PHONE, Dashboard, OpenPage, no_horizontal_scroll
from support.dashboard_rows import HOSTILE_NAME

PATH = "/api/admin/scheduled-jobs"


@pytest.fixture
def schedule(dashboard: Dashboard) -> dict[str, Any]:
    """Return a schedule of this test, with two runs."""
    assert dashboard.client is not None
    name = "Own schedule"
    found = dashboard.client.get(PATH, params={"limit": 500}).json()["items"]
    for each in found:
        if each["name"].startswith(name):
            dashboard.client.delete(f"{PATH}/{each['id']}")
    body = {"name": name, "subreddit": "schedule_pages", "cron_expression": "30 2 * * *"}
    made = dashboard.client.post(PATH, json={**body, "timezone": "Europe/Vienna"}).json()
    dashboard.client.post(f"{PATH}/{made['id']}/run")
    return made  # type: ignore[no-any-return]


def dialog(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog", name=name)


def test_schedules_are_listed_with_their_meaning_and_outcomes(
    open_page: OpenPage, dashboard: Dashboard, schedule: dict[str, Any]
) -> None:
    page = open_page("/ui/schedules")
    row = page.get_by_role("row", name="Own schedule")
    expect(row).to_contain_text("At 02:30")
    expect(row).to_contain_text("in Europe/Vienna")
    expect(row).to_contain_text("enqueued")
    expect(page.get_by_role("link", name=HOSTILE_NAME)).to_be_visible()
    row.get_by_role("button", name="Disable").click()
    dialog(page, 'Disable "Own schedule"').get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("disabled")
    page.goto(f"{dashboard.url}/ui/schedules?enabled=true")
    expect(page.get_by_role("row", name="Every morning")).to_be_visible()
    expect(page.get_by_role("row", name="Own schedule")).to_have_count(0)


def test_a_schedule_shows_its_due_times_and_is_run_on_a_phone(
    open_page: OpenPage, schedule: dict[str, Any]
) -> None:
    page = open_page(f"/ui/schedules/{schedule['id']}", width=PHONE, theme="dark")
    times = page.get_by_role("table", name="Next due times")
    expect(times.get_by_role("row")).to_have_count(21)
    expect(page.get_by_text("requests that Reddit allows a day")).to_be_visible()
    no_horizontal_scroll(page)
    page.keyboard.press("a")
    panel = dialog(page, 'Run "Own schedule" now')
    panel.get_by_role("button", name="Run now").click()
    expect(panel).to_have_count(0)
    page.get_by_role("button", name="Ledger").click()
    ledger = page.get_by_role("table", name="Ledger")
    expect(ledger).to_contain_text("by an operator")
    expect(ledger.get_by_role("link", name="Job ").first).to_be_visible()
    no_horizontal_scroll(page)


def test_a_form_previews_the_expression_and_keeps_a_change_beside_another_one(
    open_page: OpenPage, dashboard: Dashboard, schedule: dict[str, Any]
) -> None:
    assert dashboard.client is not None
    page = open_page(f"/ui/schedules/{schedule['id']}")
    open_page.watch.allowed += ["422", "412"]  # type: ignore[attr-defined]
    page.get_by_role("button", name="Edit").click()
    form = dialog(page, 'Edit "Own schedule"')
    preview = form.get_by_role("status", name="Preview")
    expect(preview).to_contain_text("02:30")
    form.get_by_label("Expression").fill("30 2 * *")
    expect(form.get_by_label("Expression")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Expression").fill("15 4 * * MON")
    expect(preview).to_contain_text("Mon ")
    form.get_by_label("Expression").fill("30 2 28-31 3 *")
    expect(preview).to_contain_text("does not exist on")

    other = dashboard.client.patch(
        f"{PATH}/{schedule['id']}", json={"priority": 77}, headers={"If-Match": "*"}
    )
    assert other.status_code == 200
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("77")
    form.get_by_role("button", name="Keep mine on this version").click()
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    saved = dashboard.client.get(f"{PATH}/{schedule['id']}").json()
    assert (saved["cron_expression"], saved["priority"]) == ("30 2 28-31 3 *", 77)


def test_a_schedule_is_made_by_keyboard_and_deleted(
    open_page: OpenPage, dashboard: Dashboard, schedule: dict[str, Any]
) -> None:
    page = open_page("/ui/schedules")
    expect(page.get_by_role("row", name="Own schedule")).to_be_visible()
    page.keyboard.press("n")
    form = dialog(page, "New schedule")
    form.get_by_label("Name").fill("Own schedule of a group")
    form.get_by_label("Crawls").select_option("steps")
    form.get_by_label("Steps").fill("schedule_pages\nother_pages after schedule_pages")
    form.get_by_role("button", name="@every 6h").click()
    expect(form.get_by_role("status", name="Preview")).to_contain_text("6 hours")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Own schedule of a group")).to_be_visible()
    expect(page.get_by_role("table", name="Steps")).to_contain_text("r/other_pages")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").click()
    dialog(page, "Delete").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Schedules", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="Own schedule of a group")).to_have_count(0)
