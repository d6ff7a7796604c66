"""crawlctl with one shared admin-api. Each test begins with an empty database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawljobs.db.database import Database
from support import admin_api
from support.admin_api import Gunicorn
from support.crawlctl import Ctl
from support.databases import Databases, empty_tables


@pytest.fixture(scope="session")
def _api_database(databases: Databases) -> Iterator[str]:
    with databases.clone() as url:
        yield url


@pytest.fixture(scope="session")
def _api(_api_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    folder = tmp_path_factory.mktemp("gunicorn")
    running = admin_api.start_gunicorn(folder, _api_database, ADMIN_API_WORKERS="1")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def _api_pool(_api_database: str) -> Iterator[Database]:
    opened = Database(_api_database, pool_size=2)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def api_rows(_api_database: str, _api_pool: Database) -> Database:
    """Return the database of the shared admin-api, without rows."""
    empty_tables(_api_database)
    return _api_pool


@pytest.fixture
def ctl(_api: Gunicorn, api_rows: Database, tmp_path: Path) -> Ctl:
    """Return crawlctl with the address and the token of the shared admin-api."""
    assert api_rows
    token = tmp_path / "token"
    token.write_text(f"{admin_api.TOKEN}\n")
    return Ctl(tmp_path, {"CRAWLJOBS_URL": _api.url, "CRAWLJOBS_TOKEN_FILE": str(token)})


@pytest.fixture
def offline(tmp_path: Path) -> Ctl:
    """Return crawlctl without a server."""
    return Ctl(tmp_path)
