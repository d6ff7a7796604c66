"""The frame around all pages: sign-in, navigation, palette, keys, themes, unknown pages."""

from playwright.sync_api import Browser, expect

from support import dashboard_page
from support.admin_api import TOKEN
from support.dashboard_page import PHONE, Dashboard, no_horizontal_scroll


def test_a_reader_signs_in_and_moves_by_keyboard(browser: Browser, dashboard: Dashboard) -> None:
    with dashboard_page.context(browser, token=None) as (context, watched):
        page = context.new_page()
        page.goto(f"{dashboard.url}/ui/settings")
        field = page.get_by_label("Token", exact=True)
        expect(field).to_be_focused()
        watched.allowed.append("401")
        field.fill("not-a-token-of-this-server")
        field.press("Enter")
        expect(page.get_by_role("alert").filter(has_text="does not know")).to_be_visible()
        field.fill(TOKEN)
        field.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        assert (
            page.evaluate("() => Object.keys(localStorage).concat(Object.keys(sessionStorage))")
            == []
        )

        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.keyboard.type("settings")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{dashboard.url}/ui/settings")
        page.keyboard.press("t")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_token_of_the_address_is_taken_and_removed(
    browser: Browser, dashboard: Dashboard
) -> None:
    with dashboard_page.context(browser, token=None) as (context, _):
        page = context.new_page()
        page.goto(f"{dashboard.url}/ui/settings#token={TOKEN}")
        expect(page.locator(".facts")).to_contain_text("bootstrap")
        assert TOKEN not in page.url
        assert TOKEN not in page.evaluate("() => JSON.stringify([history.state, document.cookie])")


def test_an_unknown_page_says_so_on_a_phone(browser: Browser, dashboard: Dashboard) -> None:
    with dashboard_page.context(browser, width=PHONE) as (context, _):
        page = dashboard_page.opened(context.new_page(), f"{dashboard.url}/ui/no/such/page")
        expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
        no_horizontal_scroll(page)


def test_a_page_beyond_the_scopes_of_the_token_asks_nothing(
    browser: Browser, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    asked = {"name": "reader of the shell", "scopes": ["read"]}
    token = dashboard.client.post("/api/admin/tokens", json=asked).json()["token"]
    with dashboard_page.context(browser, token=token) as (context, _):  # fails on a console error
        page = dashboard_page.opened(context.new_page(), f"{dashboard.url}/ui/audit")
        expect(page.get_by_text('The token lacks the scope "audit"')).to_have_count(1)
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)
        page.get_by_role("link", name="Jobs", exact=True).click()
        expect(page.get_by_role("table", name="Jobs")).to_be_visible()
