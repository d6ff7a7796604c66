"""Subreddits: the list by lateness, one subreddit with its gaps and content, pause and erase."""

import re

from playwright.sync_api import expect

from support.dashboard_page import PHONE, Dashboard, OpenPage, no_horizontal_scroll


def test_the_list_puts_the_latest_first_and_filters_by_lateness(open_page: OpenPage) -> None:
    page = open_page("/ui/subreddits")
    rows = page.get_by_role("table", name="Subreddits").locator("tbody tr")
    expect(rows.first).to_contain_text("r/golang")
    expect(rows.first).to_contain_text(re.compile(r"Very late.*3\.\d × 6h"))
    python = rows.filter(has_text="r/python")
    expect(python).to_contain_text("1 gap")
    expect(python).to_contain_text("2 missing")
    page.get_by_role("link", name="Never crawled").click()
    expect(page).to_have_url(re.compile("lateness=never"))
    expect(rows.filter(has_text="r/emacs")).to_contain_text("queued")
    expect(rows.filter(has_text="r/golang")).to_have_count(0)
    page.get_by_label("Name contains").fill("no_such_name")
    expect(page.get_by_text("No subreddits match the filters")).to_be_visible()


def test_a_phone_shows_a_subreddit_and_pauses_it(open_page: OpenPage, dashboard: Dashboard) -> None:
    page = open_page("/ui/subreddits/python", width=PHONE)
    expect(page.get_by_role("figure", name="Items of the last 14 days")).to_be_visible()
    expect(page.get_by_role("table", name="Last crawls").locator("tbody tr")).to_have_count(8)
    expect(page.get_by_role("table", name="Gaps")).to_contain_text("comments")
    expect(page.get_by_role("table", name="Missing parts")).to_contain_text("503 from Reddit")
    expect(page.get_by_role("table", name="Neighbours")).to_contain_text("r/rust")
    expect(page.get_by_role("table", name="Newest posts")).to_contain_text("favourite PEP")
    no_horizontal_scroll(page)
    page.goto(f"{dashboard.url}/ui/subreddits/mycology")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Pause").click()
    page.get_by_label("Reason").fill("Asked by its moderators")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Reason: Asked by its moderators.")).to_be_visible()
    open_page.watch.allowed.append("404")  # type: ignore[attr-defined]
    page.goto(f"{dashboard.url}/ui/subreddits/no_such_name")
    page.get_by_role("button", name="Enqueue it").click()
    expect(page.get_by_role("dialog").get_by_label("Subreddits")).to_have_value("no_such_name")


def test_intervals_send_the_shown_version_and_an_erasure_needs_the_typed_name(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    page = open_page("/ui/subreddits/old_forum", theme="dark")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Set intervals").click()
    panel = page.get_by_role("dialog")
    panel.get_by_label("Least time between two crawls").fill("7200")
    panel.get_by_text("The same from a terminal").click()
    line = "subreddits set old_forum --crawl-gap 7200 --request-gap default"
    expect(panel.get_by_label("crawlctl line")).to_contain_text(line)
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        panel.get_by_role("button", name="Set").click()
    assert sent.value.headers["if-match"].strip('"').isdigit()
    expect(page.get_by_text("2h", exact=True)).to_be_visible()
    stored = dashboard.client.get("/api/admin/subreddits/old_forum").json()
    assert stored["min_crawl_gap_seconds"] == 7200
    assert stored["min_request_gap_seconds"] is None

    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Erase content").click()
    expect(panel).to_contain_text("0 posts, 0 comments and 60 rows of authors' activity")
    erase = panel.get_by_role("button", name="Erase")
    expect(erase).to_have_attribute("aria-disabled", "true")
    panel.get_by_label("Type old_forum to confirm").fill("old_forum")
    erase.click()
    expect(page.get_by_text(re.compile(r"Operation \d+ erases 60 rows"))).to_be_visible()


def test_a_token_without_the_scope_content_sees_why_the_items_are_missing(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    asked = {"name": "reads no items", "scopes": ["read"]}
    token = dashboard.client.post("/api/admin/tokens", json=asked).json()["token"]
    page = open_page("/ui/subreddits/python", token=token)
    expect(page.get_by_text('lacks the scope "content"')).to_be_visible()
    expect(page.get_by_role("button", name="Crawl now")).to_have_attribute("aria-disabled", "true")
