"""Open pages of the dashboard in Chromium, watch them for errors, and measure their layout."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect

from support.admin_api import TOKEN
from support.dashboard_rows import Seeded

OpenPage = Callable[..., Page]  # open_page(path, width=..., theme=..., of=...)
SECONDS = 20  # the deadline of a page or an element, on an overloaded machine
expect.set_options(timeout=SECONDS * 1000)
WIDE, PHONE = 1280, 390  # widths in pixels
HEIGHTS = {WIDE: 900, PHONE: 844}
TALLEST = 5_000  # pixels of a picture
THEMES = ("light", "dark")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]
# The empty page before the first one has no storage.
_KEEP_TOKEN = """
if (location.protocol === 'http:' && !sessionStorage.getItem('crawljobs-token')) {
  sessionStorage.setItem('crawljobs-token', TOKEN);
}
"""


@dataclass
class Dashboard:
    """A running admin-api with its address and the ids of its rows."""

    url: str
    seeded: Seeded
    token: str = TOKEN
    client: httpx.Client | None = None


@dataclass
class Watch:
    """The errors of the pages of a context. `allowed` are parts of texts that a test expects."""

    errors: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    opened: int = 0  # dialogs of the browser, such as alert()

    def unexpected(self) -> list[str]:
        return [each for each in self.errors if not any(part in each for part in self.allowed)]


def watch(context: BrowserContext) -> Watch:
    """Record console errors, CSP violations (which are console errors), exceptions and dialogs."""
    found = Watch()

    def look(page: Page) -> None:
        page.on("console", lambda line: line.type == "error" and found.errors.append(line.text))
        page.on("pageerror", lambda error: found.errors.append(f"exception: {error}"))

        def close(dialog: Any) -> None:
            found.errors.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", close)

    context.on("page", look)
    return found


@contextlib.contextmanager
def context(
    browser: Browser,
    *,
    width: int = WIDE,
    theme: str = "light",
    token: str | None = TOKEN,
    **options: Any,
) -> Iterator[tuple[BrowserContext, Watch]]:
    """Yield a browser context whose pages are signed in, and fail on each error of its pages."""
    made = browser.new_context(
        viewport={"width": width, "height": HEIGHTS[width]},
        color_scheme=theme,  # type: ignore[arg-type] # one of THEMES
        reduced_motion="reduce",
        timezone_id="UTC",
        locale="en-US",
        **options,
    )
    made.set_default_timeout(SECONDS * 1000)
    watched = watch(made)
    if token is not None:
        made.add_init_script(_KEEP_TOKEN.replace("TOKEN", json.dumps(token)))
    try:
        yield made, watched
        assert watched.unexpected() == [], watched.unexpected()
    finally:
        made.close()


def opened(page: Page, address: str) -> Page:
    """Open an address, and wait for the heading and the end of the first load."""
    page.goto(address)
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("main .skeleton")).to_have_count(0)
    return page


def no_horizontal_scroll(page: Page) -> None:
    """Fail if the page is wider than its window."""
    wide, window = page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= window, f"the page is {wide} px wide in a window of {window} px"


def screenshot(page: Page, folder: Path, name: str) -> None:
    """Write a picture of the whole page: the window grows to its height, so the footer is below."""
    folder.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    assert size is not None
    tall = page.evaluate("() => document.documentElement.scrollHeight")
    page.set_viewport_size({**size, "height": min(TALLEST, max(size["height"], tall))})
    page.screenshot(path=folder / f"{name}.png")
    page.set_viewport_size(size)
