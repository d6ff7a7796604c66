"""One job: why it waits, its attempts, and a change of the version that the page shows."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from support.dashboard_page import PHONE, Dashboard, OpenPage, no_horizontal_scroll


def test_a_waiting_job_names_its_obstacle_and_is_woken_by_the_remedy(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    later = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    asked = {"subreddit": "woken_by_its_page", "visible_at": later}
    job_id = dashboard.client.post("/api/admin/jobs", json=asked).json()["job"]["id"]
    page = open_page(f"/ui/jobs/{job_id}")
    expect(page.get_by_role("heading", name="Why is it not running?")).to_be_visible()
    expect(page.get_by_text("not met").first).to_be_visible()
    expect(page.get_by_text("No worker has claimed the job yet.")).to_be_visible()
    page.get_by_role("button", name="Wake the job: it is queued at once.").first.click()
    panel = page.get_by_role("dialog")
    panel.get_by_text("The same from a terminal").click()
    expect(panel.get_by_label("crawlctl line")).to_contain_text(f"jobs wake {job_id}")
    panel.get_by_role("button", name="Send").click()
    expect(page.locator("main .lead")).to_contain_text("queued")
    job = dashboard.client.get(f"/api/admin/jobs/{job_id}").json()
    assert job["status"] == "queued"
    expect(page.get_by_role("table", name="Changes by operators")).to_contain_text("wake")


def test_a_phone_shows_an_error_and_an_unknown_job(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    page = open_page(f"/ui/jobs/{dashboard.seeded.failed_job}", width=PHONE, theme="dark")
    expect(page.get_by_text("503 from Reddit after 5 attempts").first).to_be_visible()
    line = page.get_by_role("img", name="1 attempt between the request and the end")
    expect(line).to_be_visible()
    no_horizontal_scroll(page)
    open_page.watch.allowed.append("404")  # type: ignore[attr-defined]
    page.goto(f"{dashboard.url}/ui/jobs/999999999")
    expect(page.get_by_text("This job does not exist")).to_be_visible()
