"""The list of jobs: filters, columns, keys, and changes of many jobs after a dry run."""

from playwright.sync_api import expect

from support.dashboard_page import PHONE, Dashboard, OpenPage, no_horizontal_scroll


def test_a_failed_job_is_found_and_retried_by_keyboard(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    page = open_page("/ui/jobs")
    expect(page.get_by_role("row")).to_have_count(51)
    page.get_by_role("checkbox", name="Failed").check()
    expect(page).to_have_url(f"{dashboard.url}/ui/jobs?status=failed")
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.locator("tbody")).to_contain_text("<img src=x onerror=alert(1)>")

    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name").fill("Broken")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Saved views")).to_have_value("Broken")

    page.locator("h1").focus()
    for key in "jjjkx":
        page.keyboard.press(key)
    selected = page.locator("tr[aria-selected='true']")
    expect(selected).to_have_count(1)
    job_id = selected.get_attribute("data-id")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Retry 1 job")
    expect(panel.get_by_text("1 item would change.")).to_be_visible()
    panel.get_by_label("Reason").fill("Postgres is back")
    panel.get_by_text("The same from a terminal").click()
    expect(panel.get_by_label("crawlctl line")).to_have_text(
        f"crawlctl jobs retry {job_id} --reason 'Postgres is back'"
    )
    expect(panel.get_by_role("button", name="Retry 1")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("link", name="Audit row")).to_be_visible()
    expect(page.locator("tbody tr:not(.is-gone)")).to_have_count(3)
    job = dashboard.client.get(f"/api/admin/jobs/{job_id}").json()
    assert job["status"] == "queued"
    assert job["audit_log"][0]["after"]["reason"] == "Postgres is back"


def test_all_that_match_are_rehearsed_and_the_phone_shows_cards(open_page: OpenPage) -> None:
    page = open_page("/ui/jobs?status=succeeded", width=PHONE, theme="dark")
    no_horizontal_scroll(page)
    expect(page.locator("thead")).to_have_css("position", "absolute")
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Worker", exact=True).check()
    expect(page.locator("td[data-label='Worker']").first).to_be_attached()
    page.keyboard.press("Escape")
    for box in page.locator("tbody .cell-check input").all():
        box.check()
    page.get_by_role("button", name="Select all jobs that match the filters").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    panel = page.get_by_role("dialog", name="Cancel all jobs that match")
    expect(panel.get_by_text("0 items would change, 80 cannot.")).to_be_visible()
    button = panel.get_by_role("button", name="Cancel 0")
    expect(button).to_have_attribute("aria-disabled", "true")
    no_horizontal_scroll(page)
