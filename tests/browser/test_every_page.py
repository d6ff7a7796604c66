"""Each page in both themes and widths, with data, without data and without a database.

The screenshots go to .screenshots/: `./run test --deep tests/browser/test_every_page.py`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from support import dashboard_page, needs
from support.dashboard_page import PHONE, THEMES, WIDE, Dashboard, no_horizontal_scroll
from support.dashboard_pages import PAGES

FOLDER = Path(__file__).resolve().parents[2] / ".screenshots"
VIEWS = [(theme, width) for theme in THEMES for width in (WIDE, PHONE)]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ROW_IDS = ("/jobs/", "/groups/", "/schedules/", "/webhooks/", "/subreddits/", "around=")
LEAST_TARGET = 24  # pixels of a button or an input (WCAG 2.5.8)
_RUN_AXE = """
async (tags) => {
  const found = await axe.run({ runOnly: { type: 'tag', values: tags } });
  return found.violations.map(({ id, help, nodes }) => ({
    id, help, nodes: nodes.slice(0, 3).map((node) => node.html.slice(0, 200)),
  }));
}
"""
_SMALL_TARGETS = """
(least) => [...document.querySelectorAll('button, input, select, summary')]
  .filter((one) => one.checkVisibility() && !one.closest('label, dialog:not([open])'))
  .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.width < least || box.height < least))
  .filter(([html]) => !html.includes('type="checkbox"'))
  .map(([html]) => html)
"""


@pytest.fixture(scope="module")
def axe() -> str:
    return needs.axe()


def violations(page: Page, axe: str) -> list[dict[str, Any]]:
    """Return the violations of accessibility rules that axe-core finds."""
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(_RUN_AXE, TAGS)
    return found


def without_database(route: Route) -> None:
    """Answer as the API does when Postgres is stopped, except for the check of the token."""
    if route.request.url.endswith("/api/whoami"):
        route.continue_()
        return
    problem = (
        '{"type": "/docs#database_unavailable", "title": "Database unavailable", "status": 503,'
        ' "code": "database_unavailable", "detail": "The same request may succeed in a moment.",'
        ' "request_id": "r1", "errors": []}'
    )
    route.fulfill(
        status=503, body=problem, content_type="application/problem+json",
        headers={"Retry-After": "30"},
    )  # fmt: skip


@pytest.fixture(params=["data", "empty", "error"])
def state(
    request: pytest.FixtureRequest, dashboard: Dashboard, empty_dashboard: Dashboard
) -> Iterator[tuple[str, Dashboard]]:
    name: str = request.param
    yield name, (empty_dashboard if name == "empty" else dashboard)


@pytest.mark.deep
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits_in_each_theme_width_and_state(
    browser: Browser, state: tuple[str, Dashboard], dashboard: Dashboard, axe: str, name: str
) -> None:
    shown, server = state
    path = PAGES[name](dashboard.seeded)
    found = {}
    for theme, width in VIEWS:
        # axe-core itself is inline code, which the policy forbids.
        options = {"bypass_csp": True}
        with dashboard_page.context(browser, width=width, theme=theme, **options) as (
            context,
            watch,
        ):
            watch.allowed += (
                ["503", "404"] if shown == "error" or any(x in path for x in ROW_IDS) else []
            )
            if shown == "error":
                context.route("**/api/**", without_database)
            page = dashboard_page.opened(context.new_page(), f"{server.url}{path}")
            expect(page.locator("main")).not_to_be_empty()
            dashboard_page.screenshot(page, FOLDER, f"{name}-{shown}-{theme}-{width}")
            no_horizontal_scroll(page)
            for each in violations(page, axe):
                found[theme, width, each["id"]] = each
            for each in page.evaluate(_SMALL_TARGETS, LEAST_TARGET):
                found[theme, width, each] = {"id": "target size"}
    assert found == {}, found
