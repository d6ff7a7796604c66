"""Webhooks: the list, one webhook with its deliveries, one delivery with its attempts, changes."""

import re

from playwright.sync_api import expect

from crawljobs.domain.webhook import SUBSCRIBABLE
from support.dashboard_page import PHONE, Dashboard, OpenPage, no_horizontal_scroll
from support.dashboard_rows import HOSTILE

WEBHOOKS = "/api/admin/webhooks"


def test_a_webhook_is_created_with_its_secret_changed_and_deleted(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    page = open_page("/ui/webhooks")
    row = page.get_by_role("row", name="https://hooks.example.com/crawls")
    expect(row).to_contain_text(re.compile(r"5\d(\.\d)?%"))  # 10 of 20, or 10 of 19 after a replay
    expect(page.get_by_role("row", name="https://old.example.com/x")).to_contain_text("gone")
    page.get_by_role("button", name="New webhook").click()
    panel = page.get_by_role("dialog", name="New webhook")
    offered = panel.get_by_role("group", name="Events").get_by_role("checkbox")
    expect(offered).to_have_count(len(SUBSCRIBABLE))
    for kind in SUBSCRIBABLE:
        expect(panel.get_by_role("checkbox", name=kind, exact=True)).to_be_visible()
    panel.get_by_label("Address of the receiver").fill("https://127.0.0.1:8443/new")
    panel.get_by_role("checkbox", name="job.failed").check()
    panel.get_by_label("Only of this subreddit").fill("golang")
    panel.get_by_role("button", name="Create").click()
    secret = page.get_by_label("Secret", exact=True).inner_text()
    page.get_by_role("button", name="I have stored it").click()
    made = dashboard.client.get(WEBHOOKS).json()["items"][-1]
    path = f"{WEBHOOKS}/{made['id']}"
    assert (made["events"], made["filter"]["subreddit"]) == (["job.failed"], "golang")
    assert dashboard.client.get(f"{path}/secret").json()["secret"] == secret

    expect(page.get_by_role("heading", name=f"Webhook {made['id']}")).to_be_visible()
    expect(page.get_by_text("No delivery yet")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Description").fill("chat of the team")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("chat of the team")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Rotate the secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate the secret").click()
    expect(page.get_by_label("Secret", exact=True)).not_to_have_text(secret)
    page.get_by_role("button", name="I have stored it").click()

    page.get_by_role("button", name="Ping").click()
    page.get_by_role("dialog").get_by_role("button", name="Ping").click()
    expect(page.locator("main .lead")).to_contain_text("test.ping")
    page.goto(f"{dashboard.url}/ui/webhooks/{made['id']}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Webhooks")).to_be_visible()
    assert dashboard.client.get(path).status_code == 404


def test_deliveries_are_filtered_counted_and_sent_again(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    webhook, delivery = dashboard.seeded.webhook, dashboard.seeded.delivery
    page = open_page(f"/ui/webhooks/{webhook}?state=failed", width=PHONE, theme="dark")
    expect(page.get_by_role("figure", name="Attempts an hour")).to_be_visible()
    expect(page.locator("tr[data-id]")).to_have_count(10)
    no_horizontal_scroll(page)
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Replay deliveries").click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("10 deliveries would be sent again.")).to_be_visible()
    panel.get_by_text("Only failed ones").click()
    expect(panel.get_by_text("20 deliveries would be sent again.")).to_be_visible()
    panel.get_by_role("button", name="Cancel").click()

    page.get_by_role("link", name=str(delivery), exact=True).click()
    attempts = page.get_by_role("table", name="Attempts")
    expect(attempts).to_contain_text("no answer within 15 s")
    attempts.get_by_text("Body of the answer").first.click()
    expect(attempts.locator("pre").first).to_have_text(HOSTILE)
    expect(page.locator("main").get_by_role("link", name="Job 1").first).to_be_visible()
    no_horizontal_scroll(page)
    page.keyboard.press("a")
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.get_by_role("button", name="Send now")).to_be_visible()
    shown = dashboard.client.get(f"{WEBHOOKS}/deliveries/{delivery}").json()
    assert (shown["state"], shown["kind"]) == ("pending", "replay")
