"""Fixtures of the tests in a browser: Chromium, a seeded dashboard, signed-in pages."""

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from crawljobs.db.database import Database
from support import admin_api, dashboard_page, dashboard_rows, needs
from support.dashboard_page import Dashboard, OpenPage, Watch
from support.databases import Databases


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield Debian's Chromium. All tests of a test worker share the process."""
    program = needs.program("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=dashboard_page.ARGUMENTS, headless=True
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def dashboard(
    browser: Browser, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    """Yield a server with rows in all states. Tests share it, so a test changes only own rows."""
    with databases.clone() as url:
        server = admin_api.start_gunicorn(tmp_path_factory.mktemp("dashboard"), url)
        database = Database(url)
        try:
            with server.client() as client:
                seeded = dashboard_rows.seed(database, client)
                yield Dashboard(server.url, seeded, client=client)
        finally:
            database.close()
            server.stop()


@pytest.fixture(scope="session")
def empty_dashboard(
    browser: Browser, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    """Yield a server with an empty database."""
    with databases.clone() as url:
        server = admin_api.start_gunicorn(tmp_path_factory.mktemp("empty"), url)
        try:
            yield Dashboard(server.url, dashboard_rows.Seeded())
        finally:
            server.stop()


@pytest.fixture
def open_page(browser: Browser, dashboard: Dashboard) -> Iterator[OpenPage]:
    """Yield a function that opens a signed-in page: open_page("/ui/jobs", width=390, theme="dark").

    The test fails on each console error, CSP violation and exception. `page.context` has the
    watch: `open_page.watch.allowed.append("404")` allows an expected error.
    """
    with contextlib.ExitStack() as stack:

        def open_one(path: str, *, of: Dashboard = dashboard, **options: object) -> Page:
            context, open_one.watch = stack.enter_context(  # type: ignore[attr-defined]
                dashboard_page.context(browser, **options)  # type: ignore[arg-type]
            )
            return dashboard_page.opened(context.new_page(), f"{of.url}{path}")

        open_one.watch = Watch()  # type: ignore[attr-defined]
        yield open_one
