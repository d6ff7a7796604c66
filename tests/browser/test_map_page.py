"""The map: the graph and its table, search, a path, an enqueue of the selection, an export."""

import re

from playwright.sync_api import Page, expect

from support.dashboard_page import PHONE, WIDE, Dashboard, OpenPage, no_horizontal_scroll

NARROW_DESK = 1040  # pixels: the navigation stands beside the page
_PLACES = """
() => [...document.querySelectorAll('svg.map circle')].map((one) =>
  [one.dataset.node, one.getAttribute('cx'), one.getAttribute('cy')].join(' '))
"""


def places(page: Page) -> list[str]:
    """Return the places of the subreddits in the graph, when it is arranged."""
    expect(page.locator("svg.map circle")).to_have_count(10)
    found: list[str] = page.evaluate(_PLACES)
    return sorted(found)


def test_the_map_selects_in_its_graph_and_table_and_enqueues(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    page = open_page("/ui/map?colour=freshness")
    before = places(page)
    table = page.get_by_role("table", name="Subreddits of the map")
    expect(table.locator("tbody tr")).to_have_count(10)
    expect(page.locator(".legend").first).to_contain_text("Very late 1")
    page.set_viewport_size({"width": NARROW_DESK, "height": 900})
    no_horizontal_scroll(page)  # the table is wider than the page, and scrolls alone
    page.set_viewport_size({"width": WIDE, "height": 900})
    table.get_by_role("checkbox", name="Select r/golang").check()
    table.get_by_role("checkbox", name="Select r/birding").check()
    expect(page.get_by_text(re.compile("Path over . links?: r/golang"))).to_be_visible()
    expect(page.locator("svg.map circle.is-chosen")).to_have_count(3)
    page.keyboard.press("/")  # the focus is on a checkbox, which takes no text
    expect(page.get_by_label("Find on the map")).to_be_focused()
    page.get_by_role("button", name="Enqueue").last.click()
    names = page.get_by_role("dialog").get_by_label("Subreddits")
    expect(names).to_have_value("golang\nbirding")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Make a group").click()
    steps = page.get_by_role("dialog").get_by_label("Subreddits", exact=False).first
    expect(steps).to_have_value("golang\nbirding")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export GraphML").click()
    assert "<graphml" in download.value.path().read_text()
    page.reload()
    assert places(page) == before


def test_a_phone_shows_a_neighbourhood_and_finds_a_name(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    page = open_page("/ui/map?around=python&find=rust", width=PHONE, theme="dark")
    table = page.get_by_role("table", name="Subreddits of the map")
    expect(table.locator("tbody tr")).to_have_count(1)
    expect(page.locator("svg.map circle.is-found")).to_have_count(2)
    no_horizontal_scroll(page)
    page.get_by_label("Find on the map").fill("nothing_like_it")
    expect(page.get_by_text("Show the neighbourhood of r/nothing_like_it")).to_be_visible()
