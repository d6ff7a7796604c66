"""How pages ask for new data: hidden tabs, several tabs, failures, a refused token, new rows."""

import json
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from support import dashboard_page
from support.admin_api import TOKEN
from support.dashboard_page import Dashboard

LIST = "/api/admin/jobs/rows"
_HIDE = """
(hidden) => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}
"""


def counted(context: BrowserContext) -> list[str]:
    """Return a list that grows by the path of each request to the API."""
    found: list[str] = []
    context.on("request", lambda one: "/api/" in one.url and found.append(one.url))
    return found


def row(number: int) -> dict[str, Any]:
    progress = {"phase": None, "done": 0, "total": None, "eta": None}
    return {
        "id": number, "subreddit": f"name_{number}", "status": "queued", "wait_reason": None,
        "priority": 50, "source": "user", "created_at": "2026-11-30T00:00:00Z", "visible_at": None,
        "finished_at": None, "claimed_by": None, "retry_count": 0, "incomplete": False,
        "outcome": None, "error_kind": None, "error": None, "progress": progress,
    }  # fmt: skip


def passes(page: Page, seconds: int) -> None:
    """Let time pass for the page, second by second, so that answers arrive in between."""
    for _ in range(seconds):
        page.clock.run_for(1000)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")


def test_only_one_visible_tab_asks_and_pauses_stop_it(
    browser: Browser, dashboard: Dashboard
) -> None:
    with dashboard_page.context(browser) as (context, _):
        asked = counted(context)
        pages = []
        for _ in range(3):
            page = context.new_page()
            page.clock.install()
            pages.append(dashboard_page.opened(page, f"{dashboard.url}/ui/jobs"))
            expect(page.locator("tbody tr").first).to_be_visible()
        first = pages[0]
        asked.clear()
        began = first.evaluate("() => Date.now()")
        for _ in range(12):
            for page in pages:
                page.clock.run_for(2000)
        seconds = (first.evaluate("() => Date.now()") - began) / 1000
        lists = [url for url in asked if LIST in url]
        # One tab asks each 5 s, with a jitter of 10 %. The two other tabs send no request.
        assert seconds / 5 * 0.6 <= len(lists) <= seconds / 5 * 1.2 + 1, (seconds, lists)

        for page in pages:
            page.evaluate(_HIDE, True)
        asked.clear()
        for page in pages:
            page.clock.run_for(30_000)
        assert asked == []
        first.evaluate(_HIDE, False)
        with first.expect_response(lambda answer: LIST in answer.url):
            passes(first, 1)

        first.keyboard.press("p")
        expect(first.locator(".foot")).to_contain_text("updates paused")
        asked.clear()
        first.clock.run_for(30_000)
        assert [url for url in asked if LIST in url] == []


def test_a_failure_keeps_the_data_and_new_rows_wait_for_the_reader(
    browser: Browser, dashboard: Dashboard
) -> None:
    with dashboard_page.context(browser) as (context, watched):
        watched.allowed.append("503")
        rows = [row(number) for number in range(30, 0, -1)]
        answers = {"fails": False, "asked": 0}

        def answer(route: Route) -> None:
            answers["asked"] += 1
            if answers["fails"]:
                problem = {"title": "Database unavailable", "status": 503, "detail": "Wait."}
                route.fulfill(
                    status=503, json=problem, headers={"Retry-After": "30"},
                    content_type="application/problem+json",
                )  # fmt: skip
            else:
                route.fulfill(json={"items": rows, "next": None})

        context.route(f"**{LIST}*", answer)
        page = context.new_page()
        page.clock.install()
        dashboard_page.opened(page, f"{dashboard.url}/ui/jobs")
        expect(page.locator("tbody tr")).to_have_count(30)
        page.keyboard.press("j")
        page.keyboard.press("j")
        focused = page.locator("tr:focus")
        expect(focused).to_have_attribute("data-id", "29")

        rows[:0] = [row(33), row(32), row(31)]
        passes(page, 6)
        expect(page.get_by_role("button", name="Show 3 new")).to_be_visible()
        expect(page.locator("tbody tr")).to_have_count(30)
        expect(focused).to_have_attribute("data-id", "29")
        page.get_by_role("button", name="Show 3 new").click()
        expect(page.locator("tbody tr")).to_have_count(33)

        answers["fails"] = True
        passes(page, 6)
        expect(page.get_by_text("These data are from")).to_be_visible()
        expect(page.locator("tbody tr")).to_have_count(33)
        before = int(answers["asked"])
        passes(page, 8)
        assert answers["asked"] == before, "Retry-After is 30 s"
        answers["fails"] = False
        passes(page, 30)
        expect(page.get_by_text("These data are from")).to_have_count(0)


def test_a_refused_token_opens_a_dialog_and_a_form_loses_nothing(
    browser: Browser, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    made = dashboard.client.post(
        "/api/admin/tokens", json={"name": "short", "scopes": ["read", "jobs"]}
    ).json()
    with dashboard_page.context(browser, token=made["token"]) as (context, watched):
        watched.allowed.append("401")
        page = dashboard_page.opened(context.new_page(), f"{dashboard.url}/ui/jobs")
        page.keyboard.press("n")
        names = page.get_by_role("dialog", name="Enqueue a crawl").get_by_label("Subreddits")
        names.fill("kept_while_signed_out")
        dashboard.client.delete(f"/api/admin/tokens/{made['id']}")
        names.press("Tab")
        page.get_by_role("button", name="Enqueue", exact=True).last.click()
        again = page.get_by_role("dialog", name="Sign in again")
        expect(again).to_be_visible()
        expect(names).to_have_value("kept_while_signed_out")
        again.get_by_label("Token", exact=True).fill(TOKEN)
        again.get_by_role("button", name="Sign in").click()
        # The request that was refused is sent again with the new token.
        expect(page.get_by_text("r/kept_while_signed_out: created")).to_be_visible()
        assert json.loads(page.evaluate("() => JSON.stringify({...localStorage})")) == {}


def test_a_newer_filter_drops_the_late_answer_of_an_older_one(
    browser: Browser, dashboard: Dashboard
) -> None:
    with dashboard_page.context(browser) as (context, _):
        held: list[Route] = []

        def answer(route: Route) -> None:
            if "status=failed" in route.request.url and "queued" not in route.request.url:
                held.append(route)
            else:
                number = 2 if "status=queued" in route.request.url else 1
                route.fulfill(json={"items": [row(number)], "next": None})

        context.route(f"**{LIST}*", answer)
        page = dashboard_page.opened(context.new_page(), f"{dashboard.url}/ui/jobs")
        expect(page.locator("tbody")).to_contain_text("name_1")
        with page.expect_event("requestfailed", lambda one: "status=failed" in one.url):
            page.get_by_role("checkbox", name="Failed").check()
            page.get_by_role("checkbox", name="Queued").check()
        expect(page.locator("tbody")).to_contain_text("name_2")
        assert len(held) == 1
