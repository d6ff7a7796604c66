"""The overview: conditions, numbers, budget, running crawls, charts, and the pause of the queue."""

from playwright.sync_api import expect

from support.dashboard_page import PHONE, Dashboard, OpenPage, no_horizontal_scroll


def test_the_overview_shows_the_system_and_pauses_it(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    answer = dashboard.client.get("/api/admin/overview").json()
    page = open_page("/ui/")
    for condition in answer["attention"][:3]:
        expect(page.get_by_text(condition["remedy"]).first).to_be_visible()
    card = page.locator("a.card", has_text="Failed").first
    expect(card).to_contain_text(str(answer["jobs"]["by_status"]["failed"]))
    expect(page.get_by_role("heading", name="Running crawls")).to_be_visible()
    expect(page.get_by_role("figure", name="Jobs a minute").locator("canvas")).to_be_visible()

    page.get_by_role("button", name="Pause the queue").click()
    panel = page.get_by_role("dialog", name="Pause the whole queue")
    panel.get_by_label("Reason").fill("the disk is replaced")
    panel.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Reason: the disk is replaced").first).to_be_visible()
    page.get_by_role("button", name="Resume the queue").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause the queue")).to_be_visible()
    pauses = dashboard.client.get("/api/admin/queue/pauses").json()["items"]
    assert all(pause["subreddit"] is not None for pause in pauses)


def test_an_empty_system_says_how_to_begin(open_page: OpenPage, empty_dashboard: Dashboard) -> None:
    page = open_page("/ui/", of=empty_dashboard, width=PHONE, theme="dark")
    expect(page.get_by_text("No crawl has been requested yet")).to_be_visible()
    expect(page.get_by_text("No worker has sent a heartbeat")).to_be_visible()
    no_horizontal_scroll(page)
