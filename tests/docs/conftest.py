"""A real server of the API for the commands of the documents. The tests of a module share it."""

from collections.abc import Iterator

import pytest

from support import admin_api
from support.admin_api import Gunicorn
from support.databases import Databases, empty_tables


@pytest.fixture(scope="module")
def shared_url(databases: Databases) -> Iterator[str]:
    with databases.clone() as url:
        yield url


@pytest.fixture(scope="module")
def shared_server(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    folder = tmp_path_factory.mktemp("gunicorn")
    running = admin_api.start_gunicorn(folder, shared_url, ADMIN_API_WORKERS="1")
    yield running
    running.stop()


@pytest.fixture
def emptied_url(shared_url: str) -> str:
    """Return the URL of the shared server's database, without rows."""
    empty_tables(shared_url)
    return shared_url


@pytest.fixture
def emptied_server(shared_server: Gunicorn, emptied_url: str) -> Gunicorn:
    """Return the shared server, whose database is empty."""
    assert emptied_url
    return shared_server
