"""Budget, workers, system, audit log, tokens: their facts, a phone, and one change."""

from playwright.sync_api import Page, expect

from support.dashboard_page import PHONE, Dashboard, OpenPage, no_horizontal_scroll


def go(page: Page, dashboard: Dashboard, path: str) -> None:
    page.goto(f"{dashboard.url}{path}")
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("main .skeleton")).to_have_count(0)


def test_budget_workers_and_system_show_their_facts(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    page = open_page("/ui/budget", width=PHONE)
    expect(page.get_by_text(" of 970 (Reddit's limit: 1,000)")).to_be_visible()
    expect(page.get_by_role("figure", name="Requests a minute by source")).to_be_visible()
    no_horizontal_scroll(page)
    go(page, dashboard, "/ui/workers")
    processes = page.get_by_role("table", name="Processes")
    expect(processes).to_contain_text("worker-b-11c2")
    expect(page.get_by_role("table", name="Running crawls")).to_contain_text("r/cooking")
    no_horizontal_scroll(page)
    go(page, dashboard, "/ui/system")
    conditions = page.get_by_role("table", name="Conditions")
    expect(conditions).to_contain_text("An endpoint of webhooks is disabled")
    expect(page.get_by_role("table", name="Largest tables")).to_contain_text("crawl_jobs")
    no_horizontal_scroll(page)


def test_a_token_is_created_shown_once_and_revoked(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    page = open_page("/ui/tokens", theme="dark")
    page.get_by_role("button", name="New token").click()
    panel = page.get_by_role("dialog", name="New token")
    panel.get_by_label("Name").fill("notebook of ada")
    panel.get_by_role("checkbox", name="content").check()
    panel.get_by_role("button", name="Create").click()
    secret = page.get_by_label("Token", exact=True).inner_text()
    asked = {"Authorization": f"Bearer {secret}"}
    identity = dashboard.client.get("/api/whoami", headers=asked).json()
    assert identity["scopes"] == ["content", "read"]
    page.get_by_role("button", name="I have stored it").click()

    row = page.get_by_role("row", name="notebook of ada")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    assert dashboard.client.get("/api/whoami", headers=asked).status_code == 401

    go(page, dashboard, "/ui/audit?resource_type=api_token&action=revoke")
    expect(page.get_by_role("table", name="Audit log")).to_contain_text("revoke")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="As CSV").click()
    assert "api_token" in download.value.path().read_text()
